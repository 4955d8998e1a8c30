/**
 * What a second reading of the core with bad intent found, over the mock platform. Each test says in one line what went wrong.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  chain,
  type DialLayer,
  type FrameLayer,
  reconnect,
  sendRateLimit,
  type WsConnection,
} from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { bench, codeOf, outcome } from "../stack/bench.ts";
import { test } from "../support/harness.ts";

/** A send layer that takes as long as the test says: each frame waits until it is let go. */
function slowLayer(): { readonly layer: FrameLayer; readonly waiting: (() => void)[] } {
  const waiting: (() => void)[] = [];
  const layer: FrameLayer = () => ({
    async transform(frame, controller) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      controller.enqueue(frame);
    },
  });
  return { layer, waiting };
}

const broken: FrameLayer = () => {
  throw new Error("cannot be made");
};

// The late promise of the old session's layer settled the entry that was put back: "sent", and nothing had left.
test("send() with hold waits for its own session's layers, whatever those of the last one still do", async () => {
  const { layer, waiting } = slowLayer();
  const it = bench({ send: { layers: [layer] } });
  const first = await it.up();
  const order = outcome(it.feed.send("order", { hold: true }));
  void it.feed.send("next", { hold: true });
  await it.mock.settle();
  first.end({ code: 1006 });
  const second = await it.up();
  waiting[0]!();
  await it.mock.settle();
  assertEquals([second.sent, order.state, it.feed.stats().waiting], [[], "pending", 2]);
  assertEquals(waiting.length, 2, "nothing enters beside it");
  waiting[1]!();
  await it.mock.settle();
  assertEquals([second.sent, order.state], [["order"], "done"]);
  await it.close();
});

// An abort while the frame was in a layer was forgotten, and the next session sent it.
test("send() with hold that is withdrawn on its way goes out in no later session", async () => {
  const { layer, waiting } = slowLayer();
  const it = bench({ send: { layers: [layer] } });
  const first = await it.up();
  const withdrawn = new AbortController();
  const order = outcome(it.feed.send("order", { hold: true, signal: withdrawn.signal }));
  await it.mock.settle();
  withdrawn.abort(new Error("withdrawn"));
  await it.mock.settle();
  assertEquals(order.state, "pending", "the session may send it still");
  first.end({ code: 1006 });
  const second = await it.up();
  assertEquals([order.state, `${order.value}`], ["failed", "Error: withdrawn"]);
  assertEquals([waiting.length, second.sent], [1, []]);
  await it.close();
});

// It was put back into every session, broke each, and five in a row ended the connection.
test("send() with hold of a frame on which a layer fails twice is refused, and those behind it go out", async () => {
  for (const way of ["by a throw", "by a promise", "by its controller"] as const) {
    const picky: FrameLayer = () => ({
      transform(frame, controller) {
        if (frame.type !== "text" || frame.data !== "bad") return controller.enqueue(frame);
        const error = new Error("cannot sign");
        if (way === "by a promise") return Promise.reject(error);
        if (way === "by a throw") throw error;
        controller.error(error);
      },
    });
    const it = bench({ send: { layers: [picky] } });
    await it.up();
    const bad = outcome(it.feed.send("bad", { hold: true }));
    const good = outcome(it.feed.send("good", { hold: true }));
    await it.up();
    assertEquals([way, codeOf(bad.value)], [way, "layer_failed"]);
    const third = await it.up();
    assertEquals([good.state, third.sent, it.now.up], ["done", ["good"], true]);
    await it.close();
  }
});

// The token was looked at when the frame went into its layers, and spent when it came out: two saw the same one.
test("sendRateLimit() that two connections share is kept although their layers take time", async () => {
  const mock = mockRuntime();
  const { layer, waiting } = slowLayer();
  const limit = sendRateLimit({ limit: 1, windowMs: 1_000 });
  const options = { on: mock, sendRateLimit: limit, send: { layers: [layer] } };
  const feeds = [bench(options), bench(options)];
  const dials = [await feeds[0]!.up(), await feeds[1]!.up()];
  for (const { feed } of feeds) void feed.send("x");
  const count = () => dials.reduce((sum, { sent }) => sum + sent.length, 0);
  await mock.settle();
  for (const go of waiting.splice(0)) go();
  await mock.settle();
  assertEquals([count(), waiting.length], [1, 0]);
  await mock.advance(1_100);
  for (const go of waiting.splice(0)) go();
  await mock.settle();
  assertEquals(count(), 2);
  for (const feed of feeds) await feed.close();
  await mock.settle();
  assertEquals([mock.clock.timers, mock.spawn.tasks], [0, 0]);
});

// For one step it was up: `readyTimeoutMs` was taken back, and who waited for up went on.
test("a session whose layer cannot be made is never up, and readyTimeoutMs holds", async () => {
  const it = bench({
    recv: [broken],
    readyTimeoutMs: 5_000,
    classify: () => ({ verdict: "transient" }),
  });
  const ready = outcome(it.feed.ready);
  for (let i = 0; i < 10; i++) {
    it.mock.connector.next()?.open();
    await it.mock.settle();
    await it.mock.advance(1_000);
  }
  assertEquals([ready.state, codeOf(ready.value)], ["failed", "exhausted"]);
  assertEquals(it.seen.some(({ up, phase }) => up || phase !== "connecting"), false);
  assertEquals(it.trace.some(({ type }) => type === "start"), false);
  await it.close();
});

test("a session that overflows before it is up is never up", async () => {
  const it = bench({ buffer: { maxFrames: 2, overflow: "fail" }, readyTimeoutMs: 5_000 });
  const ready = outcome(it.feed.ready);
  for (let i = 0; i < 10; i++) {
    const dial = it.mock.connector.next();
    dial?.open();
    for (let frame = 0; frame < 5; frame++) dial?.receive("x");
    await it.mock.settle();
    await it.mock.advance(1_000);
  }
  assertEquals([codeOf(ready.value), it.seen.some(({ up }) => up)], ["exhausted", false]);
  await it.close();
});

test("a session that fails in the turn in which onSession resolves is never up", async () => {
  let resolve = () => {};
  const picky: FrameLayer = () => ({
    transform(frame, controller) {
      if (frame.type === "text" && frame.data === "bad") throw new Error("cannot parse");
      controller.enqueue(frame);
    },
  });
  const it = bench({
    mock: { stepped: true },
    recv: [picky],
    onSession: () => new Promise<void>((done) => resolve = done),
  });
  await it.mock.settle();
  const dial = it.mock.connector.next()!;
  dial.open();
  await it.mock.settle();
  resolve();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  dial.receive("bad");
  const ups: boolean[] = [];
  while (it.mock.spawn.step()) ups.push(it.now.up);
  assert(ups.length > 0);
  assertEquals(ups.includes(true), false);
  await it.close();
});

// Three answers without a url within seconds ended the connection: a HandshakeError, taken for a mistake in the program.
test("open() whose url function gives no url for a while dials again until it does", async () => {
  let known = false;
  const it = bench({ url: () => known ? "ws://venue.example/feed" : "" });
  await it.mock.advance(120_000);
  assertEquals([it.now.phase, codeOf(it.now.error)], ["connecting", "connect_failed"]);
  known = true;
  await it.up();
  assertEquals(it.now.phase, "connected");
  await it.close();
});

// Any RangeError was taken for a refused handshake, permanent, and its message for ours.
test("reconnect() takes a RangeError of a dial layer for a failed dial, and does not quote it", async () => {
  const mock = mockRuntime();
  const failing: DialLayer = ({ capabilities }) => ({
    capabilities,
    connect() {
      throw new RangeError("token=SECRET is out of range");
    },
  });
  const connector = chain(mock.runtime.connector, {
    reconnect: reconnect({ maxAttempts: 5 }, mock.runtime),
    dial: [failing],
  });
  const handshake = { url: new URL("ws://v/"), protocols: [], headers: new Headers() };
  const { signal } = new AbortController();
  const failed = outcome(connector.connect(handshake, { signal }));
  await mock.advance(600_000);
  const error = failed.value as Error;
  assertEquals(codeOf(error), "exhausted");
  assert(!`${error.message} ${(error.cause as Error).message}`.includes("SECRET"));
});

// close() of a stream that refuses it was counted as asked for all the same: two seconds later the feed was shut down.
test("writable.close() that the stream refuses leaves the connection alone", async () => {
  const it = bench();
  await it.up();
  const released = it.feed.writable.getWriter();
  released.releaseLock();
  await assertRejects(() => released.close(), TypeError);
  const writer = it.feed.writable.getWriter();
  writer.closed.catch(() => {});
  await assertRejects(() => writer.write({} as never), TypeError);
  await assertRejects(() => writer.close());
  await it.mock.advance(10_000);
  assertEquals(it.now.phase, "connected");
  await it.close();
});

test("writable.close() after the end leaves no timer", async () => {
  const it = bench();
  await it.up();
  const writer = it.feed.writable.getWriter();
  writer.closed.catch(() => {});
  await it.close();
  await writer.close().catch(() => {});
  assertEquals(it.mock.clock.timers, 0);
});

// The frame was refused while close() waited for it, and close() said that all had gone out.
test("writable.close() rejects if a frame that was taken is refused meanwhile", async () => {
  const mock = mockRuntime();
  const connect = mock.connector.connect.bind(mock.connector);
  mock.connector.connect = async (handshake, context) => {
    const connection = await connect(handshake, context);
    const send = connection.send.bind(connection);
    connection.send = (frame) => {
      if (frame.type === "text" && frame.data === "bad") throw new TypeError("cannot be sent");
      send(frame);
    };
    return connection;
  };
  const it = bench({ on: mock });
  const dial = await it.up();
  dial.bufferedAmount = 2_000_000;
  const writer = it.feed.writable.getWriter();
  writer.closed.catch(() => {});
  await writer.write("bad");
  const closed = outcome(writer.close());
  await mock.settle();
  dial.bufferedAmount = 0;
  await mock.advance(500);
  assertEquals([closed.state, dial.sent], ["failed", []]);
  await it.close();
});

// What had no bytes any more when it was read was counted with its bytes when it came: the buffer shrank for ever.
test("onSession.next() may have its frame transferred, and the buffer keeps its room", async () => {
  const it = bench({
    buffer: { maxBytes: 1_000 },
    onSession: async (session) => {
      const { data } = await session.next(({ type }) => type === "binary");
      structuredClone(data, { transfer: [(data as Uint8Array<ArrayBuffer>).buffer] });
    },
  });
  const dial = await it.up();
  dial.receive(new Uint8Array(900));
  dial.receive("x".repeat(50));
  await it.mock.settle();
  const frames = it.feed.frames({ preventCancel: true });
  for (let i = 0; i < 2; i++) await frames.next();
  assertEquals(it.feed.stats().bufferedBytes, 0);
  for (let i = 0; i < 4; i++) dial.receive("y".repeat(100));
  assertEquals(it.feed.stats().totalLagged, 0);
  await it.close();
});

// It waited for the stream of a session to run dry, and took the frames of the next one for its own.
test("a stream session that was replaced while it was read to its end is not waited for any more", async () => {
  const mock = mockRuntime();
  let turns = 0;
  const turn = mock.clock.turn.bind(mock.clock);
  mock.clock.turn = (callback) => {
    turns++;
    turn(callback);
  };
  const streamOnly: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const inner = await next.connect(handshake, context);
      const connection: WsConnection = {
        protocol: inner.protocol,
        bufferedAmount: 0,
        closed: inner.closed,
        readable: inner.readable,
        writable: inner.writable,
        send: (frame) => inner.send(frame),
        close: (code, reason) => inner.close(code, reason),
        abandon: () => inner.abandon(),
      };
      return connection;
    },
  });
  const connector = chain(mock.runtime.connector, {
    reconnect: reconnect({ backoff: { minDelayMs: 0, maxDelayMs: 1 } }, mock.runtime),
    dial: [streamOnly],
  });
  const handshake = { url: new URL("ws://v/"), protocols: [], headers: new Headers() };
  const connecting = connector.connect(handshake, { signal: new AbortController().signal });
  const first = await mock.dial();
  first.open();
  await mock.settle();
  const feed = await connecting;
  for (let i = 0; i < 10; i++) first.receive(`${i}`);
  await mock.settle();
  const microtasks = async () => {
    for (let i = 0; i < 60; i++) await Promise.resolve();
  };
  first.end({ code: 1006 });
  feed.control.forceReconnect();
  await microtasks();
  const second = mock.connector.next()!;
  second.open();
  await microtasks();
  turns = 0;
  for (let i = 0; i < 50; i++) {
    second.receive("x");
    await microtasks();
    mock.clock.runTurns();
  }
  assert(turns <= 2, `${turns} turns`);
  const closing = feed.control.shutdown();
  await mock.settle();
  await mock.advance(2_000);
  await closing;
});

// A leaf of one's own may parse what is no number; the delay was NaN then, which every timer takes for zero.
test("a retryAfterMs that is no number leaves the backoff as it is", async () => {
  const it = bench();
  (await it.mock.dial()).fail({ status: 503, retryAfterMs: NaN });
  await it.mock.settle();
  const [delay] = it.delays();
  assert(delay! >= 500, `${delay}`);
  await it.close();
});
