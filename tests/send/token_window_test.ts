/**
 * The window against a sliding log: exact in every closed window, and never slower than the log allows.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TokenWindow } from "../../src/send/token_window.ts";
import { test } from "../support/harness.ts";

/** Most spends in any closed window: it suffices to look at the windows that begin with a spend. */
function fullest(spends: readonly number[], windowMs: number): number {
  let most = 0;
  for (const from of spends) {
    most = Math.max(most, spends.filter((at) => at >= from && at - from <= windowMs).length);
  }
  return most;
}

/** Least time between two spends that follow each other. */
function closest(spends: readonly number[]): number {
  let least = Infinity;
  for (let i = 1; i < spends.length; i++) least = Math.min(least, spends[i]! - spends[i - 1]!);
  return least;
}

test("TokenWindow gives a token back after the window, not at its end", () => {
  const window = new TokenWindow({ limit: 1, windowMs: 1_000 });
  assertEquals(window.waitMs(5), 0);
  window.spend(5);
  assertEquals(window.waitMs(5), 1_001);
  assertEquals(window.waitMs(1_005), 1, "the window is closed: both its ends count");
  assertEquals(window.waitMs(1_006), 0);
});

test("TokenWindow is no refill bucket: five per second never let a sixth through within one", () => {
  const window = new TokenWindow({ limit: 5, windowMs: 1_000 });
  const spends: number[] = [];
  for (let now = 0; now <= 10_000; now++) {
    while (window.waitMs(now) === 0) {
      window.spend(now);
      spends.push(now);
    }
  }
  assertEquals(fullest(spends, 1_000), 5);
  assertEquals(spends.length, 50, "ten windows of 1,001 ms begin within 10,000 ms");
});

test("scenario 41: TokenWindow equals a sliding log over all windows, and waits no longer than it must", () => {
  fc.assert(
    fc.property(
      fc.record({
        limit: fc.integer({ min: 1, max: 7 }),
        windowMs: fc.integer({ min: 1, max: 40 }),
        spacingMs: fc.integer({ min: 0, max: 9 }),
      }),
      fc.array(
        fc.record({ dt: fc.integer({ min: 0, max: 25 }), cost: fc.integer({ min: 1, max: 7 }) }),
        { maxLength: 60, size: "max" },
      ),
      (limits, steps) => {
        const { limit, windowMs, spacingMs } = limits;
        const window = new TokenWindow(limits);
        const spends: number[] = [];
        const allowed = (now: number, cost: number) => {
          const last = spends.at(-1);
          if (last !== undefined && now - last < spacingMs) return false;
          return spends.filter((at) => now - at <= windowMs).length + cost <= limit;
        };
        let now = 0;
        for (const step of steps) {
          now += step.dt;
          const cost = Math.min(step.cost, limit);
          const waitMs = window.waitMs(now, cost);
          assertEquals(waitMs === 0, allowed(now, cost), `at ${now} for ${cost}`);
          assert(Number.isInteger(waitMs));
          assert(allowed(now + waitMs, cost), "the wait is long enough");
          if (waitMs > 0) {
            assert(!allowed(now + waitMs - 1, cost), "the wait is no longer than it must be");
            continue;
          }
          window.spend(now, cost);
          for (let i = 0; i < cost; i++) spends.push(now);
        }
        assert(fullest(spends, windowMs) <= limit);
      },
    ),
    { numRuns: 400 },
  );
});

test("scenario 41: TokenWindow is exact between whole milliseconds too", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 80, size: "max" }),
      (limit, quarters) => {
        const window = new TokenWindow({ limit, windowMs: 25 });
        const spends: number[] = [];
        let now = 0;
        for (const dt of quarters) {
          now += dt / 16; // sixteenths are exact in binary, so the log is exact too
          if (window.waitMs(now) > 0) continue;
          window.spend(now);
          spends.push(now);
        }
        assert(fullest(spends, 25) <= limit);
      },
    ),
    { numRuns: 300 },
  );
});

test("TokenWindow spacing holds between any two spends", () => {
  const window = new TokenWindow({ limit: 10, windowMs: 1_000, spacingMs: 30 });
  const spends: number[] = [];
  for (let now = 0; now < 5_000; now++) {
    if (window.waitMs(now) > 0) continue;
    window.spend(now);
    spends.push(now);
  }
  assertEquals(closest(spends), 30);
  assertEquals(fullest(spends, 1_000), 10);
});

test("TokenWindow refund gives back the spends of that time and no others", () => {
  const window = new TokenWindow({ limit: 3, windowMs: 100 });
  window.spend(0);
  window.spend(10, 2);
  assertEquals(window.waitMs(10), 91);
  window.refund(10, 1);
  assertEquals(window.waitMs(10), 0);
  window.spend(20);
  assertEquals(window.waitMs(20), 81, "the spend at 0 is still counted");
  window.refund(20, 5);
  assertEquals(window.waitMs(20, 1), 0);
  assertEquals(window.waitMs(20, 2), 81, "only the one spend at 20 came back");
  window.refund(55, 3);
  assertEquals(window.waitMs(20, 2), 81, "nothing was spent at 55");
});

test("TokenWindow with refunds stays within the limit in every window of what was kept", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ dt: fc.integer({ min: 0, max: 30 }), cost: fc.integer({ min: 1, max: 4 }) }),
        { maxLength: 60, size: "max" },
      ),
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60, size: "max" }),
      (steps, lags) => {
        const window = new TokenWindow({ limit: 4, windowMs: 50 });
        let kept: number[] = [];
        const due: { at: number; time: number; count: number }[] = [];
        let now = 0;
        steps.forEach(({ dt, cost }, i) => {
          now += dt;
          for (const refund of due.splice(0)) {
            if (refund.at > now) due.push(refund);
            else {
              window.refund(refund.time, refund.count);
              for (let n = 0; n < refund.count; n++) {
                kept.splice(kept.lastIndexOf(refund.time), 1);
              }
            }
          }
          const room = 4 - kept.filter((at) => now - at <= 50).length;
          assertEquals(window.waitMs(now, cost) === 0, cost <= room);
          if (cost > room) return;
          window.spend(now, cost);
          kept = [...kept, ...Array.from({ length: cost }, () => now)];
          due.push({ at: now + lags[i % lags.length]!, time: now, count: cost - 1 });
        });
        assert(fullest(kept, 50) <= 4);
      },
    ),
    { numRuns: 300 },
  );
});

test("TokenWindow keeps no more than its limit of times", () => {
  // A spend that ignores waitMs (a layer made several frames of one) must not make the log grow, and is paid back by waiting.
  const window = new TokenWindow({ limit: 2, windowMs: 100 });
  for (let now = 0; now < 50; now++) window.spend(now);
  assertEquals(window.waitMs(50), 48 + 101 - 50);
  assertEquals(window.waitMs(150, 2), 0);
});
