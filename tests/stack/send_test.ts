/**
 * Scenarios of sending, over the whole stack.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type FrameLayer, isTransportError, sendRateLimit, TransportError } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { bench, codeOf, fullest, outcome } from "./bench.ts";

test("scenario 42: send() over an outage makes no burst, and rejects what was not held", async () => {
  const it = bench({ sendRateLimit: sendRateLimit({ limit: 5, windowMs: 1_000 }) });
  const first = await it.up();
  const fenced = Array.from({ length: 100 }, (_, i) => outcome(it.feed.send(`fenced ${i}`)));
  const held = Array.from(
    { length: 100 },
    (_, i) => outcome(it.feed.send(`held ${i}`, { hold: true })),
  );
  await it.mock.settle();
  assertEquals(first.sent.length, 5);
  first.end({ code: 1006 });
  await it.mock.settle();
  assertEquals(fenced.filter(({ state }) => state === "done").length, 5);
  assert(
    fenced.slice(5).every(({ state, value }) =>
      state === "failed" && codeOf(value) === "stale_session"
    ),
  );
  assert(held.every(({ state }) => state === "pending"));
  const down = outcome(it.feed.send("while down"));
  await it.mock.settle();
  assertEquals(codeOf(down.value), "not_connected");
  const second = await it.mock.dial();
  second.open();
  const sent: { data: unknown; at: number }[] = [];
  for (let ms = 0; ms < 30_000; ms += 1) {
    await it.mock.advance(1);
    while (sent.length < second.sent.length) {
      sent.push({ data: second.sent[sent.length], at: it.mock.clock.now() });
    }
    if (sent.length === 100) break;
    if (ms % 5_000 === 0) second.receive("life");
  }
  assertEquals(sent.map(({ data }) => data), Array.from({ length: 100 }, (_, i) => `held ${i}`));
  assertEquals(fullest(sent.map(({ at }) => at), 1_000), 5);
  assert(held.every(({ state, times }) => state === "done" && times === 1));
  await it.close();
});

test("scenario 44: send() keeps the reserve free for pongs of the platform", async () => {
  const it = bench({ sendRateLimit: sendRateLimit({ limit: 10, windowMs: 1_000, reserve: 4 }) });
  const dial = await it.up();
  for (let i = 0; i < 60; i++) outcome(it.feed.send(`${i}`));
  const wire: number[] = [];
  let sent = 0;
  for (let ms = 0; ms < 8_000; ms += 50) {
    await it.mock.advance(50);
    while (sent < dial.sent.length) {
      sent++;
      wire.push(it.mock.clock.now());
    }
    // Four pings per second: the platform answers each by itself, past any limiter.
    if (ms % 250 === 0) wire.push(it.mock.clock.now());
  }
  assertEquals(sent, 48, "six per window of 1,001 ms");
  assert(fullest(wire, 999) <= 10, `${fullest(wire, 999)} frames within a second`);
  await it.close();
});

test("scenario 45: send() settles once when the socket dies before, during or after the hand-off", async () => {
  // Before: the platform knows that the socket is gone, and we do not yet.
  const before = bench();
  const dead = await before.up();
  dead.end({ code: 1006 });
  const late = outcome(before.feed.send("into the void"));
  await before.mock.settle();
  assertEquals([late.state, late.times, dead.sent], ["failed", 1, []]);
  assert(["stale_session", "not_connected"].includes(codeOf(late.value)!));
  await before.close();
  // During: a send layer is at work when the session is lost.
  let go = () => {};
  const slow: FrameLayer = () => ({
    transform: (frame, controller) =>
      new Promise<void>((resolve) => {
        go = () => {
          controller.enqueue(frame);
          resolve();
        };
      }),
  });
  const during = bench({ send: { layers: [slow] } });
  const dial = await during.up();
  const inside = outcome(during.feed.send("inside the layer"));
  await during.mock.settle();
  dial.end({ code: 1006 });
  await during.mock.settle();
  go();
  await during.mock.settle();
  assertEquals([inside.state, codeOf(inside.value), inside.times], ["failed", "stale_session", 1]);
  assertEquals(dial.sent, []);
  await during.close();
  // After: it was handed over, which is all that was promised.
  const after = bench();
  const open = await after.up();
  const sent = outcome(after.feed.send("gone through"));
  open.end({ code: 1006 });
  await after.mock.settle();
  assertEquals([sent.state, sent.times, open.sent], ["done", 1, ["gone through"]]);
  await after.close();
});

test("scenario 46: send() aborted while it waits for a token costs nothing", async () => {
  const it = bench({ sendRateLimit: sendRateLimit({ limit: 1, windowMs: 1_000 }) });
  const dial = await it.up();
  await it.feed.send("first");
  const controller = new AbortController();
  const aborted = Array.from(
    { length: 50 },
    () => outcome(it.feed.send("x", { signal: controller.signal })),
  );
  const next = outcome(it.feed.send("second"));
  controller.abort(new Error("no longer"));
  await it.mock.settle();
  assert(aborted.every(({ state, value }) => state === "failed" && value instanceof Error));
  assertEquals([it.feed.stats().waiting, it.feed.stats().waitingBytes], [1, 6]);
  await it.mock.advance(1_001);
  assertEquals([next.state, dial.sent], ["done", ["first", "second"]]);
  await it.close();
});

test("scenario 47: send() after shutdown rejects instead of swallowing", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  const closing = it.feed.control.shutdown();
  await it.mock.settle();
  const during = outcome(it.feed.send("too late"));
  await it.mock.settle();
  const later = outcome(it.feed.send("later still", { hold: true }));
  await it.mock.advance(2_000);
  await closing;
  assertEquals([codeOf(during.value), codeOf(later.value), dial.sent], [
    "closed",
    "closed",
    [],
  ]);
  await it.close();
});

test("scenario 48: send() to a peer that stops reading is bounded, and the session abandoned", async () => {
  const it = bench({ send: { timeoutMs: 5_000, maxWaitingFrames: 8 } });
  const dial = await it.up();
  dial.bufferedAmount = 32 * 1024 * 1024;
  const all = Array.from({ length: 10 }, () => outcome(it.feed.send("x")));
  await it.mock.settle();
  assertEquals(all.filter(({ value }) => codeOf(value) === "queue_full").length, 2);
  await it.mock.advance(5_020);
  assert(dial.abandoned);
  assert(all.slice(0, 8).every(({ value }) => codeOf(value) === "stale_session"));
  assertEquals(codeOf(it.now.error), "send_timeout");
  await it.up();
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("send() rejects what cannot be sent, whatever the state, and never throws", async () => {
  const it = bench();
  const shared = new Uint8Array(new SharedArrayBuffer(4)) as never;
  for (const data of [shared, 5 as never, null as never, new Blob(["x"]) as never, {} as never]) {
    await assertRejects(() => it.feed.send(data), TypeError);
  }
  const dial = await it.up();
  await assertRejects(() => it.feed.send(shared), TypeError);
  const bytes = new Uint8Array([1, 2, 3, 4]);
  await it.feed.send("lone \uD800 surrogate");
  await it.feed.send(bytes.subarray(1, 3));
  await it.feed.send(new DataView(bytes.buffer, 3));
  await it.feed.send(bytes.buffer);
  assertEquals(dial.sent[0], "lone \uFFFD surrogate");
  assertEquals(dial.sent.slice(1).map((data) => [...data as Uint8Array]), [[2, 3], [4], [
    1,
    2,
    3,
    4,
  ]]);
  await it.close();
});

test("send() rejections that nobody looks at harm nobody", async () => {
  const it = bench();
  void it.feed.send("nobody waits for this");
  await it.mock.settle();
  await it.close();
});

test("onSession sends ahead of everything, and a failing layer does not let anything past", async () => {
  const it = bench({
    onSession: async (session) => {
      await session.send("login");
      await session.next((frame) => frame.data === "welcome");
      await session.send("subscribe");
    },
  });
  const first = await it.mock.dial();
  const early = outcome(it.feed.send("early", { hold: true }));
  first.open();
  await it.mock.settle();
  assertEquals(first.sent, ["login"]);
  first.receive("noise");
  first.receive("welcome");
  await it.mock.settle();
  assertEquals([first.sent, early.state], [["login", "subscribe", "early"], "done"]);
  assertEquals(it.feed.stats().received, 2, "what next() looked at is delivered all the same");
  await it.close();
});

test("onSession can start although the application has filled the queue with held frames", async () => {
  const it = bench({
    send: { maxWaitingFrames: 3 },
    onSession: (session) => session.send("login"),
  });
  const held = ["a", "b", "c"].map((data) => outcome(it.feed.send(data, { hold: true })));
  const dial = await it.up();
  await it.mock.settle();
  assertEquals([dial.sent, it.now.phase], [["login", "a", "b", "c"], "connected"]);
  assert(held.every(({ state }) => state === "done"));
  await it.close();
});

test("onSession's send and next reject at the session's end", async () => {
  const outcomes: unknown[] = [];
  const it = bench({
    onSession: async (session) => {
      try {
        await session.next(() => false);
      } catch (error) {
        outcomes.push(error);
      }
      await session.send("late").catch((error) => outcomes.push(error));
      await session.next(() => true).catch((error) => outcomes.push(error));
    },
  });
  const dial = await it.up();
  dial.end({ code: 1006 });
  await it.mock.settle();
  assertEquals(outcomes.map(codeOf), ["session_lost", "stale_session", "session_lost"]);
  assertEquals(codeOf(it.now.error), "session_lost", "not start_failed: the session was lost");
  await it.close();
});

test("writable holds what it is given across sessions, in order and with backpressure", async () => {
  const it = bench({ send: { maxWaitingFrames: 4 } });
  const writer = it.feed.writable.getWriter();
  const writes = Array.from({ length: 10 }, (_, i) => outcome(writer.write(`${i}`)));
  await it.mock.settle();
  assertEquals(writes.filter(({ state }) => state === "done").length, 4, "the rest waits for room");
  assertEquals(it.feed.stats().waiting, 4);
  const first = await it.up();
  await it.mock.settle();
  assertEquals(first.sent.length, 10);
  first.end({ code: 1006 });
  await it.mock.settle();
  const later = outcome(writer.write("later"));
  await it.mock.settle();
  assertEquals(later.state, "done", "taken, not refused");
  const second = await it.up();
  assertEquals(second.sent, ["later"]);
  writer.releaseLock();
  await it.close();
});

test("writable.close() flushes, then shuts down gracefully", async () => {
  const it = bench();
  const writer = it.feed.writable.getWriter();
  void writer.write("held");
  const dial = await it.mock.dial();
  const closing = outcome(writer.close());
  dial.open();
  await it.mock.settle();
  assertEquals([dial.sent, dial.closing?.code, closing.state], [["held"], 1000, "done"]);
  assertEquals(it.now.phase, "closed");
  await it.close();
});

test("scenario 49: writable.close() with frames that cannot be sent settles within its bound, and says so", async () => {
  const it = bench({ shutdownTimeoutMs: 1_500 });
  const writer = it.feed.writable.getWriter();
  void writer.write("never sent");
  const closing = outcome(writer.close());
  const closed = outcome(writer.closed);
  await it.mock.advance(1_499);
  assertEquals(closing.state, "pending");
  await it.mock.advance(1);
  assertEquals([closing.state, codeOf(closing.value)], ["failed", "closed"]);
  assertEquals(closed.state, "failed");
  await it.close();
});

test("scenario 49: writable.abort() with a stuck write shuts down now", async () => {
  const it = bench({ send: { maxWaitingFrames: 1 } });
  const writer = it.feed.writable.getWriter();
  void writer.write("a");
  const stuck = outcome(writer.write("b"));
  await it.mock.settle();
  const aborting = outcome(writer.abort(new Error("enough")));
  await it.mock.settle();
  await it.mock.advance(0);
  assertEquals([aborting.state, stuck.state, it.now.phase], ["done", "failed", "closed"]);
  await it.close();
});

test("writable errors on a chunk that cannot be sent", async () => {
  const it = bench();
  await it.up();
  const writer = it.feed.writable.getWriter();
  await assertRejects(() => writer.write(5 as never), TypeError);
  await assertRejects(() => writer.closed, TypeError);
  await it.close();
});

test("writable errors when the connection gives up with frames in it", async () => {
  const it = bench({ maxAttempts: 1 });
  const writer = it.feed.writable.getWriter();
  await writer.write("never sent");
  const closed = outcome(writer.closed);
  (await it.mock.dial()).fail();
  await it.mock.settle();
  assertEquals([closed.state, codeOf(closed.value)], ["failed", "exhausted"]);
  await it.close();
});

test("send layers stand between the rate limit and the socket, and may be async", async () => {
  const upper: FrameLayer = () => ({
    async transform(frame, controller) {
      await undefined;
      controller.enqueue(
        frame.type === "text" ? { type: "text", data: frame.data.toUpperCase() } : frame,
      );
    },
  });
  const it = bench({ send: { layers: [upper] } });
  const dial = await it.up();
  await Promise.all([it.feed.send("a"), it.feed.send("b")]);
  assertEquals(dial.sent, ["A", "B"]);
  await it.close();
});

test("send layers that fail end the session with layer_failed, transient until five in a row", async () => {
  const failing: FrameLayer = () => ({
    transform() {
      throw new Error("cannot sign");
    },
  });
  const it = bench({ send: { layers: [failing] }, permanentRetries: 0 });
  const held = ["1", "2", "3"].map((data) => outcome(it.feed.send(data, { hold: true })));
  for (let i = 1; i <= 5; i++) {
    const dial = await it.up();
    assertEquals([dial.sent, dial.abandoned], [[], true]);
  }
  assertEquals([it.now.phase, codeOf(it.now.error?.cause)], ["unrecoverable", "layer_failed"]);
  // Each gets two sessions.
  assertEquals(held.map(({ value }) => codeOf(value)), [
    "layer_failed",
    "layer_failed",
    "unrecoverable",
  ]);
  await it.close();
});

test("send layers that cannot be made let nothing past them", async () => {
  // A layer that signs or encrypts must not be skipped because its factory threw.
  let opens = 0;
  const broken: FrameLayer = () => {
    if (++opens === 1) throw new Error("no key");
    return { transform: (frame, controller) => controller.enqueue(frame) };
  };
  const it = bench({ send: { layers: [broken] } });
  const held = outcome(it.feed.send("secret", { hold: true }));
  const first = await it.up();
  assertEquals([first.sent, first.abandoned], [[], true]);
  assertEquals(codeOf(it.now.error), "layer_failed");
  const second = await it.up();
  assertEquals([second.sent, held.state], [["secret"], "done"]);
  await it.close();
});

test("errors of send() say what could not be done, without what was to be sent", async () => {
  const it = bench();
  const error = await assertRejects(() => it.feed.send("password=hunter2"), TransportError);
  assert(isTransportError(error, "not_connected"));
  assertEquals([error.message, error.kind], [
    "Cannot send frame: no session is open",
    "connection",
  ]);
  await it.close();
});

test("onSession does not run on a session whose layers cannot be made", async () => {
  let starts = 0;
  let opens = 0;
  const broken: FrameLayer = () => {
    if (++opens === 1) throw new Error("no key");
    return {};
  };
  for (const axis of ["recv", "send"] as const) {
    starts = opens = 0;
    const it = bench({
      ...axis === "recv" ? { recv: [broken] } : { send: { layers: [broken] } },
      onSession: (session) => {
        starts++;
        return session.send("login");
      },
    });
    const first = await it.up();
    assertEquals([starts, first.sent, first.abandoned], [0, [], true], axis);
    await it.up();
    assertEquals([starts, it.now.up], [1, true]);
    await it.close();
  }
});
