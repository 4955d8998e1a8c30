/**
 * What a third reading of the core with bad intent found, where several features meet. Each test says in one line what went wrong.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type Clock,
  type DeliveredFrame,
  type FrameLayer,
  type LivenessOptions,
  open,
  sendRateLimit,
} from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { type Bench, bench, outcome } from "../stack/bench.ts";
import { test } from "../support/harness.ts";

// What had been given to a loop, pipe or plain reader was counted as never delivered once that left.
test("a frame that was read counts as delivered, whoever read it and leaves", async () => {
  const readers: Record<string, (it: Bench, got: DeliveredFrame[]) => () => void> = {
    loop(it, got) {
      void (async () => {
        for await (const frame of it.feed.readable) {
          got.push(frame);
          break;
        }
      })();
      return () => {};
    },
    pipe(it, got) {
      const stop = new AbortController();
      let written = () => {};
      const slow = new WritableStream<DeliveredFrame>({
        write(frame) {
          got.push(frame);
          return new Promise<void>((resolve) => written = resolve);
        },
      });
      it.feed.readable.pipeTo(slow, { signal: stop.signal }).catch(() => {});
      return () => {
        stop.abort();
        written();
      };
    },
    reader(it, got) {
      const reader = new ReadableStreamDefaultReader(it.feed.readable);
      void reader.read().then(({ value }) => got.push(value!));
      return () => void reader.cancel();
    },
  };
  for (const [name, read] of Object.entries(readers)) {
    const it = bench();
    const dial = await it.up();
    const got: DeliveredFrame[] = [];
    const leave = read(it, got);
    await it.mock.settle();
    dial.receive("a");
    await it.mock.settle();
    leave();
    await it.mock.settle();
    const { received, delivered, totalDiscarded } = it.feed.stats();
    assertEquals([name, got.length, received, delivered, totalDiscarded], [name, 1, 1, 1, 0]);
    assertEquals(it.now.totalDiscarded, 0);
    await it.close();
  }
});

// Deno and Node throw from within the stream's close() then: the actor stopped half way, and shutdown() never settled.
test("shutdown() and giving up end although two reads of readable's iterator wait", async () => {
  for (const way of ["shutdown", "exhausted"]) {
    const it = bench({ maxAttempts: 1 });
    const dial = await it.up();
    const values = it.feed.readable.values({ preventCancel: true });
    const reads = [outcome(values.next()), outcome(values.next())];
    await it.mock.settle();
    dial.receive("a");
    await it.mock.settle();
    reads.push(outcome(values.next()));
    await it.mock.settle();
    if (way === "shutdown") void it.feed.control.shutdown();
    else dial.end({ code: 1006 });
    await it.mock.settle();
    assertEquals([way, it.feed.lifecycle.ended, reads[0]!.state], [way, true, "done"]);
    await it.close();
  }
});

// Whoever had the older timer got every token: a login waited for all that another connection had to send, and timed out.
test("sendRateLimit() that two connections share lets none of them starve", async () => {
  const mock = mockRuntime();
  const shared = { on: mock, sendRateLimit: sendRateLimit({ limit: 5, windowMs: 1_000 }) };
  const busy = bench(shared);
  await busy.up();
  for (let i = 0; i < 1_000; i++) void busy.feed.send(`order ${i}`);
  const other = bench({ ...shared, onSession: (session) => session.send("login") });
  await other.up();
  await mock.advance(2_000);
  assert(other.now.up, "its login waits for its turn, not for all turns");
  // In turns, as long as both have something to send.
  for (let i = 0; i < 20; i++) void other.feed.send(`cancel ${i}`);
  const before = busy.feed.stats().sent;
  await mock.advance(8_100);
  assertEquals(other.feed.stats().sent, 21);
  const more = busy.feed.stats().sent - before;
  assert(more >= 20, `only ${more}`);
  // Whoever goes holds up nobody.
  void other.feed.send("left behind");
  await other.close();
  const alone = busy.feed.stats().sent;
  await mock.advance(10_010);
  assert(busy.feed.stats().sent - alone >= 45);
  await busy.close();
  await mock.settle();
  assertEquals([mock.clock.timers, mock.spawn.tasks], [0, 0]);
});

// Both looked at the last frame sent while the other's was still in its layers.
test("sendRateLimit() that two connections share keeps spacingMs although their layers take time", async () => {
  const mock = mockRuntime();
  const waiting: (() => void)[] = [];
  const layer: FrameLayer = () => ({
    async transform(frame, controller) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      controller.enqueue(frame);
    },
  });
  const limit = sendRateLimit({ limit: 10, windowMs: 1_000, spacingMs: 100 });
  const options = { on: mock, sendRateLimit: limit, send: { layers: [layer] } };
  const feeds = [bench(options), bench(options)];
  for (const feed of feeds) await feed.up();
  for (const { feed } of feeds) void feed.send("x");
  const count = () => feeds.reduce((sum, { feed }) => sum + feed.stats().sent, 0);
  const go = async () => {
    await mock.settle();
    for (const pass of waiting.splice(0)) pass();
    await mock.settle();
  };
  await go();
  assertEquals(count(), 1);
  await mock.advance(150);
  await go();
  assertEquals(count(), 2);
  for (const feed of feeds) await feed.close();
});

// The timer came before the socket's own event: a session was ended because the application had computed for so long.
test("send() to a full socket is not given up because the thread was blocked", async () => {
  const it = bench({ send: { timeoutMs: 2_000 } });
  const dial = await it.up();
  dial.bufferedAmount = 2_000_000;
  const sent = outcome(it.feed.send("x"));
  await it.mock.advance(10);
  it.mock.clock.skip(5_000);
  await it.mock.advance(10);
  dial.bufferedAmount = 0;
  await it.mock.advance(100);
  assertEquals([sent.state, dial.sent, it.now.epoch, it.now.up], ["done", ["x"], 1, true]);
  // One that is stuck is given up in its time all the same.
  dial.bufferedAmount = 2_000_000;
  const stuck = outcome(it.feed.send("y"));
  await it.mock.advance(1_900);
  assertEquals(stuck.state, "pending");
  await it.mock.advance(200);
  assertEquals([stuck.state, it.now.up], ["failed", false]);
  await it.close();
});

test("send() whose layer takes a moment is not given up because the thread was blocked", async () => {
  let sign = () => {};
  const signing: FrameLayer = () => ({
    async transform(frame, controller) {
      await new Promise<void>((resolve) => sign = resolve);
      controller.enqueue(frame);
    },
  });
  const it = bench({ send: { timeoutMs: 2_000, layers: [signing] } });
  const dial = await it.up();
  const sent = outcome(it.feed.send("x"));
  await it.mock.settle();
  it.mock.clock.skip(5_000);
  await it.mock.advance(10);
  sign();
  await it.mock.settle();
  assertEquals([sent.state, dial.sent, it.now.epoch, it.now.up], ["done", ["x"], 1, true]);
  // One that takes for ever is given up in its time.
  const stuck = outcome(it.feed.send("y"));
  await it.mock.advance(1_999);
  assertEquals(stuck.state, "pending");
  await it.mock.advance(1);
  assertEquals([stuck.state, it.now.up], ["failed", false]);
  await it.close();
});

/** Chromium, 156 as measured: timers of a page that is hidden fire on the minute, and a turn is a timer. */
function hidden(clock: Clock): Clock {
  const onTheMinute = (ms: number) =>
    Math.ceil((clock.now() + Math.max(4, ms)) / 60_000) * 60_000 - clock.now();
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (callback, ms) => clock.setTimer(callback, onTheMinute(ms)),
    turn: (callback) => void clock.setTimer(callback, onTheMinute(0)),
  };
}

// A timer that is a minute late looked like a sleep, each time: quiet feeds were dialled anew every few minutes, and dead ones never.
test("a hidden page, whose timers are late, keeps a session that is good and ends one that is not", async () => {
  const probe = { afterMs: 20_000, frame: "ping" };
  const stories: readonly (readonly [string, LivenessOptions, number, boolean, boolean])[] = [
    ["busy", {}, 1_000, false, true],
    ["quiet", {}, 300_000, false, true],
    ["not so quiet", { deadAfterMs: 120_000 }, 100_000, false, true],
    ["answers", { probe }, Infinity, true, true],
    ["does not answer", { probe }, Infinity, false, false],
  ];
  for (const [name, liveness, everyMs, answers, good] of stories) {
    const mock = mockRuntime();
    const runtime = { ...mock.runtime, clock: hidden(mock.clock) };
    const feed = open("ws://venue", { runtime, liveness });
    const dial = await mock.dial();
    dial.open();
    let answered = 0;
    for (let at = 1_000; at <= 900_000; at += 1_000) {
      await mock.advance(1_000);
      if (at % everyMs === 0) dial.receive("x");
      if (answers && dial.sent.length > answered) {
        answered = dial.sent.length;
        dial.receive("pong");
      }
    }
    assertEquals([name, dial.abandoned], [name, !good]);
    const closing = feed.control.shutdown();
    await mock.advance(60_000);
    await closing;
  }
});

// It began anew with a session that was never up, as its start was done only after it had gone silent.
test("downSinceMs goes on where a session is stale when its start is done", async () => {
  let done = () => {};
  const onSession = () => new Promise<void>((resolve) => done = resolve);
  const it = bench({ onSession, liveness: { staleAfterMs: 5_000 } });
  await it.mock.advance(1_000);
  const dial = await it.up();
  await it.mock.advance(10_000);
  done();
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.up, it.now.downSinceMs], ["stale", false, 0]);
  assertEquals(it.seen.some(({ up }) => up), false);
  dial.receive("x");
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.downSinceMs], ["connected", undefined]);
  await it.close();
});

// The probe alone was kept as it was given: changed for the next connection, it changed for this one, unchecked.
test("options that are changed after the call change nothing", async () => {
  const probe = { afterMs: 1_000, frame: "one" };
  const it = bench({ liveness: { staleAfterMs: 5_000, probe } });
  Object.assign(probe, { afterMs: 2_000, frame: "two" });
  const dial = await it.up();
  await it.mock.advance(1_500);
  assertEquals(dial.sent, ["one"]);
  await it.close();
});

// It rejected, and went out all the same.
test("send() with a signal that is none sends nothing when it rejects", async () => {
  const it = bench();
  const dial = await it.up();
  dial.bufferedAmount = 2_000_000;
  const signal = new AbortController() as unknown as AbortSignal;
  const order = outcome(it.feed.send("order", { signal }));
  await it.mock.settle();
  dial.bufferedAmount = 0;
  await it.mock.advance(1_000);
  assertEquals([order.state, dial.sent, it.feed.stats().waiting], ["failed", [], 0]);
  await it.close();
});

// The rejection of a promise that nobody expected ended the process, as that of a tracer or classify had.
test("callbacks that are async although they must not be, and reject, harm nobody", async () => {
  const rejects = (() => Promise.reject(new Error("async"))) as unknown as () => never;
  const it = bench({
    liveness: { isLife: rejects, probe: { afterMs: 1_000, frame: rejects } },
    onSession: (session) => void session.next(rejects),
  });
  const waited = outcome(it.feed.lifecycle.waitFor(rejects));
  const dial = await it.up();
  dial.receive("x");
  await it.mock.advance(2_000);
  assertEquals([waited.state, dial.abandoned], ["done", true]);
  await it.close();
});
