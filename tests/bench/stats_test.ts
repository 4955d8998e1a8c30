// The benchmark's own arithmetic, its feeds, and the server that counts.
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Meter } from "../../bench/client/meter.ts";
import { END, type FeedKind, payloadsOf, seeded } from "../../bench/payloads.ts";
import { verdicts } from "../../bench/report/floors.ts";
import type { Results } from "../../bench/results.ts";
import {
  median,
  pairedRatio,
  quantile,
  rotated,
  type Spread,
  spread,
  standing,
} from "../../bench/run/statistics.ts";
import { pieceOf } from "../../bench/server/blast.ts";
import { shares } from "../../bench/run/rounds.ts";
import { scaledCount } from "../../bench/run/scale.ts";
import { ClientWalk, serverFrame } from "../../bench/server/wire.ts";
import { FrameReader } from "../../src/rfc6455/frame_reader.ts";
import { FrameWriter } from "../../src/rfc6455/frame_writer.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";

const only = ["deno", "node", "bun"] as const;

test("quantile() lies between neighbours by proportion, and needs a value", { only }, () => {
  assertEquals([0, 0.5, 1].map((share) => quantile([3, 1, 2], share)), [1, 2, 3]);
  assertEquals(quantile([10, 20], 0.25), 12.5);
  assertEquals(quantile([7], 0.9), 7);
  assertThrows(() => quantile([], 0.5), RangeError, "of nothing");
  const values = [2, 1];
  quantile(values, 0.5);
  assertEquals(values, [2, 1], "it does not sort what it was given");
});

test("median() is the middle one, or the mean of the two in the middle", { only }, () => {
  assertEquals([median([5, 100, 1]), median([4, 1, 100, 2])], [5, 3]);
});

test("spread() tells median and quartiles", { only }, () => {
  assertEquals(spread([4, 1, 2, 3, 5]), { median: 3, low: 2, high: 4, rounds: 5 });
});

test("pairedRatio() pairs by round", { only }, () => {
  // A machine that is half as fast in every other round slows both: the ratio does not move.
  const control = [100, 50, 100, 50];
  const ratio = pairedRatio([150, 75, 150, 75], control);
  assertEquals(ratio, { median: 1.5, low: 1.5, high: 1.5, rounds: 4 });
  // The ratio of medians would be 2 here.
  assertEquals(pairedRatio([10, 20, 20], [10, 10, 40]).median, 1);
  assertThrows(() => pairedRatio([1, 2], [1]), RangeError, "Cannot pair 2 rounds with 1");
});

test("shares() lets each process have as many rounds as another, or one more", { only }, () => {
  assertEquals([10, 12, 9, 3, 2].map(shares), [[3, 3, 3], [4, 4, 3], [3, 3, 2], [1, 1], [1]]);
});

test("standing() is ahead or behind beyond the spread, and even within it", { only }, () => {
  const of = (low: number, high: number): Spread => ({ median: low, low, high, rounds: 3 });
  assertEquals(standing(of(1.01, 3)), "ahead");
  assertEquals(standing(of(0.5, 0.99)), "behind");
  assertEquals([of(1, 1.2), of(0.9, 1), of(0.9, 1.1)].map(standing), ["even", "even", "even"]);
});

test("rotated() lets everybody be first, and come after each other equally often", { only }, () => {
  const orders = [0, 1, 2, 3, 4].map((round) => rotated(["a", "b", "c", "d"], round).join(""));
  assertEquals(orders, ["abdc", "bcad", "cdba", "dacb", "abdc"]);
  assertEquals(rotated([], 2), []);
  // As many as receive 200 bytes: an odd number has half of the others before it, twice each.
  for (const [count, times] of [[15, 2], [12, 1]] as const) {
    const names = Array.from({ length: count }, (_, i) => i);
    const pairs = new Map<string, number>();
    for (const round of names) {
      const order = rotated(names, round);
      assertEquals(order.toSorted((a, b) => a - b), names);
      for (let i = 1; i < count; i++) {
        const pair = `${order[i - 1]} ${order[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
    assertEquals(new Set(pairs.values()), new Set([times]));
  }
});

test(
  "Meter counts messages and bytes until the last message, which is not counted",
  { only },
  () => {
    const meter = new Meter();
    meter.start();
    const messages = ["four", new Uint8Array(5), new ArrayBuffer(6)];
    assertEquals(messages.map((each) => meter.take(each)), [false, false, false]);
    assertEquals(meter.take(END), true);
    const { frames, bytes, elapsedMs } = meter.reading;
    assertEquals([frames, bytes], [3, 15]);
    assert(elapsedMs >= 0 && elapsedMs < 10_000);
    assertThrows(() => new Meter(true).take("{no JSON"), SyntaxError);
  },
);

test("verdicts() hold a figure against its bound from the right side, and only what was measured", {
  only,
}, () => {
  const results = {
    receive: { deno: { forAwait: 0.72 }, node: { forAwait: 0.81 } },
    send: { bun: { tcp: 10.1, limiterNs: { on: 301 } } },
  } as unknown as Results;
  assertEquals(
    verdicts(results).map(({ floor, runtime, met }) => [floor.path, runtime, met]),
    [
      ["forAwait", "deno", true],
      ["forAwait", "node", false],
      ["tcp", "bun", true],
      ["limiterNs.on", "bun", false],
    ],
  );
});

const KINDS: Readonly<Record<FeedKind, number | undefined>> = {
  text52: 52,
  text200: 200,
  text1400: 1_400,
  text64k: 65_536,
  binary64k: 65_536,
  depth: undefined,
};

for (const [kind, length] of Object.entries(KINDS) as [FeedKind, number | undefined][]) {
  test(
    `payloadsOf("${kind}") is the same in every run, of its length, and never the last message`,
    {
      only,
    },
    () => {
      const payloads = payloadsOf(kind);
      assertEquals(payloadsOf(kind), payloads);
      assert(payloads.length >= 8);
      const decoder = new TextDecoder("utf-8", { fatal: true });
      const texts = new Set<string>();
      for (const { type, bytes } of payloads) {
        if (length !== undefined) assertEquals(bytes.length, length);
        assert(bytes.length !== END.length);
        assertEquals(type, kind === "binary64k" ? "binary" : "text");
        if (type === "binary") continue;
        const text = decoder.decode(bytes);
        texts.add(text);
        // What a consumer parses is JSON; short ones have no room for it.
        if (kind !== "text52") JSON.parse(text);
        assertEquals(text.length, bytes.length, "ASCII");
      }
      if (kind !== "binary64k") assertEquals(texts.size, payloads.length, "no two alike");
    },
  );

  test(`pieceOf("${kind}") is whole frames of the feed that any reader reads`, { only }, () => {
    const { bytes, ends } = pieceOf(kind);
    const payloads = payloadsOf(kind);
    assertEquals(ends.at(-1), bytes.length);
    assertEquals(ends.length % payloads.length, 0);
    const out: Frame[] = [];
    const reader = new FrameReader({ maxMessageBytes: 100_000, batch: false });
    assertEquals(reader.read(bytes.slice(0, ends[9]), out, 1_000), ends[9]);
    assertEquals(out.length, 10);
    out.forEach((frame, i) => {
      const { bytes: expected } = payloads[i % payloads.length]!;
      assert(frame.type === "text" || frame.type === "binary");
      const data = frame.type === "text" ? new TextEncoder().encode(frame.data) : frame.data;
      assertEquals(data, expected);
    });
  });
}

test("seeded() gives numbers from 0 to below 1 that depend on the seed alone", { only }, () => {
  const draw = (seed: number) => Array.from({ length: 2_000 }, seeded(seed));
  assertEquals(draw(1), draw(1));
  assert(draw(1).join() !== draw(2).join());
  assert(draw(3).every((value) => value >= 0 && value < 1));
  assertAlmostEquals(draw(4).reduce((sum, value) => sum + value, 0) / 2_000, 0.5, 0.05);
});

test("ClientWalk counts what a client sends, wherever its bytes are cut", { only }, () => {
  const writer = new FrameWriter({ random: (bytes) => void crypto.getRandomValues(bytes) });
  for (const length of [0, 125, 126, 200, 65_535, 65_536]) writer.text("x".repeat(length));
  writer.control("pong", new Uint8Array(3));
  writer.text("behind");
  writer.close(1000, "");
  const bytes = new Uint8Array(writer.take().flatMap((chunk) => [...chunk]));
  for (const step of [1, 7, 4_096, bytes.length]) {
    const seen = { data: 0, pong: 0, close: 0 };
    const walk = new ClientWalk({
      data: () => seen.data++,
      pong: () => seen.pong++,
      close: () => seen.close++,
    });
    for (let at = 0; at < bytes.length; at += step) walk.push(bytes.subarray(at, at + step));
    assertEquals(seen, { data: 7, pong: 1, close: 1 }, `in steps of ${step}`);
  }
});

test("serverFrame() writes lengths in the fewest bytes, without a mask", { only }, () => {
  const heads = [125, 126, 65_535, 65_536].map((length) => {
    const frame = serverFrame(1, new Uint8Array(length));
    assert((frame[1]! & 0x80) === 0);
    return frame.length - length;
  });
  assertEquals(heads, [2, 4, 4, 10]);
});

test("scaledCount() repeats until a run has its length, whatever the first ones took", {
  only,
}, async () => {
  const speeds = [1, 5, 30, 40, 40, 40];
  const counts: number[] = [];
  const run = (count: number) => Promise.resolve(speeds[counts.push(count) - 1]!);
  assertEquals(await scaledCount(100, 250, run), 10_000);
  assertEquals(counts, [100, 250, 1_250, 7_500, 10_000]);
  // Who never becomes steady is measured all the same.
  let turn = 0;
  const uneven = () => Promise.resolve(turn++ % 2 === 0 ? 10 : 1);
  assertEquals(await scaledCount(100, 250, uneven), 250);
  assertEquals(turn, 10);
});
