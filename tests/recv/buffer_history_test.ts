import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "../support/harness.ts";
import { histories, type HistoryBounds, runHistory, type Step } from "./buffer_history.ts";

const bounds = (overflow: HistoryBounds["overflow"]) =>
  fc.record({
    maxFrames: fc.integer({ min: 1, max: 6 }),
    maxBytes: fc.integer({ min: 1, max: 20 }),
    overflow: fc.constant(overflow),
  });

const open = (form: "readable" | "frames" | "batches"): Step => ({
  op: "open",
  form,
  preventCancel: true,
  maxFrames: 4,
});

test("DropOldestBuffer does what a list would do, in every random history", async () => {
  await fc.assert(
    fc.asyncProperty(bounds("dropOldest"), histories(2), async (limits, history) => {
      await runHistory(limits, history);
    }),
    { numRuns: 400 },
  );
});

test("DropOldestBuffer does what a list would do with overflow fail, in every random history", async () => {
  await fc.assert(
    fc.asyncProperty(bounds("fail"), histories(2), async (limits, history) => {
      await runHistory(limits, history);
    }),
    { numRuns: 250 },
  );
});

test("DropOldestBuffer makes holes in seq that add up to what it lagged, in every random history", async () => {
  let holes = 0;
  const tail: Step[] = [
    { op: "leave" },
    open("frames"),
    ...Array.from({ length: 8 }, (): Step => ({ op: "read" })),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("dropOldest" as const, "fail" as const).chain(bounds),
      histories(0).map((steps) =>
        steps.map((step): Step => step.op === "open" ? { ...step, preventCancel: true } : step)
      ),
      async (limits, history) => {
        const { seqs, seq, lagged } = await runHistory(limits, [...history, ...tail]);
        let gaps = seq - (seqs.at(-1) ?? 0);
        for (const [index, at] of seqs.entries()) gaps += at - (seqs[index - 1] ?? 0) - 1;
        assertEquals(gaps, lagged);
        holes += gaps;
      },
    ),
    { numRuns: 200 },
  );
  assert(holes > 1_000, `only ${holes} frames were lost in all histories`);
});

const push = (...sizes: number[]): Step => ({ op: "push", sizes });
const read: Step = { op: "read" };
const leave: Step = { op: "leave" };
const turn: Step = { op: "turn" };
const roomy: HistoryBounds = { maxFrames: 10, maxBytes: 100, overflow: "dropOldest" };
const kept: [string, readonly Step[]][] = [
  [
    "a reader that left with a read pending does not block the next one",
    [
      open("readable"),
      read,
      leave,
      open("frames"),
      read,
      push(1, 1),
      leave,
      open("readable"),
      read,
    ],
  ],
  [
    "a frame that came for a reader which had left goes to the next one",
    [open("readable"), read, leave, push(1, 1), open("batches"), read, turn],
  ],
  [
    "a frame that came between a lock and its first read is read first",
    [
      open("readable"),
      read,
      leave,
      open("readable"),
      push(1, 1),
      leave,
      open("frames"),
      read,
      read,
    ],
  ],
  [
    "such a frame is discarded by a cancel, and counted",
    [open("readable"), read, leave, open("readable"), push(1, 1), { op: "cancel" }],
  ],
  [
    "such a frame is read before the error at the end",
    [
      open("readable"),
      read,
      leave,
      open("readable"),
      push(1),
      { op: "end", failed: true },
      read,
      read,
    ],
  ],
  [
    "a batch whose reader left during the turn belongs to the next reader",
    [open("batches"), push(1, 1), read, leave, turn, open("frames"), read, read],
  ],
];
for (const [name, history] of kept) {
  test(`DropOldestBuffer keeps its word where it once broke: ${name}`, async () => {
    await runHistory(roomy, history);
  });
}
