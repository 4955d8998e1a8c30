/**
 * Scenarios of many connections and one address, over the whole stack.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { attemptBudget, isTransportError, stack } from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { type Bench, bench, fullest } from "./bench.ts";

test("scenario 17: open() keeps ten connections on one budget within it, and none starves", async () => {
  const mock = mockRuntime({ seed: 17 });
  const budget = attemptBudget({ attempts: 6, windowMs: 10_000 });
  const all = Array.from(
    { length: 10 },
    () => bench({ on: mock, attemptBudget: budget, backoff: { maxDelayMs: 2_000 } }),
  );
  for (let ms = 0; ms < 300_000; ms += 50) {
    await mock.advance(50);
    for (let dial = mock.connector.next(); dial; dial = mock.connector.next()) dial.fail();
  }
  const times = all.flatMap(({ dialTimes }) => dialTimes).sort((a, b) => a - b);
  assertEquals(fullest(times, 10_000), 6);
  assert(times.length >= 29 * 6, `${times.length} dials: the budget was not used up`);
  const counts = all.map(({ dialTimes }) => dialTimes.length);
  assert(Math.min(...counts) >= times.length / 10 * 0.9, `unfair: ${counts}`);
  for (const { dialTimes } of all) {
    const gaps = dialTimes.map((at, i) => at - (dialTimes[i - 1] ?? 0));
    assert(Math.max(...gaps) <= 2 * 10_001 + 2_500, `one waited ${Math.max(...gaps)} ms`);
  }
  // The server is back: all are up within one round of the budget.
  for (let ms = 0; ms < 25_000; ms += 50) {
    await mock.advance(50);
    for (let dial = mock.connector.next(); dial; dial = mock.connector.next()) dial.open();
  }
  assert(all.every(({ now }) => now.phase === "connected"));
  for (const it of all) await it.close();
  assertEquals([mock.clock.timers, mock.spawn.tasks], [0, 0]);
});

test("scenario 18: open() spreads 500 clients that lose one server at one moment", async () => {
  const mock = mockRuntime({ seed: 18 });
  const all: Bench[] = [];
  for (let i = 0; i < 500; i++) all.push(bench({ on: mock, backoff: { stableAfterMs: 1_000 } }));
  await mock.settle();
  const dials = mock.connector.dials.slice();
  for (let dial = mock.connector.next(); dial; dial = mock.connector.next()) dial.open();
  await mock.advance(5_000);
  const lostAt = mock.clock.now();
  for (const dial of dials) dial.end({ code: 1012 });
  for (let ms = 0; ms < 2_000; ms++) {
    await mock.advance(1);
    for (let dial = mock.connector.next(); dial; dial = mock.connector.next()) dial.open();
  }
  const times = all.map(({ dialTimes }) => dialTimes[1]! - lostAt);
  assert(Math.min(...times) >= 500 && Math.max(...times) <= 1_000);
  const bins = new Array(10).fill(0);
  for (const at of times) bins[Math.min(9, Math.floor((at - 500) / 50))]++;
  assert(Math.max(...bins) <= 2 * 50, `peak of ${Math.max(...bins)}, mean 50: ${bins}`);
  for (const { feed } of all) void feed.control.shutdown();
  await mock.advance(2_000);
  assertEquals([mock.clock.timers, mock.spawn.tasks], [0, 0]);
});

test("scenario 29: open() paces by monotonic time when somebody sets the clock back an hour", async () => {
  const it = bench({ attemptBudget: attemptBudget({ attempts: 2, windowMs: 60_000 }) });
  (await it.mock.dial()).fail();
  (await it.mock.dial()).fail();
  await it.mock.advance(5_000);
  it.mock.clock.jumpWall(-3_600_000);
  await it.up();
  assertEquals(it.dialTimes[2], 60_001);
  // The other way round, with a session: one probe or one reconnect, but no storm.
  await it.mock.advance(1_000);
  it.mock.clock.jumpWall(-3_600_000);
  await it.mock.advance(5_000);
  assertEquals([it.now.phase, it.dialTimes.length], ["connected", 3]);
  await it.close();
});

test("open() lets the wait for the budget eat nothing of the dial's deadline", async () => {
  const it = bench({
    connectTimeoutMs: 1_000,
    attemptBudget: attemptBudget({ attempts: 1, windowMs: 50_000 }),
  });
  (await it.mock.dial()).fail();
  await it.mock.advance(45_000);
  assertEquals(it.dialTimes, [0]);
  const dial = await it.mock.dial();
  assertEquals(it.mock.clock.now(), 50_001);
  await it.mock.advance(999);
  assertEquals(dial.aborted, false);
  dial.open();
  await it.mock.settle();
  assertEquals(it.now.phase, "connected");
  await it.close();
});

test("open() shut down while it waits for the budget costs nobody an attempt", async () => {
  const mock = mockRuntime();
  const budget = attemptBudget({ attempts: 1, windowMs: 10_000 });
  const first = bench({ on: mock, attemptBudget: budget });
  await first.up();
  const second = bench({ on: mock, attemptBudget: budget });
  const third = bench({ on: mock, attemptBudget: budget });
  await mock.advance(100);
  await second.close();
  await third.up();
  assertEquals([second.dialTimes, third.dialTimes], [[], [10_001]]);
  await first.close();
  await third.close();
  assertEquals([mock.clock.timers, mock.spawn.tasks], [0, 0]);
});

test("open() refuses a budget that can never pay one failing dial, before any work", () => {
  const mock = mockRuntime({ capabilities: { wireDials: 2 } });
  const budget = attemptBudget({ attempts: 1, windowMs: 1_000 });
  try {
    stack(mock.connector, mock.runtime, { attemptBudget: budget });
  } catch (error) {
    assert(isTransportError(error, "invalid_options"));
    assertEquals(error.problems.map(({ path }) => path), ["attemptBudget.attempts"]);
    return;
  }
  throw new Error("a budget of 1 was taken for dials that cost 2");
});
