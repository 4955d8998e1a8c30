// What the soak test calls flat: noise is, growth is not, whatever a few outliers do.
import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { judge, type Series, settled, slopePerMinute } from "./sample.ts";

/** Ten minutes of samples, one every six seconds. */
function series(of: (minute: number) => number): Series {
  return Array.from({ length: 101 }, (_, i) => [i * 6_000, of(i / 10)] as const);
}

const mebibyte = 2 ** 20;

test("judge() calls noise flat", () => {
  const random = seededRandom(60);
  const noise = series(() => 12 * mebibyte + (random() - 0.5) * 4 * mebibyte);
  assertEquals(judge("heap", noise, 2 * mebibyte).flat, true);
});

test("judge() calls a hundred bytes per reconnect growth", () => {
  const random = seededRandom(61);
  // As many reconnects as a run has, and the same noise.
  const leak = series((minute) =>
    12 * mebibyte + (random() - 0.5) * 4 * mebibyte + minute * 12_000 * 100
  );
  const { flat, growth } = judge("heap", leak, 2 * mebibyte);
  assertEquals(flat, false);
  assert(Math.abs(growth - 12_000 * 100 * 20 / 3) < mebibyte, `${growth} bytes`);
});

test("judge() looks behind the warm-up only", () => {
  const warm = series((minute) => Math.min(minute, 3) * 10 * mebibyte);
  assertEquals(settled(warm)[0], [204_000, 30 * mebibyte]);
  assertEquals(judge("heap", warm, 0).flat, true);
});

test("judge() calls nothing flat that it has hardly seen", () => {
  assertEquals(judge("heap", [[0, 1], [60_000, 1]], 10).flat, false);
});

test("slopePerMinute() is not moved by outliers", () => {
  const spiky = series((minute) => minute * 10 + (Math.round(minute * 10) % 9 === 0 ? 1e9 : 0));
  assert(Math.abs(slopePerMinute(spiky) - 10) < 1, `${slopePerMinute(spiky)}`);
});
