/**
 * Scenarios of the end, over the whole stack: it comes, within its bound, and leaves nothing behind.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, isTransportError } from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { countingAbort } from "../connect/bench.ts";
import { test } from "../support/harness.ts";
import { bench, codeOf, outcome, reading } from "./bench.ts";

test("scenario 50: shutdown() settles in every phase, at every await, twice and concurrently", async () => {
  for (const answersClose of [true, false]) {
    for (let at = 0; at < 60; at++) {
      const it = bench({
        mock: { answersClose },
        auth: async () => await undefined,
        onSession: async (session) => await session.send("login"),
      });
      const { ended } = reading(it.feed);
      const ready = outcome(it.feed.ready);
      let opened = 0;
      for (let i = 0; i < at; i++) {
        await Promise.resolve();
        it.mock.spawn.step();
        const dial = it.mock.connector.next();
        if (dial !== undefined) {
          dial.open();
          opened++;
        }
        // A loss on the way, so that later steps fall into waiting and into the second dial.
        if (i === 30) it.mock.connector.dials[0]?.end({ code: 1006 });
        if (i === 40) it.mock.clock.fireNext(60_000);
      }
      const first = outcome(it.feed.control.shutdown());
      const second = outcome(it.feed.control.shutdown({ timeoutMs: 1_000 }));
      await it.mock.settle();
      await it.mock.advance(1_000);
      assertEquals([first.state, second.state], ["done", "done"], `at step ${at}`);
      const third = outcome(Promise.resolve(it.feed[Symbol.asyncDispose]()));
      await it.mock.settle();
      assertEquals([third.state, it.now.phase], ["done", "closed"]);
      assertEquals(await ended, undefined);
      assert(ready.state !== "pending", "ready settles");
      const dialled = it.mock.connector.dials.length;
      await it.mock.advance(600_000);
      assertEquals(it.mock.connector.dials.length, dialled, "no dial after the end");
      assert(dialled <= opened + 1);
      await it.close();
    }
  }
});

test("scenario 51: shutdown() of a silent peer settles within its bound", async () => {
  for (const [timeoutMs, bound] of [[undefined, 2_000], [300, 300], [0, 0]] as const) {
    const it = bench({ mock: { answersClose: false } });
    const dial = await it.up();
    const closing = outcome(
      it.feed.control.shutdown({
        code: 4000,
        reason: "bye",
        ...timeoutMs === undefined ? {} : { timeoutMs },
      }),
    );
    await it.mock.settle();
    assertEquals(dial.closing, { code: 4000, reason: "bye" });
    assertEquals([it.now.phase, it.feed.lifecycle.ended], ["closed", false]);
    if (bound > 0) {
      await it.mock.advance(bound - 1);
      assertEquals([closing.state, dial.abandoned], ["pending", false]);
      await it.mock.advance(1);
    } else await it.mock.advance(0);
    assertEquals([closing.state, dial.abandoned], ["done", true]);
    await it.close();
  }
});

test("scenario 52: shutdown() during a dial lets nothing open later", async () => {
  const it = bench({ deaf: true });
  const dial = await it.mock.dial();
  const closing = outcome(it.feed.control.shutdown());
  await it.mock.settle();
  assertEquals(closing.state, "done");
  dial.open();
  await it.mock.settle();
  assert(dial.abandoned);
  assertEquals([it.now.epoch, it.now.phase], [0, "closed"]);
  await it.close();
});

test("scenario 52: shutdown() in the very turn of the open lets go of the socket", async () => {
  const it = bench();
  const dial = await it.mock.dial();
  dial.open();
  await Promise.resolve();
  await Promise.resolve();
  void it.feed.control.shutdown();
  await it.mock.settle();
  assert(dial.abandoned || dial.closing !== undefined);
  await it.close();
});

test("shutdown() refuses a code, reason or bound out of range, before any work", async () => {
  const it = bench();
  await it.up();
  const { shutdown } = it.feed.control;
  for (const code of [1001, 1006, 999, 5000, 3000.5, NaN]) {
    await assertRejects(() => shutdown({ code }), RangeError, String(code));
  }
  await assertRejects(() => shutdown({ reason: "é".repeat(62) }), RangeError, "124 bytes");
  for (const timeoutMs of [-1, NaN, Infinity]) {
    await assertRejects(() => shutdown({ timeoutMs }), RangeError, "timeoutMs");
  }
  assertEquals(it.now.phase, "connected");
  await it.close();
});

test("shutdown() hands over the close frame, then tells observers, then ends the reader", async () => {
  const order: string[] = [];
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  const { ended } = reading(it.feed);
  void ended.then(() => order.push("reader"));
  void it.feed.lifecycle.waitFor(({ phase }) => {
    if (phase !== "closed") return false;
    order.push(`observer, ${dial.closing === undefined ? "no close frame yet" : "closing"}`);
    return true;
  });
  const closing = it.feed.control.shutdown();
  void closing.then(() => order.push("shutdown"));
  await it.mock.settle();
  dial.end({ code: 1000 });
  await it.mock.settle();
  await closing;
  assertEquals(order[0], "observer, closing");
  assertEquals(order.toSorted(), ["observer, closing", "reader", "shutdown"]);
  await it.close();
});

test("shutdown() does not wait for a reader, and lets it finish what is buffered", async () => {
  const it = bench();
  const dial = await it.up();
  for (let i = 0; i < 5; i++) dial.receive("x");
  await Promise.all([it.feed.control.shutdown(), it.mock.settle()]);
  assertEquals(it.feed.stats().buffered, 5);
  const { frames, ended } = reading(it.feed);
  assertEquals(await ended, undefined);
  assertEquals(frames.length, 5);
  await it.close();
});

test("shutdown() after unrecoverable resolves and changes nothing", async () => {
  const it = bench({ permanentRetries: 0 });
  (await it.mock.dial()).fail({ status: 401 });
  await it.mock.settle();
  const before = it.now;
  await it.feed.control.shutdown();
  it.feed.control.forceReconnect();
  it.feed.control.markHealthy();
  await it.mock.settle();
  assertEquals([it.now, it.now.phase], [before, "unrecoverable"]);
  await it.close();
});

test("open() is shut down by its signal, in every phase, and leaves no listener on it", async () => {
  const ways = ["before", "dialing", "waiting", "up", "ended"] as const;
  for (const way of ways) {
    const { controller, signal, listeners } = countingAbort();
    const reason = new Error("over");
    if (way === "before") controller.abort(reason);
    const it = bench({ signal });
    const ready = outcome(it.feed.ready);
    if (way === "waiting") (await it.mock.dial()).fail();
    if (way === "up") await it.up();
    if (way === "ended") {
      await it.up();
      await Promise.all([it.feed.control.shutdown(), it.mock.settle()]);
      assertEquals(listeners(), 0, "gone with the connection, not with the signal");
    }
    await it.mock.settle();
    controller.abort(reason);
    await it.mock.settle();
    await it.mock.advance(2_000);
    assertEquals([it.now.phase, listeners()], ["closed", 0], way);
    const wasUp = way === "up" || way === "ended";
    assertEquals(ready.state, wasUp ? "done" : "failed");
    if (!wasUp) assertEquals(ready.value, reason);
    if (way === "before") assertEquals(it.mock.connector.dials.length, 0);
    await it.close();
  }
});

test("connect() resolves at the first healthy session and rejects when the stack gives up before", async () => {
  const mock = mockRuntime();
  const connecting = connect("ws://venue.example/", { runtime: mock.runtime });
  (await mock.dial()).fail();
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  assertEquals(feed.lifecycle.value.phase, "connected");
  void feed.control.shutdown();
  await mock.settle();
  const other = mockRuntime();
  const failing = connect("ws://venue.example/", { runtime: other.runtime, maxAttempts: 1 });
  failing.catch(() => {});
  (await other.dial()).fail({ status: 503 });
  await other.settle();
  const error = await assertRejects(() => failing);
  assert(isTransportError(error, "exhausted"));
  assertEquals(codeOf(error.cause), "connect_failed");
  assertEquals([mock.clock.timers, other.clock.timers], [0, 0]);
});

test("shutdown() inside onSession ends it all the same", async () => {
  const it = bench({
    onSession: () => {
      void it.feed.control.shutdown();
      return new Promise<void>(() => {});
    },
  });
  await it.up();
  assertEquals(it.now.phase, "closed");
  await it.close();
});
