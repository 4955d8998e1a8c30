/**
 * The ring, against an array used as a queue. `deno bench bench/ring.bench.ts`
 *
 * @module
 */
import type { DeliveredFrame } from "../src/contract/frame.ts";
import { FrameRing } from "../src/recv/frame_ring.ts";

const FRAMES = 1_000;
const bounds = { maxFrames: 16_384, maxBytes: 16 * 1_048_576 };
const frames = Array.from({ length: FRAMES }, (_, index): DeliveredFrame => ({
  type: "text",
  data: "x".repeat(200),
  epoch: 1,
  seq: index + 1,
}));

function expect(count: number): void {
  if (count !== FRAMES) throw new Error(`${count} frames of ${FRAMES}`);
}

const one = { group: `${FRAMES} frames in, and out one by one` };

Deno.bench("control: array, push and shift", { ...one, baseline: true }, () => {
  const queue: DeliveredFrame[] = [];
  for (const frame of frames) queue.push(frame);
  let count = 0;
  while (queue.shift() !== undefined) count++;
  expect(count);
});

const ring = new FrameRing(bounds);

Deno.bench("FrameRing, push and shift", one, () => {
  for (const frame of frames) ring.push(frame);
  let count = 0;
  while (ring.shift() !== undefined) count++;
  expect(count);
});

const all = { group: `${FRAMES} frames in, and out at once` };

Deno.bench("control: array, push and take over", { ...all, baseline: true }, () => {
  const queue: DeliveredFrame[] = [];
  for (const frame of frames) queue.push(frame);
  expect(queue.length);
});

Deno.bench("FrameRing, push and take", all, () => {
  for (const frame of frames) ring.push(frame);
  expect(ring.take(Infinity).length);
});

const full = new FrameRing({ maxFrames: 512, maxBytes: bounds.maxBytes });
const dropping = { group: `${FRAMES} frames into a full queue of 512` };

Deno.bench(
  "control: array, push and shift what is too much",
  { ...dropping, baseline: true },
  () => {
    const queue = frames.slice(0, 512);
    for (const frame of frames) {
      queue.push(frame);
      if (queue.length > 512) queue.shift();
    }
  },
);

Deno.bench("FrameRing, push and drop the oldest", dropping, () => {
  for (const frame of frames) {
    full.push(frame);
    if (full.over) full.shift();
  }
});
