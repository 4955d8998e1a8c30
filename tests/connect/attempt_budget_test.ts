/**
 * The attempt budget: exact, fair, and free of charge for whoever did not dial.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { attemptBudget, budgeted } from "../../src/connect/attempt_budget.ts";
import type { AttemptReservation } from "../../src/contract/budget.ts";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import { ManualClock, seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { countingAbort, DeafLeaf, greeting, settled } from "./bench.ts";

/** Most cost in any closed window. */
function fullest(spends: readonly { at: number; cost: number }[], windowMs: number): number {
  let most = 0;
  for (const { at: from } of spends) {
    let sum = 0;
    for (const { at, cost } of spends) if (at >= from && at - from <= windowMs) sum += cost;
    most = Math.max(most, sum);
  }
  return most;
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  const until = clock.now() + ms;
  await settled();
  while (clock.fireNext(until - clock.now())) await settled();
  clock.skip(until - clock.now());
}

test("attemptBudget() refuses options with every problem named", () => {
  const error = assertThrows(
    () => attemptBudget({ attempts: 0.5, windowMs: Infinity }),
    TransportError,
  );
  assert(isTransportError(error, "invalid_options"));
  assertEquals(error.problems.map(({ path }) => path), ["attempts", "windowMs"]);
  assertThrows(() => attemptBudget({} as never), TransportError, "windowMs");
  assertThrows(
    () => attemptBudget({ attempts: 1, windowMs: 1, burst: 1 } as never),
    TransportError,
  );
  const budget = attemptBudget({ attempts: 3, windowMs: 500 });
  assertEquals([budget.attempts, budget.windowMs], [3, 500]);
});

test("attemptBudget() is exact in every closed window and serves first come first served", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 5, max: 50 }),
      fc.array(
        fc.record({
          dt: fc.integer({ min: 0, max: 20 }),
          cost: fc.integer({ min: 1, max: 5 }),
          fate: fc.constantFrom("open", "fail", "abort", "abortLater"),
          after: fc.integer({ min: 0, max: 60 }),
        }),
        { maxLength: 30, size: "max" },
      ),
      async (attempts, windowMs, asks) => {
        const clock = new ManualClock();
        const budget = attemptBudget({ attempts, windowMs });
        const spends: { at: number; cost: number; index: number }[] = [];
        const outcomes: string[] = [];
        for (const [index, ask] of asks.entries()) {
          const cost = Math.min(ask.cost, attempts);
          const { controller, signal } = countingAbort();
          outcomes[index] = "waiting";
          budget.reserve(cost, { clock, signal }).then((reservation) => {
            outcomes[index] = "granted";
            const spend = { at: clock.now(), cost, index };
            spends.push(spend);
            if (ask.fate !== "open") return;
            clock.setTimer(() => {
              spend.cost = 1; // one connection was on the wire after all
              reservation.opened();
            }, ask.after);
          }, () => outcomes[index] = "aborted");
          if (ask.fate === "abort") controller.abort();
          if (ask.fate === "abortLater") clock.setTimer(() => controller.abort(), ask.after);
          await pass(clock, ask.dt);
          assert(fullest(spends, windowMs) <= attempts);
        }
        while (clock.fireNext(Infinity)) await settled();
        assert(outcomes.every((outcome) => outcome !== "waiting"), "a waiter was forgotten");
        const order = spends.map(({ index }) => index);
        assertEquals(order, order.toSorted((a, b) => a - b), "first come, first served");
        assert(fullest(spends, windowMs) <= attempts);
        assertEquals(clock.timers, 0);
      },
    ),
    { numRuns: 300 },
  );
});

test("attemptBudget() waits no longer than it must", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 2, windowMs: 100 });
  const { signal } = new AbortController();
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    budget.reserve(1, { clock, signal }).then(() => times.push(clock.now()));
  }
  await pass(clock, 1_000);
  assertEquals(times, [0, 0, 101, 101, 202, 202]);
});

test("attemptBudget() charges nothing to whoever aborts while waiting, first or further back", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 1, windowMs: 100 });
  const aborts = Array.from({ length: 4 }, countingAbort);
  const times: (number | string)[] = [];
  const all = aborts.map(({ signal }, i) =>
    budget.reserve(1, { clock, signal }).then(() => times[i] = clock.now(), (reason) => {
      times[i] = String(reason);
    })
  );
  await settled();
  aborts[1]!.controller.abort("head");
  await pass(clock, 50);
  aborts[2]!.controller.abort("behind");
  await pass(clock, 51);
  await Promise.all(all);
  assertEquals(times, [0, "head", "behind", 101]);
  aborts[0]!.controller.abort("too late");
  aborts[3]!.controller.abort("too late");
  await settled();
  assertEquals(clock.timers, 0);
});

test("attemptBudget() leaves no timer when the last waiter goes, and no listener", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 1, windowMs: 100 });
  const first = countingAbort();
  await budget.reserve(1, { clock, signal: first.signal });
  assertEquals(first.listeners(), 0);
  const waiting = countingAbort();
  const promise = budget.reserve(1, { clock, signal: waiting.signal });
  assertEquals([clock.timers, waiting.listeners()], [1, 1]);
  waiting.controller.abort(new Error("gone"));
  await assertRejects(() => promise, Error, "gone");
  assertEquals([clock.timers, waiting.listeners()], [0, 0]);
});

test("attemptBudget() with a signal that has aborted rejects with its reason and spends nothing", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 1, windowMs: 100 });
  const gone = AbortSignal.abort(new Error("gone"));
  await assertRejects(() => budget.reserve(1, { clock, signal: gone }), Error, "gone");
  await budget.reserve(1, { clock, signal: new AbortController().signal });
  assertEquals(clock.now(), 0);
});

test("attemptBudget() refuses what costs more than it ever has, instead of waiting for ever", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 2, windowMs: 100 });
  const { signal } = new AbortController();
  await assertRejects(() => budget.reserve(3, { clock, signal }), RangeError, "3 attempts of 2");
  await budget.reserve(2, { clock, signal });
  assertEquals(clock.timers, 0);
});

test("attemptBudget() gives back on open what the dial did not cost, and wakes who waits for it", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 3, windowMs: 1_000 });
  const { signal } = new AbortController();
  const reservation = await budget.reserve(3, { clock, signal });
  let second: AttemptReservation | undefined;
  void budget.reserve(2, { clock, signal }).then((granted) => second = granted);
  await pass(clock, 10);
  assertEquals(second, undefined);
  reservation.opened();
  await settled();
  assert(second !== undefined, "two of three came back");
  assertEquals([clock.now(), clock.timers], [10, 0]);
  const third = budget.reserve(1, { clock, signal });
  await pass(clock, 990);
  assertEquals(clock.timers, 1, "the one that opened stays spent for its window");
  await pass(clock, 1);
  await third;
});

test("attemptBudget() gives back once, however often a dial says that it has opened", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 4, windowMs: 1_000 });
  const { signal } = new AbortController();
  const one = await budget.reserve(2, { clock, signal });
  await budget.reserve(2, { clock, signal });
  one.opened();
  one.opened();
  await budget.reserve(1, { clock, signal });
  let more = false;
  void budget.reserve(1, { clock, signal }).then(() => more = true);
  await settled();
  assert(!more, "the other dial's reservation was given away");
});

test("scenario 17: attemptBudget() shared by ten connections holds, and none of them starves", async () => {
  const clock = new ManualClock();
  const random = seededRandom(17);
  const budget = attemptBudget({ attempts: 5, windowMs: 1_000 });
  const { signal } = new AbortController();
  const spends: { at: number; cost: number }[] = [];
  const dials: number[] = new Array(10).fill(0);
  const gaps: number[] = new Array(10).fill(0);
  const redial = (who: number, since: number): void => {
    void budget.reserve(1, { clock, signal }).then(() => {
      const now = clock.now();
      spends.push({ at: now, cost: 1 });
      dials[who]!++;
      gaps[who] = Math.max(gaps[who]!, now - since);
      // Fails at once, and comes again after a delay of its own.
      clock.setTimer(() => redial(who, clock.now()), Math.floor(random() * 300));
    });
  };
  for (let who = 0; who < 10; who++) redial(who, 0);
  await pass(clock, 60_000);
  assert(fullest(spends, 1_000) <= 5);
  assert(spends.length >= 59 * 5, `only ${spends.length} dials: the budget was not used`);
  assert(Math.max(...dials) - Math.min(...dials) <= 3, `unfair: ${dials}`);
  assert(Math.max(...gaps) <= 2 * 1_001, `somebody waited ${Math.max(...gaps)} ms`);
});

test("budgeted() charges wireDials before the dial and gives the rest back when it opens", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf({ wireDials: 2 });
  const budget = attemptBudget({ attempts: 4, windowMs: 1_000 });
  const connector = budgeted(budget, clock)(leaf);
  assertEquals(connector.capabilities, leaf.capabilities);
  const { signal } = new AbortController();
  const dial = () => connector.connect(greeting(), { signal });
  const first = dial();
  const second = dial();
  const third = dial();
  third.catch(() => {});
  await settled();
  assertEquals(leaf.dials.length, 2, "each failing dial of this leaf costs two");
  leaf.dials[0]!.fail(new Error("refused"));
  await assertRejects(() => first, Error, "refused");
  await settled();
  assertEquals(leaf.dials.length, 2, "a failure gives nothing back");
  leaf.dials[1]!.open();
  await second;
  await settled();
  assertEquals(leaf.dials.length, 2, "one came back, the third costs two");
  await pass(clock, 1_001);
  assertEquals(leaf.dials.length, 3);
});

test("budgeted() does not dial when the wait is aborted", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const connector = budgeted(attemptBudget({ attempts: 1, windowMs: 1_000 }), clock)(leaf);
  void connector.connect(greeting(), { signal: new AbortController().signal });
  const { controller, signal, listeners } = countingAbort();
  const waiting = connector.connect(greeting(), { signal });
  await settled();
  controller.abort(new Error("not wanted"));
  await assertRejects(() => waiting, Error, "not wanted");
  await pass(clock, 5_000);
  assertEquals([leaf.dials.length, clock.timers, listeners()], [1, 0, 0]);
});

test("scenario 29: attemptBudget() does not look at the time of day", async () => {
  const clock = new ManualClock();
  const budget = attemptBudget({ attempts: 1, windowMs: 1_000 });
  const { signal } = new AbortController();
  await budget.reserve(1, { clock, signal });
  const next = budget.reserve(1, { clock, signal });
  clock.jumpWall(-3_600_000);
  await pass(clock, 1_001);
  await next;
  assertEquals(clock.now(), 1_001);
});
