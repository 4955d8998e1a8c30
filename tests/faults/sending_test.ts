// Sending into budgets, jitter and peers that do not read, over real sockets (scenarios 43, 44, 48, 49).
import { assert, assertEquals, assertRejects } from "@std/assert";
import { isTransportError, sendRateLimit, TransportError } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";
import { startPeer } from "./child.ts";
import { Feed, withFeed } from "./feed.ts";
import { eachLeaf, type LeafUnderFault } from "./each_leaf.ts";

/** The most arrivals that any window of that length holds. */
function busiest(times: readonly number[], windowMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[last]! - times[first]! > windowMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/**
 * Sends `count` messages at once through a network that delays every other window by 200 ms: what
 * `slackMs` covers beyond that is for a machine whose own timers are late.
 */
async function arrivalsOf(count: number, slackMs: number): Promise<number[]> {
  const limit = { limit: 5, windowMs: 500 };
  let peer: RawPeer | undefined;
  let arrived = () => {};
  const server = await startRawServer({
    onPeer(one) {
      peer = one;
      one.accept();
      one.onText = () => arrived();
    },
  });
  // The worst that jitter can do: one window late, the next one early.
  let window = 0;
  const times: number[] = [];
  const latencyMs = () => times.length > 0 && window++ % 2 === 0 ? 200 : 0;
  const proxy = await startToxicProxy(server.port, { up: { latencyMs } });
  const feed = new Feed(proxy.url, { sendRateLimit: sendRateLimit({ ...limit, slackMs }) });
  const end = { close: () => Promise.all([proxy.close(), server.close()]) };
  await withFeed(end, feed, async () => {
    await feed.up();
    const all = new Promise<void>((resolve) => {
      arrived = () => {
        times.push(performance.now());
        if (times.length === count) resolve();
      };
    });
    await Promise.all(Array.from({ length: count }, (_, i) => feed.connection.send(`${i}`)));
    await all;
    assertEquals(peer?.violations, []);
  });
  return times;
}

test("sendRateLimit() with slackMs holds its budget at a server behind a network with jitter (scenario 43)", async () => {
  assert(busiest(await arrivalsOf(15, 900), 500) <= 5, "no window holds more than 5");
});

test("sendRateLimit() without slackMs does not, which is what slackMs is for (scenario 43)", async () => {
  assert(busiest(await arrivalsOf(20, 0), 500) > 5, "a late window and an early one meet");
});

test("sendRateLimit() with a reserve leaves room for the pongs of the runtime (scenario 44)", async () => {
  const windowMs = 500;
  const sent = 9;
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      // Two pings in any window at most.
      const timer = setInterval(() => peer.ping("budget"), 450);
      void peer.closed.then(() => clearInterval(timer));
    },
  });
  const limiter = sendRateLimit({ limit: 5, windowMs, reserve: 2, slackMs: 500 });
  await withFeed(server, new Feed(server.url, { sendRateLimit: limiter }), async (feed) => {
    const peer = await server.accepted();
    const texts = new Promise<void>((resolve) => {
      let count = 0;
      peer.onText = () => ++count === sent && resolve();
    });
    await feed.up();
    await Promise.all(Array.from({ length: sent }, (_, i) => feed.connection.send(`${i}`)));
    await texts;
    const counted = peer.arrivals.filter(({ opcode }) =>
      opcode === OPCODE.text || opcode === OPCODE.pong
    );
    assert(counted.some(({ opcode }) => opcode === OPCODE.pong), "the runtime answered pings");
    assert(busiest(counted.map(({ atMs }) => atMs), windowMs) <= 5, "pongs and data fit together");
  });
});

eachLeaf.test("send() to a peer that does not read is bounded, and ends with its session (scenario 48)", async (leaf) => {
  const { child, url } = await startPeer();
  const mebibyte = "x".repeat(2 ** 20);
  let dials = 0;
  const feed = leaf.feed(() => `${url}${++dials === 1 ? "stop-reading" : "silent"}`, {
    send: { timeoutMs: 500, maxWaitingBytes: 4 * 2 ** 20, highWaterMarkBytes: 2 ** 20 },
  });
  await withFeed(child, feed, async () => {
    const { connection } = feed;
    await feed.up();
    const codes = new Map<string, number>();
    const note = (outcome: string): void => {
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    };
    const sends: Promise<void>[] = [];
    for (let i = 0; i < 32; i++) {
      const send = connection.send(mebibyte).then(() => note("sent"), (error) => {
        assert(isTransportError(error), `it rejects with ${error}`);
        note(error.code);
      });
      sends.push(send);
      const { waitingBytes } = connection.stats();
      assert(waitingBytes <= 4 * 2 ** 20, `${waitingBytes} bytes wait`);
      const held = feed.sessions[0]!.bufferedAmount;
      assert(held <= 3 * 2 ** 20, `the socket holds ${held} bytes`);
      // The kernel takes some, in its own time; from then on nothing moves.
      await new Promise<void>((resolve) => feed.clock.turn(resolve));
    }
    await Promise.all(sends);
    await feed.up(2);
    assertEquals([...codes.values()].reduce((sum, count) => sum + count), 32);
    assert((codes.get("queue_full") ?? 0) > 0, "what is too much is refused at once");
    assert((codes.get("stale_session") ?? 0) > 0, "what waited ends with its session");
    assertEquals(feed.traced("failure")[0]?.error.code, "send_timeout");
    assertEquals(connection.stats().waitingBytes, 0);
    await connection.send("to the second");
    await child.until(({ event, data }) => event === "text" && data === "to the second");
  });
});

/** A feed at a peer that does not read, with 32 MiB written and room in the outbox for so many. */
async function stuckWriter(
  leaf: LeafUnderFault,
  roomMiB: number,
  use: (feed: Feed, writer: WritableStreamDefaultWriter) => Promise<void>,
): Promise<void> {
  const { child, url } = await startPeer();
  const feed = leaf.feed(`${url}stop-reading`, {
    shutdownTimeoutMs: 300,
    send: { timeoutMs: 60_000, maxWaitingBytes: roomMiB * 2 ** 20 },
  });
  await withFeed(child, feed, async () => {
    await feed.up();
    const writer = feed.connection.writable.getWriter();
    const mebibyte = "x".repeat(2 ** 20);
    // What the kernel and the socket do not take waits in the outbox, what that does not take in
    // the stream's own queue. None of it ever goes out.
    for (let i = 0; i < 32; i++) writer.write(mebibyte).catch(() => {});
    const started = performance.now();
    await use(feed, writer);
    assert(performance.now() - started < 5_000, "within the bound");
    await feed.connection.lifecycle.waitFor(({ phase }) => phase === "closed");
    assertEquals(feed.connection.stats().waitingBytes, 0);
    await assertRejects(() => feed.connection.send("x"), TransportError);
  });
}

eachLeaf.test("writable.abort() settles with a write stuck (scenario 49)", (leaf) =>
  stuckWriter(leaf, 4, async (_feed, writer) => {
    await writer.abort(new Error("enough"));
  }));

eachLeaf.test("writable.close() settles with frames stuck, and says that not all were sent (scenario 49)", (leaf) =>
  stuckWriter(leaf, 64, async (_feed, writer) => {
    await assertRejects(() => writer.close(), TransportError, "not every frame could be sent");
  }));

eachLeaf.test("shutdown() settles a writable.close() that waits behind a write which found no room (scenario 49)", (leaf) =>
  stuckWriter(leaf, 4, async (feed, writer) => {
    const closing = assertRejects(() => writer.close(), TransportError);
    await feed.connection.control.shutdown({ timeoutMs: 100 });
    await closing;
  }));
