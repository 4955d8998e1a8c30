// What is compared, and what cannot be. Each list of layers runs fused in one TransformStream and as TransformStreams piped together. A frame
// is given only when all is quiet and the reader always waits, so no frame queues between two steps. Then:
//
// - the frames that come out are the same in every step, and the end is the same: open, closed, or an error with the same reason;
// - except in the very step that fails: an erroring stream throws its queue away, and how much of that step's output had left it by then
//   depends on how many queues there were. There, one output must be a beginning of the other;
// - `start` and `flush` are called on the same layers where none ends the stream. Where one does, it is a race in a pipe whether its upstream
//   neighbour is flushed or cancelled first when both come from one close.
//
// At most one layer of a list ends the stream. With two, the loss in a failing step decides in a pipe whether the second one ever saw its frame.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "../support/harness.ts";
import {
  fused,
  layerLists,
  type LayerSpec,
  type Outcome,
  outcomeOf,
  piped,
  reason,
} from "./layer_specs.ts";

function assertSame(actual: Outcome, expected: Outcome): void {
  if (typeof expected.end === "string") {
    assertEquals([actual.steps, actual.end], [expected.steps, expected.end]);
    return;
  }
  assert(typeof actual.end === "object", `ended ${actual.end} instead of failing`);
  assertStrictEquals(actual.end.reason, expected.end.reason);
  assertStrictEquals(expected.end.reason, reason);
  assertEquals(actual.steps.length, expected.steps.length);
  assertEquals(actual.steps.slice(0, -1), expected.steps.slice(0, -1));
  const [ours, theirs] = [actual.steps.at(-1)!, expected.steps.at(-1)!];
  const shared = Math.min(ours.length, theirs.length);
  assertEquals(ours.slice(0, shared), theirs.slice(0, shared));
}

test("fuse() gives the same frames and the same end as the pipe, for every list of layers", async () => {
  const ends = { open: 0, closed: 0, failed: 0, early: 0 };
  await fc.assert(
    fc.asyncProperty(layerLists, fc.nat(6), async (specs, frames) => {
      const expected = await outcomeOf(piped(specs), frames);
      const actual = await outcomeOf(fused(specs), frames);
      assertSame(actual, expected);
      if (specs.every((spec) => spec.ends === undefined)) {
        assertEquals([...actual.log].sort(), [...expected.log].sort());
      }
      ends[typeof expected.end === "string" ? expected.end : "failed"]++;
      if (expected.end === "closed" && expected.steps.length < frames + 2) ends.early++;
    }),
    { numRuns: 300 },
  );
  assert(ends.closed > 100 && ends.failed > 40 && ends.early > 10, JSON.stringify(ends));
});

test("fuse() of a fuse() gives what the flat list gives, for every list of layers", async () => {
  await fc.assert(
    fc.asyncProperty(layerLists, fc.nat(6), fc.nat(5), async (specs, frames, split) => {
      const expected = await outcomeOf(fused(specs), frames);
      assertSame(await outcomeOf(fused(specs, Math.min(split, specs.length)), frames), expected);
    }),
    { numRuns: 100 },
  );
});

const layer = (does: LayerSpec["does"], more: Partial<LayerSpec> = {}): LayerSpec => ({
  does,
  waits: 0,
  emits: { start: false, flush: false },
  ...more,
});
const at = (
  how: "throw" | "error" | "terminate",
  when: number | "start" | "flush",
  first = false,
) => ({
  ends: { how, at: when, first },
});
const emits = (start: boolean, flush: boolean) => ({ emits: { start, flush } });

const kept: [string, LayerSpec[]][] = [
  ["frames emitted at the start wait for the layers below to start", [
    layer("tag", emits(true, false)),
    layer("tag", emits(true, false)),
    layer("tag", { ...emits(true, false), waits: 5 }),
  ]],
  ["a layer that terminates at its start flushes layers that have started", [
    layer("tag", { ...emits(true, false), ...at("terminate", "start") }),
    layer("tag", emits(true, true)),
  ]],
  ["a layer that terminates in its flush does not flush the next one twice", [
    layer("pass", { ...emits(false, true), ...at("terminate", "flush") }),
    layer("tag", { ...emits(false, true), waits: 5 }),
  ]],
  ["a flush that fails after a terminate fails the stream", [
    layer("tag", at("terminate", 2)),
    layer("tag", at("throw", "flush")),
  ]],
  ["error() at the start fails the stream and not its constructor", [
    layer("tag", at("error", "start")),
  ]],
  ["throwing at the start fails the constructor", [layer("tag", at("throw", "start"))]],
  ["the close waits for what a terminate at the flush has left downstream", [
    layer("pass", emits(false, true)),
    layer("pass", at("terminate", 4)),
    layer("double", { waits: 5 }),
  ]],
  ["an early frame that terminates a layer flushes what has started", [
    layer("double", emits(true, false)),
    layer("tag", at("terminate", 1)),
    layer("tag", emits(true, true)),
  ]],
];
for (const [name, specs] of kept) {
  test(`fuse() keeps to the pipe where it once did not: ${name}`, async () => {
    const expected = await outcomeOf(piped(specs), 3);
    assertSame(await outcomeOf(fused(specs), 3), expected);
    assert(expected.end !== "open");
  });
}
