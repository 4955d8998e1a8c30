/**
 * What a reading of the test kit with bad intent found: where the fakes were kinder than the world, or left whoever trusts them waiting.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type ConnectionOptions,
  open,
  TransportError,
  type WsConnection,
  type WsConnector,
} from "../../mod.ts";
import type { ConnectContext } from "../../src/contract/connector.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import {
  FaultyLink,
  ManualClock,
  MockConnector,
  type MockDial,
  type MockRuntime,
  mockRuntime,
  type MockRuntimeOptions,
} from "../../src/testing/mod.ts";
import { Session } from "../../src/testing/conformance/session.ts";
import { ConformanceError } from "../../src/testing/conformance.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { test } from "../support/harness.ts";
import { LinkedWorker } from "../worker/linked_worker.ts";

const context: ConnectContext = { signal: new AbortController().signal };
const greeting = () => handshakeOf({ url: "ws://venue/" });

/** An open connection of a leaf that lacks something. */
async function lacking(
  capabilities: NonNullable<MockRuntimeOptions["capabilities"]>,
  options: ConnectionOptions = {},
) {
  const mock = mockRuntime({ capabilities });
  const feed = open("ws://venue", { ...options, runtime: mock.runtime });
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  return { mock, feed, dial };
}

/** A raw session over a link, and its far end. */
async function linked(mock: MockRuntime = mockRuntime()): Promise<[WsConnection, MockDial]> {
  const connecting = new FaultyLink(mock.runtime).connect(greeting(), context);
  const dial = await mock.dial();
  dial.open();
  return [await connecting, dial];
}

// The dial of an hmac, or a chain of some 25 awaits, was not seen: its deadline passed instead, again and again, until "nothing dials".
test("mockRuntime() settle() waits for chains of promises, however long", async () => {
  const mock = mockRuntime();
  const feed = open("ws://venue", {
    runtime: mock.runtime,
    auth: async () => {
      for (let i = 0; i < 500; i++) await null;
    },
  });
  const dial = await mock.dial();
  assertEquals([mock.clock.now(), dial.aborted], [0, false]);
  await feed.control.shutdown();
});

// NaN fired every timer for ever, in microtasks, so that no test runner could end it; time went back.
test("mockRuntime() and ManualClock move time forward by a number", async () => {
  const mock = mockRuntime();
  for (const ms of [NaN, Infinity, -1]) {
    await assertRejects(() => mock.advance(ms), RangeError);
    assertThrows(() => mock.clock.skip(ms), RangeError);
  }
  const clock = new ManualClock();
  clock.setTimer(() => {}, NaN);
  assertEquals([clock.fireNext(0), clock.now()], [true, 0]);
});

// A dial that the test had answered by connector.dials was given out again.
test("MockConnector.next() gives no dial that has been answered", async () => {
  for (const answer of ["open", "fail"] as const) {
    const connector = new MockConnector();
    const connecting = connector.connect(greeting(), context);
    connector.dials[0]![answer]();
    await connecting.catch(() => {});
    assertEquals(connector.next(), undefined);
  }
});

// The frame was kept by reference; every leaf has taken a copy when send() returns.
test("MockDial.sent is what the bytes were when they were sent, a FaultyLink in between or not", async () => {
  for (const latencyMs of [undefined, 0, 20]) {
    const mock = mockRuntime();
    const { runtime } = latencyMs === undefined
      ? mock
      : new FaultyLink(mock.runtime, { latencyMs });
    const feed = open("ws://venue", { runtime });
    const dial = await mock.dial();
    dial.open();
    await mock.advance(100);
    const bytes = Uint8Array.of(1, 2, 3);
    await feed.send(bytes);
    bytes.fill(0);
    await mock.advance(100);
    assertEquals(dial.sent, [Uint8Array.of(1, 2, 3)]);
    void feed.control.shutdown();
    await mock.advance(10_000);
  }
});

// What a leaf was said not to have it had all the same.
test("MockConnector without ping refuses one", async () => {
  const { feed, dial } = await lacking({ ping: false }, {
    recv: [({ send }) => ({ start: () => send({ type: "ping", data: new Uint8Array(0) }) })],
  });
  assertEquals([dial.sentFrames, feed.lifecycle.value.error?.code], [[], "layer_failed"]);
  await feed.control.shutdown();
});

test("MockConnector without seePing shows none: a feed that only pings is silent", async () => {
  const { mock, feed, dial } = await lacking({ seePing: false }, {
    liveness: { staleAfterMs: 1_000 },
  });
  for (let i = 0; i < 5; i++) {
    dial.receiveControl("ping");
    await mock.advance(500);
  }
  assertEquals(feed.lifecycle.value.phase, "stale");
  await feed.control.shutdown();
});

test("MockConnector ends a session with a message above maxMessageBytes", async () => {
  const { mock, feed, dial } = await lacking({ maxMessageBytes: 10 });
  dial.receive("x".repeat(10));
  dial.receive("x".repeat(11));
  dial.receive("late");
  await mock.settle();
  const { error } = feed.lifecycle.value;
  assertEquals([feed.stats().received, error?.code, error?.end?.code], [1, "protocol_error", 1009]);
  await feed.control.shutdown();
});

test("MockConnector tells of a refused handshake what its handshakeStatus says", async () => {
  for (
    const [handshakeStatus, told] of [
      ["exact", [429, 7_000]],
      ["message", [429, undefined]],
      ["none", [undefined, undefined]],
    ] as const
  ) {
    const connector = new MockConnector({ capabilities: { handshakeStatus } });
    const connecting = connector.connect(greeting(), context);
    connector.next()!.fail({ status: 429, retryAfterMs: 7_000 });
    const { end } = await assertRejects(() => connecting, TransportError);
    assertEquals<unknown>([end?.status, end?.retryAfterMs], told);
  }
});

test("MockConnector and FaultyLink take a close frame for what it is, and send no pong", async () => {
  for (const way of ["mock", "link"]) {
    const mock = mockRuntime({ answersClose: false });
    const raw = async (): Promise<[WsConnection, MockDial]> => {
      const connecting = mock.connector.connect(greeting(), context);
      const dial = mock.connector.next()!;
      dial.open();
      return [await connecting, dial];
    };
    const [connection, dial] = way === "mock" ? await raw() : await linked(mock);
    assertThrows(() => connection.send({ type: "pong", data: new Uint8Array(0) }));
    assertThrows(() => connection.send({ type: "text", data: 5 as unknown as string }), TypeError);
    connection.send({ type: "close", code: 3_000, reason: "bye" });
    assertEquals([dial.closing, dial.sentFrames], [{ code: 3_000, reason: "bye" }, []]);
  }
});

test("FaultyLink over a leaf without ping refuses one, instead of losing it", async () => {
  const [connection] = await linked(mockRuntime({ capabilities: { ping: false } }));
  assertThrows(() => connection.send({ type: "ping", data: new Uint8Array(0) }));
});

// The leaf's dial went on, and mock.dial() gave that one to the test, which opened it in vain.
test("FaultyLink reset() ends the leaf's dial, too", async () => {
  const mock = mockRuntime();
  const link = new FaultyLink(mock.runtime);
  const feed = open("ws://venue", { runtime: link.runtime });
  await mock.settle();
  link.reset();
  await mock.settle();
  (await mock.dial()).open();
  await mock.settle();
  assertEquals([mock.connector.dials[0]?.aborted, feed.lifecycle.value.up], [true, true]);
  await feed.control.shutdown();
});

// The end overtook what was still in the leaf's stream, and it was counted nowhere.
test("FaultyLink over a leaf without attach() delivers what came before the end", async () => {
  const mock = mockRuntime();
  const leaf: WsConnector = {
    capabilities: mock.connector.capabilities,
    async connect(handshake, context) {
      const it = await mock.connector.connect(handshake, context);
      return {
        protocol: it.protocol,
        bufferedAmount: 0,
        closed: it.closed,
        readable: it.readable,
        writable: it.writable,
        send: (frame) => it.send(frame),
        close: (code, reason) => it.close(code, reason),
        abandon: () => it.abandon(),
      };
    },
  };
  const link = new FaultyLink({ ...mock.runtime, connector: leaf });
  const feed = open("ws://venue", { runtime: link.runtime });
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  for (let i = 0; i < 10; i++) dial.receive(String(i));
  dial.end({ code: 1_001 });
  await mock.settle();
  assertEquals([feed.stats().received, feed.lifecycle.value.error?.end?.code], [10, 1_001]);
  await feed.control.shutdown();
});

// Heartbeat and buffer were left to the leaf, whose reports the link did not pass on: such a connection was never stale.
test("FaultyLink over a leaf in a worker: a half-open link is noticed", async () => {
  const mock = mockRuntime();
  const { connector: leaf, clock } = mock;
  const { capabilities } = leaf;
  const connector = workerConnector(() => new LinkedWorker({ connector: leaf, clock }), {
    capabilities,
  });
  const link = new FaultyLink({ ...mock.runtime, connector });
  const liveness = { staleAfterMs: 1_000, deadAfterMs: 3_000 };
  const feed = open("ws://venue", { runtime: link.runtime, liveness });
  (await mock.dial()).open();
  await mock.settle();
  link.halfOpen();
  await mock.advance(2_000);
  assertEquals(feed.lifecycle.value.phase, "stale");
  await mock.advance(2_000);
  assertEquals(feed.lifecycle.value.phase, "reconnecting");
  await feed.control.shutdown();
});

// Frames that had come for nobody were delivered to who came after abandon().
test("FaultyLink delivers nothing after abandon(), what was kept included", async () => {
  const [connection, dial] = await linked();
  dial.receive("kept");
  connection.abandon();
  let heard = 0;
  connection.attach!({ frame: () => void heard++, dropped: () => {}, end: () => {} });
  assertEquals(heard, 0);
});

// A leaf without attach() whose stream errors made an unhandled rejection, which ended the runner, and told no case.
test("CONNECTOR_CASES say of a leaf whose readable errors that it does", async () => {
  const connection = {
    closed: Promise.resolve({ code: 1006, reason: "", clean: false, origin: "network" }),
    readable: new ReadableStream({ start: (controller) => controller.error(new Error("reset")) }),
  } as unknown as WsConnection;
  const session = new Session((promise) => promise, "id", connection).collect();
  await assertRejects(() => session.ended(), ConformanceError, "reset");
});
