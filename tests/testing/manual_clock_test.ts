/**
 * The clock of the kit: time that moves when the test says so.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

test("ManualClock fires timers in the order of their times, and of their setting within one", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60, size: "max" }), (delays) => {
      const clock = new ManualClock();
      const fired: [number, number][] = [];
      delays.forEach((delay, order) => clock.setTimer(() => fired.push([delay, order]), delay));
      while (clock.fireNext(Infinity));
      const expected = delays.map((delay, order): [number, number] => [delay, order])
        .toSorted((one, other) => one[0] - other[0] || one[1] - other[1]);
      assertEquals(fired, expected);
      assertEquals(clock.timers, 0);
    }),
  );
});

test("ManualClock never fires a timer that was cancelled, whenever that was", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ delay: fc.nat(20), cancelAt: fc.option(fc.nat(20)) }), {
        maxLength: 40,
      }),
      (plans) => {
        const clock = new ManualClock();
        const fired: number[] = [];
        const cancels = plans.map(({ delay }, i) => clock.setTimer(() => fired.push(i), delay));
        for (let now = 0; now <= 20; now++) {
          plans.forEach(({ cancelAt }, i) => {
            if (cancelAt === now) cancels[i]!();
          });
          while (clock.fireNext(0));
          clock.skip(1);
        }
        const kept = plans.flatMap(({ delay, cancelAt }, i) =>
          cancelAt === null || cancelAt > delay ? [i] : []
        );
        assertEquals(fired.toSorted((a, b) => a - b), kept);
        assertEquals([clock.timers, clock.nextAt], [0, undefined]);
      },
    ),
  );
});

test("ManualClock counts the timers that are set, and a cancel counts once", () => {
  const clock = new ManualClock();
  const cancel = clock.setTimer(() => {}, 5);
  clock.setTimer(() => {}, 7);
  assertEquals([clock.timers, clock.nextAt], [2, 5]);
  cancel();
  cancel();
  assertEquals([clock.timers, clock.nextAt], [1, 7]);
  clock.fireNext(7);
  cancel();
  assertEquals(clock.timers, 0);
});

test("ManualClock fires within the limit only, and moves to the time of what it fires", () => {
  const clock = new ManualClock();
  const times: number[] = [];
  clock.setTimer(() => times.push(clock.now()), 10);
  assertEquals(clock.fireNext(9), false);
  assertEquals(clock.now(), 0);
  assertEquals(clock.fireNext(10), true);
  assertEquals(times, [10]);
});

test("ManualClock skip() moves time and fires nothing; what is late fires then, without going back", () => {
  const clock = new ManualClock();
  const times: number[] = [];
  clock.setTimer(() => times.push(clock.now()), 10);
  clock.skip(50);
  assertEquals(times, []);
  clock.fireNext(0);
  assertEquals(times, [50]);
});

test("ManualClock jumpWall() moves the time of day alone", () => {
  const clock = new ManualClock();
  const wall = clock.wallNow();
  clock.jumpWall(-3_600_000);
  assertEquals([clock.now(), clock.wallNow() - wall], [0, -3_600_000]);
  clock.skip(5);
  assertEquals(clock.wallNow() - wall, -3_599_995);
});

test("ManualClock runs a turn once, and one that was asked for meanwhile the next time", () => {
  const clock = new ManualClock();
  const ran: string[] = [];
  clock.turn(() => {
    ran.push("first");
    clock.turn(() => ran.push("second"));
  });
  assertEquals([clock.turns, clock.runTurns(), clock.turns], [1, 1, 1]);
  assertEquals(ran, ["first"]);
  clock.runTurns();
  assertEquals([ran, clock.turns], [["first", "second"], 0]);
});

test("scenario 30: ManualClock clamps a delay that platforms would fire at once", () => {
  const clock = new ManualClock();
  clock.setTimer(() => {}, 2 ** 40);
  assertEquals(clock.nextAt, 2 ** 31 - 1);
});
