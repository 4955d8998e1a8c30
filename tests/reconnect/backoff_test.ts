/**
 * Delays: bounded, dispersed, and the same on every engine.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { backoffCap, backoffDelay } from "../../src/reconnect/backoff.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

const policy = { minDelayMs: 500, maxDelayMs: 30_000, multiplier: 2 };

test("backoffCap() grows by the multiplier from the first retry on, up to the maximum", () => {
  const caps = Array.from({ length: 9 }, (_, n) => backoffCap(policy, n));
  assertEquals(caps, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals(backoffCap(policy, 1_000_000), 30_000);
});

test("backoffCap() multiplies repeatedly, so that every engine gives the same bits", () => {
  // 1.1 ** 40 by Math.pow differs in the last bits between engines; the product does not, it is IEEE 754 arithmetic throughout.
  let product = 3;
  for (let n = 0; n < 40; n++) product *= 1.1;
  const cap = backoffCap({ minDelayMs: 3, maxDelayMs: 1e9, multiplier: 1.1 }, 40);
  assert(Object.is(cap, product));
});

test("backoffCap() ends at once where multiplying leads nowhere", () => {
  assertEquals(backoffCap({ minDelayMs: 0, maxDelayMs: 10, multiplier: 2 }, 1e12), 0);
  assertEquals(backoffCap({ minDelayMs: 5, maxDelayMs: 10, multiplier: 1 }, 1e12), 5);
  assertEquals(backoffCap({ minDelayMs: 10, maxDelayMs: 10, multiplier: 7 }, 3), 10);
});

test("scenario 10: backoffDelay() is whole, never below hint + min, never above hint + cap", () => {
  fc.assert(
    fc.property(
      fc.record({
        minDelayMs: fc.oneof(fc.nat(5_000), fc.double({ min: 0, max: 5_000, noNaN: true })),
        more: fc.oneof(fc.nat(100_000), fc.double({ min: 0, max: 100_000, noNaN: true })),
        multiplier: fc.double({ min: 1, max: 10, noNaN: true }),
      }),
      fc.nat(40),
      fc.oneof(fc.constant(0), fc.nat(10_000_000), fc.double({ min: 0, max: 1e6, noNaN: true })),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ minDelayMs, more, multiplier }, failures, hintMs, random) => {
        const bounds = { minDelayMs, maxDelayMs: minDelayMs + more, multiplier };
        const delay = backoffDelay(bounds, failures, { hintMs, random });
        assert(Number.isInteger(delay));
        assert(delay >= hintMs + minDelayMs);
        assert(delay <= Math.ceil(hintMs + backoffCap(bounds, failures)));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("scenario 18: backoffDelay() spreads 500 clients over the whole range, on the first retry too", () => {
  for (const failures of [1, 2, 5, 20]) {
    const random = seededRandom(18 + failures);
    const bins = new Array(10).fill(0);
    const cap = backoffCap(policy, failures);
    for (let i = 0; i < 500; i++) {
      const delay = backoffDelay(policy, failures, { hintMs: 0, random: random() });
      bins[Math.min(9, Math.floor((delay - 500) / (cap - 500) * 10))]++;
    }
    assert(Math.max(...bins) <= 100, `retry ${failures}: ${bins}, mean 50`);
    assert(Math.min(...bins) >= 25, `retry ${failures}: ${bins}, mean 50`);
  }
});

test("backoffDelay() adds the hint to the delay, so that those who were told to wait do not come as one", () => {
  const delays = [0, 0.5, 0.999].map((random) =>
    backoffDelay(policy, 1, { hintMs: 60_000, random })
  );
  assertEquals(delays, [60_500, 60_750, 61_000]);
});
