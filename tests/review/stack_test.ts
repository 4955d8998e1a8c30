/**
 * What a reading of the whole stack with bad intent found, over the mock platform. Each test says in one line what went wrong.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  attemptBudget,
  chain,
  type ConnectContext,
  type DialLayer,
  type FrameLayer,
  type Handshake,
  open,
  passthrough,
  reconnect,
  type ReconnectingConnection,
  stack,
  type TraceEvent,
  type WsConnection,
} from "../../mod.ts";
import { type MockRuntime, mockRuntime } from "../../src/testing/mod.ts";
import { bench, codeOf, outcome } from "../stack/bench.ts";
import { test } from "../support/harness.ts";

function handshake(): Handshake {
  return { url: new URL("ws://venue.example/feed"), protocols: [], headers: new Headers() };
}

function living(): ConnectContext {
  return { signal: new AbortController().signal };
}

// A greeting that came with the handshake's answer was delivered before the start hook could ask for it: login waited for ever.
test("onSession.next() sees a greeting that came together with the open", async () => {
  const greetings: unknown[] = [];
  const it = bench({
    onSession: async (session) => {
      const { data } = await session.next(() => true);
      greetings.push(data);
    },
  });
  const dial = await it.mock.dial();
  dial.open();
  dial.receive("welcome");
  await it.mock.settle();
  assertEquals(greetings, ["welcome"]);
  assertEquals(it.now.phase, "connected");
  await it.close();
});

// `signal` of the options was looked at by connect() and open() only.
test("stack() and reconnect() heed the signal of the options as well as that of the context", async () => {
  for (const make of ["stack", "reconnect"] as const) {
    const mock = mockRuntime();
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const connector = make === "stack"
      ? stack(mock.connector, mock.runtime, options)
      : reconnect(options, mock.runtime)(mock.connector);
    const connecting = connector.connect(handshake(), living());
    (await mock.dial()).open();
    await mock.settle();
    const feed = await connecting;
    abort.abort(new Error("enough"));
    await mock.settle();
    assertEquals([make, feed.lifecycle.value.phase], [make, "closed"]);
    assertEquals(mock.spawn.tasks, 0);
  }
});

// fetch() throws TypeError when the network is down; three of these ended the connection for good.
test("reconnect() takes a TypeError of a dial layer for a failed dial, not for a permanent one", async () => {
  const mock = mockRuntime();
  let down = 5;
  const token: DialLayer = (next) => ({
    capabilities: next.capabilities,
    connect: (own, context) =>
      down-- > 0 ? Promise.reject(new TypeError("fetch failed")) : next.connect(own, context),
  });
  const connecting = outcome(
    chain(mock.connector, { reconnect: reconnect({}, mock.runtime), dial: [token] })
      .connect(handshake(), living()),
  );
  (await mock.dial()).open();
  await mock.settle();
  assertEquals(connecting.state, "done");
  void (connecting.value as ReconnectingConnection).control.shutdown();
  await mock.settle();
});

// The effects after it were skipped: no retry timer, no layers released, dark for ever.
test("reconnect() survives a connection whose abandon() throws", async () => {
  const mock = mockRuntime();
  const hostile: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      return {
        protocol: "",
        bufferedAmount: 0,
        closed: inner.closed,
        readable: new ReadableStream(),
        writable: new WritableStream(),
        attach: (sink) => inner.attach!(sink),
        send: (frame) => inner.send(frame),
        close: (code, reason) => inner.close(code, reason),
        abandon() {
          throw new Error("cannot let go");
        },
      };
    },
  });
  const connecting = chain(mock.connector, {
    reconnect: reconnect({}, mock.runtime),
    dial: [hostile],
  }).connect(handshake(), living());
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  feed.control.forceReconnect();
  (await mock.dial()).open();
  await mock.settle();
  assertEquals(feed.lifecycle.value.phase, "resumed");
  void feed.control.shutdown();
  await mock.settle();
});

// A dial that is never settled held its part of a shared budget for ever.
test("attemptBudget() takes back the part of a dial that was given up and never settles", async () => {
  const mock = mockRuntime();
  const budget = attemptBudget({ attempts: 2, windowMs: 1_000 });
  const deaf = {
    capabilities: mock.connector.capabilities,
    connect: () => new Promise<WsConnection>(() => {}),
  };
  const connector = reconnect({ attemptBudget: budget }, mock.runtime)(deaf);
  for (let i = 0; i < 2; i++) {
    const abort = new AbortController();
    outcome(connector.connect(handshake(), { signal: abort.signal }));
    await mock.settle();
    abort.abort();
    await mock.settle();
  }
  const feed = open("ws://venue.example/", { runtime: mock.runtime, attemptBudget: budget });
  await mock.advance(1_100);
  const dial = mock.connector.next();
  assert(dial !== undefined, "the budget is free again");
  dial.open();
  await mock.settle();
  void feed.control.shutdown();
  await mock.settle();
});

// Frames that a connection without the synchronous path still held in its stream were dropped without a count.
test("reconnect() reads a stream to its end before it lets go of a session that ended", async () => {
  const mock = mockRuntime();
  const streamed: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      const readable = inner.readable.pipeThrough(new TransformStream());
      return {
        protocol: inner.protocol,
        bufferedAmount: 0,
        closed: inner.closed,
        readable,
        writable: inner.writable,
        send: (frame) => inner.send(frame),
        close: (code, reason) => inner.close(code, reason),
        abandon: () => inner.abandon(),
      };
    },
  });
  const connecting = chain(mock.connector, {
    reconnect: reconnect({}, mock.runtime),
    dial: [streamed],
  }).connect(handshake(), living());
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  const feed = await connecting;
  for (let i = 0; i < 100; i++) dial.receive(`quote ${i}`);
  dial.end({ code: 1000 });
  await mock.settle();
  assertEquals(feed.stats().received, 100);
  assertEquals(feed.lifecycle.value.phase, "reconnecting");
  void feed.control.shutdown();
  await mock.settle();
});

// The session stayed up without a frame until liveness found it silent, if that was configured.
test("reconnect() ends a session whose stream cannot be read", async () => {
  const mock = mockRuntime();
  const locked: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      const readable = new ReadableStream<never>({
        start: (controller) => controller.error(new Error("broken")),
      });
      return {
        protocol: inner.protocol,
        bufferedAmount: 0,
        closed: inner.closed,
        readable,
        writable: inner.writable,
        send: (frame) => inner.send(frame),
        close: (code, reason) => inner.close(code, reason),
        abandon: () => inner.abandon(),
      };
    },
  });
  const connecting = chain(mock.connector, {
    reconnect: reconnect({}, mock.runtime),
    dial: [locked],
  }).connect(handshake(), living());
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  assertEquals(feed.lifecycle.value.phase, "reconnecting");
  assertEquals(codeOf(feed.lifecycle.value.error), "layer_failed");
  void feed.control.shutdown();
  await mock.settle();
});

// A layer's timer of an old session moved seq and the counts of the next one.
test("context.report() of a session that is over has no effect, a drop included", async () => {
  const reports: (() => void)[] = [];
  const counting: FrameLayer = (context) => {
    reports.push(() => context.report({ type: "dropped", frames: 5, bytes: 50 }));
    return {};
  };
  const it = bench({ recv: [counting] });
  const first = await it.up();
  first.receive("a");
  reports[0]!();
  assertEquals(it.feed.stats().totalLagged, 5);
  first.end();
  const second = await it.up();
  reports[0]!();
  second.receive("b");
  assertEquals([it.feed.stats().totalLagged, it.feed.stats().received], [5, 2]);
  await it.close();
});

// A lag that was told a turn later came after the end, or never.
test("the tracer hears of every lag before the end, and of nothing after it", async () => {
  const it = bench({ buffer: { maxFrames: 1 } });
  const dial = await it.up();
  for (let i = 0; i < 5; i++) dial.receive("x");
  void it.feed.control.shutdown();
  it.mock.spawn.run();
  await it.mock.settle();
  assertEquals(it.trace.at(-1)?.type, "end");
  const lags = it.trace.filter((event) => event.type === "lag") as (TraceEvent & { type: "lag" })[];
  assertEquals(lags.at(-1)?.totalLagged, 4);
  await it.close();
});

// The time without progress was counted from a wait that had long been over.
test("send() to a full socket has its whole timeout, whatever waited earlier", async () => {
  const it = bench({ send: { timeoutMs: 30_000, highWaterMarkBytes: 1_000 } });
  const dial = await it.up();
  dial.bufferedAmount = 2_000;
  const abort = new AbortController();
  const withdrawn = outcome(it.feed.send("one", { signal: abort.signal }));
  await it.mock.advance(100);
  abort.abort();
  dial.bufferedAmount = 0;
  await it.mock.advance(40_000);
  assertEquals(withdrawn.state, "failed");
  dial.bufferedAmount = 3_000;
  const second = outcome(it.feed.send("two"));
  await it.mock.advance(1_000);
  assertEquals(it.now.phase, "connected");
  dial.bufferedAmount = 0;
  await it.mock.advance(100);
  assertEquals(second.state, "done");
  await it.close();
});

// maxAttempts counted reconnects that were asked for, which are no failures.
test("maxAttempts counts failed dials and sessions, not reconnects that were asked for", async () => {
  const it = bench({ maxAttempts: 2 });
  for (let i = 0; i < 3; i++) {
    await it.up();
    it.feed.control.forceReconnect();
    await it.mock.settle();
  }
  (await it.up()).end();
  await it.mock.settle();
  assertEquals([it.now.exhausted, it.now.phase], [false, "reconnecting"]);
  (await it.mock.dial()).fail();
  await it.mock.settle();
  assert(it.now.exhausted);
  await it.close();
});

// A pipe into it with a source that has nothing to say never heard of the end.
test("writable is errored when the connection ends, without a write", async () => {
  const it = bench({ permanentRetries: 0 });
  await it.up();
  const writer = it.feed.writable.getWriter();
  const closed = outcome(writer.closed);
  await it.close();
  await it.mock.settle();
  assertEquals([closed.state, codeOf(closed.value)], ["failed", "closed"]);
});

// A frame that waited was sent with what the caller had written into its memory since.
test("send() sends what the bytes were when it was called, although it had to wait", async () => {
  let go = () => {};
  const it = bench({ onSession: () => new Promise<void>((resolve) => go = resolve) });
  const dial = await it.up();
  const scratch = new Uint8Array([1, 2, 3]);
  const sending = outcome(it.feed.send(scratch));
  scratch.fill(9);
  go();
  await it.mock.settle();
  assertEquals(sending.state, "done");
  assertEquals([...dial.sent[0] as Uint8Array], [1, 2, 3]);
  await it.close();
});

// A string is iterable: each of its letters was offered as a subprotocol.
test("open() refuses a subprotocol list that is not a list", () => {
  const mock = mockRuntime();
  const error = assertThrows(() =>
    open("ws://venue.example/", { protocols: "json" as never, runtime: mock.runtime })
  );
  assertEquals(codeOf(error), "invalid_options");
  assertEquals(mock.connector.dials.length, 0);
});

// What the platform says of it held the value.
test("open() refuses headers that are a string, without showing it", () => {
  const mock = mockRuntime();
  const error = assertThrows(() =>
    open("ws://venue.example/", { headers: "hunter2" as never, runtime: mock.runtime })
  );
  assertInstanceOf(error, TypeError);
  assert(!String(error).includes("hunter2"), String(error));
});

// A probe that the leaf cannot send was dropped without a word, by a heartbeat of the application's own list.
test("context.send() of what the leaf can never send ends the session instead of vanishing", async () => {
  const pinging: FrameLayer = (context) => {
    context.clock.setTimer(() => context.send({ type: "pong", data: new Uint8Array(0) }), 1_000);
    return {};
  };
  const it = bench({ recv: [pinging] });
  const dial = await it.up();
  Object.assign(dial, {
    send() {
      throw Object.assign(new Error("unsupported"));
    },
  });
  await it.mock.advance(1_001);
  assertEquals(codeOf(it.now.error), "layer_failed");
  await it.close();
});

// The reader's way of leaving cut a bound short that somebody else had been promised.
test("leaving the loop while a shutdown is under way does not shorten its bound", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  dial.receive("a");
  dial.receive("b");
  const closing = outcome(it.feed.control.shutdown({ timeoutMs: 10_000 }));
  await it.mock.settle();
  for await (const _frame of it.feed) break;
  await it.mock.advance(5_000);
  assertEquals(closing.state, "pending");
  dial.end();
  await it.mock.settle();
  assertEquals([closing.state, it.feed.stats().totalDiscarded], ["done", 1]);
  await it.close();
});

// An async callback that rejected ended the process.
test("open() contains a tracer and a classify that return promises which reject", async () => {
  const mock = mockRuntime();
  const rejecting = () => Promise.reject(new Error("async callback"));
  const feed = open("ws://venue.example/", {
    runtime: mock.runtime,
    tracer: { event: rejecting },
    classify: rejecting as never,
  });
  (await mock.dial()).fail();
  (await mock.dial()).open();
  await mock.settle();
  assertEquals(feed.lifecycle.value.phase, "connected");
  void feed.control.shutdown();
  await mock.settle();
});

// A write that waited for room in a full outbox held close() for as long as the outage.
test("writable.close() behind a write that waits for room settles within its bound", async () => {
  for (const way of ["writer", "stream"] as const) {
    const it = bench({ send: { maxWaitingFrames: 2 }, shutdownTimeoutMs: 1_000 });
    const { writable } = it.feed;
    const writer = writable.getWriter();
    const writes = [1, 2, 3, 4].map((i) => outcome(writer.write(`${i}`)));
    await it.mock.settle();
    assertEquals(writes.map(({ state }) => state), ["done", "done", "pending", "pending"]);
    if (way === "stream") writer.releaseLock();
    const closing = outcome(way === "writer" ? writer.close() : writable.close());
    await it.mock.advance(999);
    assertEquals(closing.state, "pending");
    await it.mock.advance(1);
    assertEquals([closing.state, codeOf(closing.value)], ["failed", "closed"]);
    assertEquals(it.now.phase, "closed");
    await it.close();
  }
});

// With room in time it is the graceful end that it always was.
test("writable.close() behind a write that waits for room flushes when room comes in time", async () => {
  const it = bench({ send: { maxWaitingFrames: 2 }, shutdownTimeoutMs: 1_000 });
  const writer = it.feed.writable.getWriter();
  for (const i of [1, 2, 3, 4]) void writer.write(`${i}`);
  await it.mock.settle();
  const closing = outcome(writer.close());
  await it.mock.advance(500);
  const dial = await it.up();
  await it.mock.settle();
  assertEquals([dial.sent, closing.state], [["1", "2", "3", "4"], "done"]);
  await it.close();
});

// The layers behind one whose flush is async were not flushed at all.
test("a recv layer's async flush does not keep the layers behind it from theirs", async () => {
  const slow: FrameLayer = () => ({ async flush() {} });
  const summing: FrameLayer = () => ({
    flush: (controller) => controller.enqueue({ type: "text", data: "sum" }),
  });
  const it = bench({ recv: [slow, summing] });
  (await it.up()).end();
  await it.mock.settle();
  assertEquals(it.feed.stats().received, 1);
  await it.close();
});

// An adapter that said so with every frame made a version of the lifecycle, and a wake of its observers, per frame.
test("markHealthy() of a session that is healthy already changes nothing", async () => {
  const it = bench();
  await it.up();
  it.feed.control.markHealthy();
  await it.mock.settle();
  const { version } = it.now;
  for (let i = 0; i < 100; i++) it.feed.control.markHealthy();
  await it.mock.settle();
  assertEquals(it.now.version, version);
  await it.close();
});

/** Never called: that it compiles, and that the mistakes do not, is the test. */
function options(mock: MockRuntime): void {
  reconnect({ backoff: { minDelayMs: 1 } }, mock.runtime);
  // @ts-expect-error: credentials are a dial layer; here they would be left out without a word
  reconnect({ auth: () => {} }, mock.runtime);
  // @ts-expect-error: so is the deadline
  passthrough({ connectTimeoutMs: 1 }, mock.runtime);
  // @ts-expect-error: a tracer is an outer layer
  reconnect({ tracer: { event: () => {} } }, mock.runtime);
}

// Options of other layers were taken and not looked at: dials without credentials.
test("reconnect() and passthrough() do not compile with options that belong to other layers", () => {
  assertEquals(options.length, 1);
});

// A layer that forgets to return made an unhandled rejection, and the connection waited for that dial for ever.
test("reconnect() takes a dial layer that gives no connection for a failed dial", async () => {
  const mock = mockRuntime();
  let dials = 0;
  const forgetful: DialLayer = (next) => ({
    capabilities: next.capabilities,
    connect: (own, context) =>
      ++dials === 1 ? Promise.resolve(undefined as never) : next.connect(own, context),
  });
  const connecting = outcome(
    chain(mock.connector, { reconnect: reconnect({}, mock.runtime), dial: [forgetful] })
      .connect(handshake(), living()),
  );
  (await mock.dial()).open();
  await mock.settle();
  assertEquals([connecting.state, dials], ["done", 2]);
  void (connecting.value as ReconnectingConnection).control.shutdown();
  await mock.settle();
});
