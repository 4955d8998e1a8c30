// What 200 failed dials leave behind: no socket, timer or listener, counted at both ends.
import { assert, assertEquals } from "@std/assert";
import { connectTimeout } from "../../mod.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import { platform, test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";
import { type Child, startPeer } from "./child.ts";
import { closedPort } from "./closed_port.ts";
import { CountingClock, withFeed } from "./feed.ts";
import { eachLeaf, type LeafUnderFault } from "./each_leaf.ts";
import { FAULT_LEAVES } from "./leaves.ts";
import { countedSignal, heardChannels, openSockets } from "./resources.ts";

const DIALS = 200;
const ABREAST = 20;

/** One dial that must fail; `requests` resolves when the server has so many requests. */
type Dial = (
  connector: WsConnector,
  url: string,
  i: number,
  requests: (count: number) => Promise<unknown>,
) => Promise<void>;

async function fails(dial: Promise<unknown>): Promise<void> {
  const opened = await dial.then(() => true, () => false);
  assert(!opened, "the dial fails");
}

const clock = new CountingClock();
const shared = countedSignal();

const KINDS: Readonly<Record<string, Dial>> = {
  refused: (connector, url) => {
    const handshake = handshakeOf({ url: `${url}refuse?status=403` });
    return fails(connector.connect(handshake, { signal: shared.controller.signal }));
  },
  unanswered: (connector, url) => {
    const handshake = handshakeOf({ url: `${url}hang` });
    const layered = connectTimeout(100, clock)(connector);
    return fails(layered.connect(handshake, { signal: shared.controller.signal }));
  },
  aborted: async (connector, url, i, requests) => {
    const handshake = handshakeOf({ url: `${url}hang` });
    const { controller, listeners } = countedSignal();
    const dial = fails(connector.connect(handshake, { signal: controller.signal }));
    // In the same turn, a microtask later, or when the request is there.
    if (i % 3 === 1) await Promise.resolve();
    if (i % 3 === 2) await requests(1);
    controller.abort(new Error("not wanted"));
    await dial;
    assertEquals(listeners(), 0, "nobody listens to the signal any more");
  },
};

/** No more sockets than before; fewer, if one of an earlier test has ended meanwhile. */
function assertNoMore(before: number | undefined): void {
  const now = openSockets();
  assert(now! <= before!, `${now} sockets, ${before} before`);
}

async function settle(child: Child): Promise<void> {
  const asked = child.events.length;
  child.tell("when-idle");
  await child.until((event) => event.event === "idle" && child.events.indexOf(event) >= asked);
}

const options = {
  timeoutMs: 60_000,
  skip: openSockets() === undefined ? "no /proc to count descriptors in" : undefined,
};

// undici opens a second connection for a dial that is aborted, and keeps it idle for some 4 s.
const lingering = ({ isTcp }: LeafUnderFault) =>
  platform === "node" && !isTcp ? ", once undici has closed its idle ones" : "";

for (const [kind, dial] of Object.entries(KINDS)) {
  const name = (leaf: LeafUnderFault) =>
    `connect() ${DIALS} times ${kind} leaves nothing behind${
      kind === "refused" ? "" : lingering(leaf)
    }`;
  eachLeaf.test(name, options, async ({ connector }) => {
    const { child, url } = await startPeer();
    try {
      const requests = (count: number) => {
        let seen = 0;
        return child.until(({ event }) => event === "request" && ++seen >= count);
      };
      const round = async (count: number) => {
        for (let i = 0; i < count; i += ABREAST) {
          const batch = Array.from(
            { length: ABREAST },
            (_, j) => dial(connector, url, i + j, requests),
          );
          await Promise.all(batch);
        }
        await settle(child);
      };
      // What a platform sets up once and keeps is not a leak: it is here after the first round.
      await round(ABREAST);
      const before = openSockets();
      await round(DIALS);
      assertNoMore(before);
      assertEquals(clock.live, 0, "no timer is left");
      assertEquals(shared.listeners(), 0, "nobody listens to the signal any more");
      assertEquals(heardChannels(), [], "nobody listens to a channel any more");
    } finally {
      await child.close();
    }
  });
}

// Deno loses a connection that opens in the turn of the abort, if it is told of it (2.9.5); the leaf over TCP must not.
for (const { connector } of FAULT_LEAVES.filter(({ name }) => name === "tcp")) {
  const name = `connect() ${DIALS} times given up while it opens leaves nothing behind over tcp()`;
  test(name, options, async () => {
    const server = await startRawServer({ secure: true, onPeer: (peer) => peer.hang() });
    const before = openSockets();
    try {
      for (let i = 0; i < DIALS; i++) {
        const handshake = handshakeOf({ url: server.url });
        // So short that it is over before TCP is there, within TLS, or when the request is out.
        const hasty = connectTimeout(1 + i % 4, clock)(connector);
        await fails(hasty.connect(handshake, { signal: shared.controller.signal }));
      }
      // The server gives a socket back when it sees the end of it, which takes it a few turns.
      const patience = performance.now() + 2_000;
      while (server.counters.open > 0 && performance.now() < patience) {
        await new Promise<void>((resolve) => clock.turn(resolve));
      }
      assertEquals(server.counters.open, 0, "connections that nobody closed");
      assertNoMore(before);
      assertEquals(clock.live, 0, "no timer is left");
      assertEquals(shared.listeners(), 0, "nobody listens to the signal any more");
    } finally {
      await server.close();
    }
  });
}

eachLeaf.test(
  `connect() ${DIALS} times to a closed port leaves nothing behind`,
  options,
  async (leaf) => {
    const handshake = handshakeOf({ url: `ws://127.0.0.1:${await closedPort()}/` });
    const round = async (count: number) => {
      for (let i = 0; i < count; i += ABREAST) {
        await Promise.all(Array.from(
          { length: ABREAST },
          () => fails(leaf.connector.connect(handshake, { signal: shared.controller.signal })),
        ));
      }
    };
    await round(ABREAST);
    const before = openSockets();
    await round(DIALS);
    assertNoMore(before);
    assertEquals(shared.listeners(), 0, "nobody listens to the signal any more");
    assertEquals(heardChannels(), [], "nobody listens to a channel any more");
  },
);

eachLeaf.test(
  "open() with 200 sessions and one signal leaves nothing behind",
  options,
  async (leaf) => {
    const { child, url } = await startPeer();
    const { controller, listeners } = countedSignal();
    const life = async (sessions: number) => {
      const feed = leaf.feed(`${url}close?code=1001`, {
        signal: controller.signal,
        backoff: { minDelayMs: 1, maxDelayMs: 2 },
        onSession: ({ signal }) => {
          // Waits for what never comes, as an adapter does whose login is not answered.
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          });
        },
      });
      await feed.until(() => feed.traced("down").length >= sessions);
      await feed.end();
      await feed.gone();
      assertEquals(listeners(), 0, "nobody listens to the signal any more");
      await settle(child);
    };
    try {
      await life(10);
      const before = openSockets();
      await life(200);
      assertNoMore(before);
      assertEquals(heardChannels(), [], "nobody listens to a channel any more");
    } finally {
      await child.close();
    }
  },
);

eachLeaf.test("open() whose signal is aborted lets go of everything", options, async (leaf) => {
  const { child, url } = await startPeer();
  const { controller, listeners } = countedSignal();
  const feed = leaf.feed(url, { signal: controller.signal });
  await withFeed(child, feed, async () => {
    await feed.up();
    controller.abort(new Error("enough"));
    await feed.connection.lifecycle.waitFor(({ phase }) => phase === "closed");
    await child.until(({ event }) => event === "end");
    assertEquals(listeners(), 0, "nobody listens to the signal any more");
  });
});
