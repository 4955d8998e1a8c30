import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { type DeliveredFrame, frameBytes } from "../../src/contract/frame.ts";
import { FrameRing } from "../../src/recv/frame_ring.ts";
import { test } from "../support/harness.ts";
import { binary, delivered, text } from "./frames.ts";

const of = (length: number, seq: number) => delivered(text("x".repeat(length)), seq);
const seqs = (frames: readonly DeliveredFrame[]) => frames.map(({ seq }) => seq);

type Step =
  | { readonly op: "push"; readonly bytes: number; readonly times: number }
  | { readonly op: "shift" | "clear" | "drop" }
  | { readonly op: "take"; readonly most: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        op: fc.constant("push" as const),
        bytes: fc.nat(9),
        times: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("shift" as const) }) },
    { weight: 4, arbitrary: fc.record({ op: fc.constant("drop" as const) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("take" as const), most: fc.nat(90) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("clear" as const) }) },
  ),
  { maxLength: 60, size: "max" },
);

test("FrameRing is a deque: random traces against an array", () => {
  const bounds = fc.record({ maxFrames: fc.integer({ min: 1, max: 300 }), maxBytes: fc.nat(900) });
  let grown = 0;
  fc.assert(
    fc.property(bounds, steps, ({ maxFrames, maxBytes }, trace) => {
      const ring = new FrameRing({ maxFrames, maxBytes });
      let reference: DeliveredFrame[] = [];
      const total = () => reference.reduce((sum, frame) => sum + frameBytes(frame), 0);
      const over = () => reference.length > maxFrames || total() > maxBytes && reference.length > 1;
      let seq = 0;
      for (const step of trace) {
        if (step.op === "push") {
          for (let time = 0; time < step.times; time++) {
            const fits = reference.length === 0 ||
              reference.length < maxFrames && total() + step.bytes <= maxBytes;
            assert(ring.fits(step.bytes) === fits);
            const frame = of(step.bytes, ++seq);
            ring.push(frame);
            reference.push(frame);
            assert(ring.over === over());
          }
        } else if (step.op === "shift") {
          assert(ring.shift() === reference.shift());
        } else if (step.op === "drop") {
          while (over()) assert(ring.over && ring.shift() === reference.shift());
          assertFalse(ring.over);
        } else if (step.op === "take") {
          assertEquals(seqs(ring.take(step.most)), seqs(reference.splice(0, step.most)));
        } else {
          ring.clear();
          reference = [];
        }
        assertEquals([ring.length, ring.bytes], [reference.length, total()]);
        grown = Math.max(grown, reference.length);
      }
      assertEquals(seqs(ring.take(Infinity)), seqs(reference));
      assertEquals([ring.length, ring.bytes, ring.shift()], [0, 0, undefined]);
    }),
    { numRuns: 150 },
  );
  assert(grown > 64, `the ring never grew: ${grown} frames at most`);
});

test("FrameRing keeps its order when it grows around its seam", () => {
  const ring = new FrameRing({ maxFrames: 1_000, maxBytes: 1_000 });
  let seq = 0;
  for (let i = 0; i < 64; i++) ring.push(of(1, ++seq));
  assertEquals(seqs(ring.take(40)).at(-1), 40);
  for (let i = 0; i < 200; i++) ring.push(of(1, ++seq));
  assertEquals(seqs(ring.take(Infinity)), Array.from({ length: 224 }, (_, i) => 41 + i));
});

test("FrameRing with a bound of 1 frame holds the newest", () => {
  const ring = new FrameRing({ maxFrames: 1, maxBytes: 100 });
  for (let seq = 1; seq <= 10; seq++) {
    ring.push(of(1, seq));
    assertEquals(ring.over, seq > 1);
    if (ring.over) ring.shift();
  }
  assertEquals(seqs(ring.take(5)), [10]);
});

test("FrameRing with a bound of 1 byte still holds one frame of any size", () => {
  const ring = new FrameRing({ maxFrames: 100, maxBytes: 1 });
  assert(ring.fits(50));
  ring.push(of(50, 1));
  assertFalse(ring.over);
  assertFalse(ring.fits(0));
  ring.push(of(0, 2));
  assert(ring.over);
  assertEquals(ring.shift()?.seq, 1);
  assertFalse(ring.over);
  ring.push(of(1, 3));
  assertFalse(ring.over);
  ring.push(of(1, 4));
  assert(ring.over);
});

test("FrameRing bounds empty frames by their number", () => {
  const ring = new FrameRing({ maxFrames: 3, maxBytes: 1 });
  for (let seq = 1; seq <= 3; seq++) ring.push(delivered(binary(0), seq));
  assertEquals([ring.bytes, ring.over, ring.fits(0)], [0, false, false]);
  ring.push(delivered(text(""), 4));
  assert(ring.over);
});

test("FrameRing counts binary by bytes and text by UTF-16 units", () => {
  const ring = new FrameRing({ maxFrames: 10, maxBytes: 10 });
  ring.push(delivered(binary(5), 1));
  ring.push(delivered(text("😀€"), 2));
  assertEquals(ring.bytes, 8);
  assert(ring.fits(2));
  assertFalse(ring.fits(3));
});

test("FrameRing.take() takes nothing of nothing, and nothing when asked for nothing", () => {
  const ring = new FrameRing({ maxFrames: 10, maxBytes: 10 });
  assertEquals(ring.take(3), []);
  ring.push(of(1, 1));
  assertEquals(ring.take(0), []);
  assertEquals(ring.length, 1);
});
