// Dials that fail over real sockets: slow, refused, garbled, late (scenarios 1, 4, 7, 30, 52).
import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import {
  isTransportError,
  type SessionEnd,
  TransportError,
  type TransportErrorCode,
} from "../../mod.ts";
import { platform, test } from "../support/harness.ts";
import { type RawPeer, startRawServer } from "../support/raw_server.ts";
import { closedPort } from "./closed_port.ts";
import { Feed, textsOf, withFeed } from "./feed.ts";
import { eachLeaf, type LeafUnderFault } from "./each_leaf.ts";

eachLeaf.test(
  "connect() waits longer and longer when every session is closed at once (scenario 1)",
  {
    timeoutMs: 60_000,
  },
  async (leaf) => {
    // Of the stack's own policy 200 show enough; over the other leaf it is the leaf that is looked at.
    const cycles = leaf.isTcp ? 40 : 200;
    const policy = { minDelayMs: 2, maxDelayMs: 20, multiplier: 2 };
    const arrivals: number[] = [];
    const server = await startRawServer({
      onPeer(peer) {
        arrivals.push(performance.now());
        peer.accept();
        peer.close(1001, "not now");
      },
    });
    await withFeed(server, leaf.feed(server.url, { backoff: policy }), async (feed) => {
      await feed.until(() => feed.traced("down").length >= cycles);
      const delays = feed.traced("retry").map(({ delayMs }) => delayMs);
      for (const [i, delay] of delays.entries()) {
        const cap = Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** (i + 1));
        assert(
          delay >= policy.minDelayMs && delay <= cap,
          `delay ${i + 1} is ${delay}, not 2 to ${cap}`,
        );
      }
      // With a reset on open every delay would stay at the first step, 4 ms at most.
      assert(delays.slice(10).some((delay) => delay > 10), "the delays have grown");
      // What the server saw: no dial came before its delay was over. Timers may fire 1 ms early.
      for (let i = 1; i < cycles; i++) {
        assertGreaterOrEqual(arrivals[i]! - arrivals[i - 1]!, delays[i - 1]! - 1.5);
      }
      assertEquals(feed.traced("stable").length, 0);
    });
  },
);

eachLeaf.test("connect() times out where no upgrade is answered, and takes nothing later (scenario 4)", async (leaf) => {
  const mute: RawPeer[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      if (peer.request.url.pathname === "/mute") return void mute.push(peer);
      peer.accept();
      peer.sendText("from the second");
    },
  });
  // On a busy machine a dial may be given up before the server has heard of it: then it is the next one.
  const url = () => new URL(mute.length === 0 ? "/mute" : "/good", server.url);
  const feed = leaf.feed(url, { connectTimeoutMs: 200 }).read();
  await withFeed(server, feed, async () => {
    await feed.until(() => feed.traced("failure").length > 0 && mute.length > 0);
    const { error, stage } = feed.traced("failure")[0]!;
    assert(isTransportError(error, "connect_timeout"), `it is ${error.code}`);
    assertEquals(stage, "dial");
    // The answer comes after all, with a frame behind it.
    mute[0]!.accept();
    mute[0]!.sendText("too late");
    await mute[0]!.closed;
    await feed.until(() => feed.frames.length === 1);
    assertEquals(textsOf(feed.frames), ["from the second"]);
    assertEquals(feed.sessions.length, 1);
  });
});

eachLeaf.test("connect() times out where TCP is taken and nothing is read (scenario 4)", async (leaf) => {
  let hangs = true;
  const server = await startRawServer({
    onTcp: () => hangs ? "hang" : "take",
    onPeer: (peer) => peer.accept(),
  });
  const feed = leaf.feed(server.url, { connectTimeoutMs: 150 });
  await withFeed(server, feed, async () => {
    await feed.until(() => feed.traced("failure").length === 2);
    hangs = false;
    await feed.up();
    const codes = new Set(feed.traced("failure").map(({ error }) => error.code));
    assertEquals([...codes], ["connect_timeout"]);
    assertEquals(feed.sessions.length, 1);
  });
});

interface Fault {
  readonly name: string;
  readonly does: (peer: RawPeer) => void;
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** What the leaf over TCP sees of it, if not only that the handshake failed. */
  readonly seen?: { readonly code?: TransportErrorCode; readonly origin?: SessionEnd["origin"] };
}

const refuse = (status: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  name: `${status}`,
  does: (peer) => peer.refuse(status, headers),
  status,
});

const FAULTS: readonly Fault[] = [
  refuse(401),
  refuse(403),
  refuse(404),
  { ...refuse(429, { "Retry-After": "1" }), retryAfterMs: 1_000 },
  refuse(503),
  refuse(302, { Location: "http://127.0.0.1:1/" }),
  {
    name: "what is no HTTP",
    does(peer) {
      peer.hang();
      peer.sendRaw(new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n\r\n"));
      peer.fin();
    },
    seen: { code: "protocol_error" },
  },
  { name: "a reset", does: (peer) => peer.reset(), seen: { origin: "network" } },
  {
    name: "an end of the connection",
    does(peer) {
      peer.hang();
      peer.fin();
    },
    seen: { origin: "network" },
  },
  {
    name: "a wrong accept hash",
    does: (peer) => peer.accept({ acceptHash: "wrong" }),
    seen: { code: "protocol_error" },
  },
];

for (const fault of FAULTS) {
  // Deno does not look at Sec-WebSocket-Accept (the conformance list has the deviation).
  const unseenBy = ({ isTcp }: LeafUnderFault) =>
    !isTcp && platform === "deno" && fault.name === "a wrong accept hash";
  const name = (leaf: LeafUnderFault) =>
    unseenBy(leaf)
      ? "open() takes a session with a wrong accept hash, which Deno does not check (scenario 7)"
      : `open() tells of ${fault.name} with a typed error, and dials again (scenario 7)`;
  eachLeaf.test(name, async (leaf) => {
    const unseen = unseenBy(leaf);
    const server = await startRawServer({
      onPeer: (peer) => peer.request.url.pathname === "/bad" ? fault.does(peer) : peer.accept(),
    });
    let dials = 0;
    const url = () => new URL(++dials === 1 ? "/bad" : "/good", server.url);
    await withFeed(server, leaf.feed(url), async (feed) => {
      await feed.up();
      const [failure] = feed.traced("failure");
      if (unseen) return assertEquals(failure, undefined);
      assert(failure !== undefined, "the failure is traced");
      // A platform says no more than that it failed; the leaf over TCP says what was wrong.
      const { code = "connect_failed", origin = "handshake" } = leaf.isTcp ? fault.seen ?? {} : {};
      assertEquals(failure.error.code, code);
      assertEquals(failure.stage, "dial");
      assertEquals(failure.error.end?.code, 1006);
      assertEquals(failure.error.end?.origin, origin);
      assertEquals(failure.error.end?.status, fault.status);
      // Node 24 and 26 send a handshake that is answered with 401 twice; the leaf says so.
      const { handshakeStatus, wireDials } = leaf.connector.capabilities;
      assert(server.counters.handshakes <= wireDials + 1, "no more dials than declared");
      if (leaf.isTcp) assertEquals([wireDials, server.counters.handshakes], [1, 2]);
      const exact = handshakeStatus === "exact";
      const hint = exact ? fault.retryAfterMs ?? 0 : 0;
      const retry = feed.traced("retry")[0]!;
      assertEquals(retry.hintMs, hint);
      const [dialled, again] = feed.traced("dial");
      assertGreaterOrEqual(again!.atMs - dialled!.atMs, hint - 1);
      assertEquals(feed.connection.lifecycle.value.epoch, 1);
    });
  });
}

eachLeaf.test("open() tells of a port where nobody listens, and finds the server that comes (scenario 7)", async (leaf) => {
  const port = await closedPort();
  const feed = leaf.feed(`ws://127.0.0.1:${port}/`);
  await feed.until(() => feed.traced("failure").length >= 3);
  const { error } = feed.traced("failure")[0]!;
  assert(isTransportError(error, "connect_failed"), `it is ${error.code}`);
  assertEquals(error.end?.status, undefined);
  const server = await startRawServer({ port, onPeer: (peer) => peer.accept() });
  await withFeed(server, feed, () => feed.up());
});

test("connect() rejects when the first session does not come in time (scenario 7)", async () => {
  const server = await startRawServer({ onPeer: (peer) => peer.refuse(503) });
  await withFeed(server, new Feed(server.url, { readyTimeoutMs: 100 }), async (feed) => {
    await assertRejects(() => feed.connection.ready, TransportError, "readyTimeoutMs");
    assert(feed.connection.lifecycle.value.exhausted, "given up by an own limit");
  });
});

test("backoff longer than a timer can be does not fire at once (scenario 30)", async () => {
  let requests = 0;
  const server = await startRawServer({
    onPeer: (peer) => ++requests === 1 ? peer.refuse(503) : peer.accept(),
  });
  const forever = 2 ** 31 + 1_000;
  const backoff = { minDelayMs: forever, maxDelayMs: forever };
  await withFeed(server, new Feed(server.url, { backoff }), async (feed) => {
    await feed.until(() => feed.traced("retry").length === 1);
    // A delay that overflows fires after 1 ms on every platform, so before this later timer.
    await new Promise<void>((resolve) => feed.clock.setTimer(resolve, 100));
    assertEquals(feed.connection.lifecycle.value.attempts, 1);
    feed.connection.control.forceReconnect();
    await feed.up();
    assertEquals(feed.connection.lifecycle.value.attempts, 2);
  });
});

eachLeaf.test("shutdown() during a dial ends it, and nothing opens later (scenario 52)", async (leaf) => {
  const waiting: RawPeer[] = [];
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => arrived = resolve);
  const server = await startRawServer({
    onPeer(peer) {
      waiting.push(peer);
      arrived();
    },
  });
  await withFeed(server, leaf.feed(server.url), async (feed) => {
    await arrival;
    await feed.connection.control.shutdown();
    assertEquals(feed.connection.lifecycle.value.phase, "closed");
    waiting[0]!.accept();
    waiting[0]!.sendText("too late");
    await waiting[0]!.closed;
    assertEquals(feed.sessions.length, 0);
    assertEquals(feed.connection.stats().received, 0);
    await assertRejects(() => feed.connection.ready, TransportError, "shut down");
    assertEquals(server.counters.handshakes, 1);
  });
});
