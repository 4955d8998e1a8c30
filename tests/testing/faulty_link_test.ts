/**
 * The bad network of the kit.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { DeliveredFrame, ReconnectingConnection, Runtime } from "../../mod.ts";
import { isTransportError, open, TransportError } from "../../mod.ts";
import type { WsConnection } from "../../src/contract/connection.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import {
  FaultyLink,
  type LinkConditions,
  type MockDial,
  type MockRuntime,
  mockRuntime,
} from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

interface Bench {
  readonly mock: MockRuntime;
  readonly link: FaultyLink;
  readonly connection: WsConnection;
  readonly dial: MockDial;
  /** What arrived, with its time. */
  readonly seen: [number, string][];
}

/** A raw session over a link. */
async function bench(conditions: LinkConditions = {}): Promise<Bench> {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime, conditions);
  const { signal } = new AbortController();
  const connecting = link.connect(handshakeOf({ url: "ws://venue/" }), { signal });
  const dial = await mock.dial();
  dial.open();
  await mock.advance(1_000);
  const connection = await connecting;
  const seen: [number, string][] = [];
  const at = () => mock.clock.now();
  connection.attach!({
    frame: (frame) => seen.push([at(), frame.type === "text" ? frame.data : frame.type]),
    dropped: (frames) => seen.push([at(), `dropped ${frames}`]),
    end: (end) => seen.push([at(), `end ${end.code} ${end.origin}`]),
  });
  return { mock, link, connection, dial, seen };
}

function feedOver(runtime: Runtime): ReconnectingConnection {
  return open("ws://venue", {
    runtime,
    liveness: { staleAfterMs: 10_000, deadAfterMs: 20_000 },
    onSession: (session) => session.send("subscribe A"),
  });
}

test("FaultyLink without conditions passes everything at once", async () => {
  const { connection, dial, seen, mock, link } = await bench();
  const now = mock.clock.now();
  dial.receive("in");
  dial.receiveControl("ping");
  dial.drop(2, 20);
  connection.send({ type: "text", data: "out" });
  assertEquals([dial.sent, connection.bufferedAmount], [["out"], 0]);
  dial.end({ code: 1001 });
  await mock.settle();
  const expected = ["in", "ping", "dropped 2", "end 1001 server"];
  assertEquals(seen, expected.map((what) => [now, what]));
  assertEquals([(await connection.closed).code, link.carried, mock.clock.timers], [1001, 0, 0]);
});

test("FaultyLink delays each way by its latency, the handshake too", async () => {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime, { latencyMs: 40 });
  const { signal } = new AbortController();
  const times: number[] = [];
  link.connect(handshakeOf({ url: "ws://venue/" }), { signal }).then((connection) => {
    times.push(mock.clock.now());
    connection.send({ type: "text", data: "hello" });
    assertEquals(connection.bufferedAmount, 5);
  });
  const dial = await mock.dial();
  assertEquals(mock.clock.now(), 40);
  dial.open();
  await mock.advance(119);
  assertEquals([times, dial.sent], [[80], ["hello"]]);
  await mock.advance(1);
  assertEquals([mock.clock.now(), dial.sent], [160, ["hello"]]);
});

test("FaultyLink with jitter lets nothing overtake", async () => {
  const { dial, seen, mock } = await bench({ jitterMs: 200 });
  const from = mock.clock.now();
  for (let i = 0; i < 50; i++) dial.receive(String(i));
  await mock.advance(200);
  assertEquals(seen.map(([, what]) => what), Array.from({ length: 50 }, (_, i) => String(i)));
  const times = seen.map(([at]) => at - from);
  assert(times.every((time) => time >= 0 && time <= 200));
  assert(new Set(times).size > 1, "everything came at one time: that is no jitter");
});

test("FaultyLink loses the share of data frames that it was told to, counts them, and no control frames", async () => {
  const { dial, seen, link } = await bench({ dropRate: 0.25 });
  for (let i = 0; i < 1_000; i++) dial.receive(String(i));
  for (let i = 0; i < 100; i++) dial.receiveControl("ping");
  assertEquals(seen.length + link.lost, 1_100);
  assert(link.lost > 200 && link.lost < 300, `lost ${link.lost}`);
  assertEquals(seen.filter(([, what]) => what === "ping").length, 100);
});

test("FaultyLink with slices delivers a message with its last slice", async () => {
  const { dial, seen, mock } = await bench({ slice: { bytes: 10, everyMs: 5 } });
  const from = mock.clock.now();
  dial.receive("x".repeat(10));
  dial.receive("y".repeat(35));
  dial.receive("z");
  await mock.advance(100);
  assertEquals(seen.map(([at, what]) => [at - from, what[0]]), [[0, "x"], [15, "y"], [15, "z"]]);
});

test("FaultyLink halfOpen() lets nothing through and tells nobody; heal() lets through what was held", async () => {
  const { link, connection, dial, seen, mock } = await bench();
  link.halfOpen();
  dial.receive("in");
  connection.send({ type: "text", data: "out" });
  dial.end();
  await mock.advance(3_600_000);
  assertEquals([seen, dial.sent, connection.bufferedAmount], [[], [], 3]);
  link.heal();
  await mock.settle();
  assertEquals(seen.map(([, what]) => what), ["in", "end 1006 network"]);
});

test("FaultyLink halfOpen() can be one-sided", async () => {
  const { link, connection, dial, seen, mock } = await bench();
  link.halfOpen("in");
  dial.receive("in");
  connection.send({ type: "text", data: "out" });
  assertEquals([seen.length, dial.sent], [0, ["out"]]);
  link.heal();
  link.halfOpen("out");
  dial.receive("again");
  connection.send({ type: "text", data: "held" });
  await mock.settle();
  assertEquals([seen.length, dial.sent], [2, ["out"]]);
});

test("FaultyLink reset() ends sessions and dials at once, on both sides", async () => {
  const { link, connection, dial, seen, mock } = await bench({ latencyMs: 10 });
  const { signal } = new AbortController();
  const dialling = link.connect(handshakeOf({ url: "ws://venue/" }), { signal });
  dialling.catch(() => {});
  await mock.advance(10);
  link.reset();
  await mock.settle();
  assertEquals(seen.map(([, what]) => what), ["end 1006 network"]);
  assertEquals([(await connection.closed).code, dial.abandoned], [1006, true]);
  assertThrows(() => connection.send({ type: "text", data: "late" }), TransportError, "not open");
  const error = await assertRejects(() => dialling, TransportError);
  assertEquals([error.code, error.end?.origin], ["connect_failed", "handshake"]);
  assertEquals([link.carried, mock.clock.timers], [0, 0]);
});

test("FaultyLink refuse() refuses dials with the facts that it was given, until heal()", async () => {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime);
  const { signal } = new AbortController();
  const dial = () => link.connect(handshakeOf({ url: "ws://venue/" }), { signal });
  link.refuse({ status: 503, retryAfterMs: 2_000 });
  const error = await assertRejects(dial, TransportError);
  assert(isTransportError(error, "connect_failed"));
  assertEquals([error.end?.status, error.end?.retryAfterMs], [503, 2_000]);
  link.heal();
  const dialling = dial();
  (await mock.dial()).open();
  assertEquals((await dialling).protocol, "");
});

test("FaultyLink gives up a dial when it is aborted, wherever that has got to", async () => {
  for (const waitMs of [0, 5, 10, 15]) {
    const mock = mockRuntime();
    const link = new FaultyLink(mock.runtime, { latencyMs: 10 });
    const abort = new AbortController();
    const dialling = link.connect(handshakeOf({ url: "ws://venue/" }), { signal: abort.signal });
    dialling.catch(() => {});
    await mock.advance(waitMs);
    mock.connector.next()?.open();
    await mock.settle();
    abort.abort(new Error("not wanted"));
    await assertRejects(() => dialling, Error, "not wanted");
    await mock.settle();
    const { dials } = mock.connector;
    assert(dials.every((one) => one.aborted || one.abandoned), `a socket was kept at ${waitMs}`);
    assertEquals([link.carried, mock.clock.timers], [0, 0]);
  }
});

test("FaultyLink abandon() is heard of when the platform's socket ends", async () => {
  const { link, connection, dial, seen, mock } = await bench({ latencyMs: 10 });
  connection.send({ type: "text", data: "on its way" });
  connection.abandon();
  dial.receive("late");
  let ended = false;
  void connection.closed.then(() => ended = true);
  await mock.advance(100);
  assertEquals([seen, dial.sent, ended, link.carried], [[], [], false, 0]);
  dial.end();
  await mock.settle();
  assert(ended);
});

test("FaultyLink close() travels like a frame, and nothing can be sent behind it", async () => {
  const { connection, dial, mock } = await bench({ latencyMs: 10 });
  connection.close(3_001, "bye");
  assertThrows(() => connection.send({ type: "text", data: "late" }), TransportError);
  assertThrows(() => connection.close(1_001), RangeError);
  await mock.advance(9);
  assertEquals(dial.closing, undefined);
  await mock.advance(11);
  assertEquals(dial.closing, { code: 3_001, reason: "bye" });
  assertEquals((await connection.closed).code, 3_001);
});

test("FaultyLink can be read and written as streams, and wraps a leaf that has nothing else", async () => {
  const mock = mockRuntime();
  const { connector } = mock;
  const runtime: Runtime = {
    ...mock.runtime,
    connector: {
      capabilities: connector.capabilities,
      async connect(handshake, context) {
        const { closed, readable, writable, send, close, abandon, ...rest } = withoutAttach(
          await connector.connect(handshake, context),
        );
        return { ...rest, closed, readable, writable, send, close, abandon };
      },
    },
  };
  const link = new FaultyLink(runtime);
  const { signal } = new AbortController();
  const connecting = link.connect(handshakeOf({ url: "ws://venue/" }), { signal });
  const dial = await mock.dial();
  dial.open();
  const connection = await connecting;
  const reader = connection.readable.getReader();
  dial.receive("in");
  assertEquals((await reader.read()).value, { type: "text", data: "in" });
  const writer = connection.writable.getWriter();
  await writer.write({ type: "text", data: "out" });
  assertEquals(dial.sent, ["out"]);
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

function withoutAttach(connection: WsConnection): Omit<WsConnection, "attach"> {
  return {
    protocol: connection.protocol,
    bufferedAmount: 0,
    closed: connection.closed,
    readable: connection.readable,
    writable: connection.writable,
    send: (frame) => connection.send(frame),
    close: (code, reason) => connection.close(code, reason),
    abandon: () => connection.abandon(),
  };
}

test("FaultyLink refuses conditions out of range, and set() changes the named ones only", async () => {
  const mock = mockRuntime();
  assertThrows(() => new FaultyLink(mock.runtime, { latencyMs: -1 }), RangeError, "latencyMs");
  assertThrows(() => new FaultyLink(mock.runtime, { dropRate: 1.5 }), RangeError, "dropRate");
  assertThrows(() => new FaultyLink(mock.runtime, { slice: { bytes: 0, everyMs: 1 } }), RangeError);
  const { link, dial, seen, mock: own } = await bench({ latencyMs: 10 });
  assertThrows(() => link.set({ jitterMs: Infinity }), RangeError, "jitterMs");
  link.set({ dropRate: 1 });
  dial.receive("lost");
  link.set({ dropRate: 0 });
  dial.receive("kept");
  const from = own.clock.now();
  await own.advance(100);
  assertEquals(seen, [[from + 10, "kept"]]);
});

test("FaultyLink under the stack: a half-open link is found, left, and the adapter subscribes again", async () => {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime, { latencyMs: 20, jitterMs: 5 });
  const feed = feedOver(link.runtime);
  (await mock.dial()).open();
  await mock.advance(1_000);
  assertEquals(feed.lifecycle.value.phase, "connected");
  link.halfOpen();
  await mock.advance(15_000);
  assertEquals(feed.lifecycle.value.phase, "stale");
  await mock.advance(15_000);
  assertEquals([feed.lifecycle.value.phase, mock.connector.next()], ["reconnecting", undefined]);
  link.heal();
  const second = await mock.dial();
  second.open();
  await mock.advance(1_000);
  assertEquals([second.sent, feed.lifecycle.value.phase], [["subscribe A"], "resumed"]);
  const ended = feed.control.shutdown();
  await mock.advance(100);
  await ended;
});

test("FaultyLink with dropRate shows an adapter the gaps of a venue that sheds load", async () => {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime, { dropRate: 0.5 });
  const feed = feedOver(link.runtime);
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  for (let i = 1; i <= 100; i++) dial.receive(String(i));
  const numbers: number[] = [];
  const ended = feed.control.shutdown();
  for await (const frame of feed as AsyncIterable<DeliveredFrame>) numbers.push(Number(frame.data));
  await ended;
  // What is lost before the socket is no lag of ours: `seq` has no hole, the venue's own numbers have.
  assertEquals([numbers.length, feed.lifecycle.value.totalLagged], [100 - link.lost, 0]);
  assert(link.lost > 20);
});
