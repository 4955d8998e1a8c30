import { assertEquals } from "@std/assert";
import type { Frame } from "../../src/contract/frame.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { BatchQueue, MAX_BATCH_BYTES, MAX_BATCH_FRAMES } from "../../src/worker/batch_queue.ts";
import { test } from "../support/harness.ts";

const text = (data: string): Frame => ({ type: "text", data });

/** The number that each frame would have had without a loss, as whoever takes the batches counts it. */
class Counting {
  seq = 0;
  lost = 0;
  readonly wrong: string[] = [];

  take(queue: BatchQueue): number {
    const { droppedFrames, frames } = queue.take();
    this.seq += droppedFrames;
    this.lost += droppedFrames;
    for (const frame of frames) {
      if (frame.type !== "text") continue;
      if (Number(frame.data) !== ++this.seq) this.wrong.push(`${frame.data} came as ${this.seq}`);
    }
    return frames.length;
  }
}

test("BatchQueue tells the loss before the frames that it lies before", () => {
  const queue = new BatchQueue({ maxFrames: 2, maxBytes: 100, overflow: "dropOldest" });
  for (const data of ["aa", "b", "c", "d"]) queue.push(text(data));
  assertEquals(queue.take(), { droppedFrames: 2, droppedBytes: 3, frames: [text("c"), text("d")] });
  assertEquals(queue.empty, true);
});

test("BatchQueue with fail keeps what was there and loses all that follows", () => {
  const queue = new BatchQueue({ maxFrames: 2, maxBytes: 100, overflow: "fail" });
  for (const data of ["a", "b", "c"]) queue.push(text(data));
  assertEquals(queue.take(), { droppedFrames: 0, droppedBytes: 0, frames: [text("a"), text("b")] });
  queue.push(text("there is room again"));
  assertEquals(queue.empty, false);
  assertEquals(queue.take(), { droppedFrames: 2, droppedBytes: 20, frames: [] });
  assertEquals(queue.empty, true);
});

test("BatchQueue does not count pings and pongs as lost", () => {
  const queue = new BatchQueue({ maxFrames: 1, maxBytes: 100, overflow: "dropOldest" });
  queue.push({ type: "ping", data: new Uint8Array(3) });
  queue.push(text("a"));
  assertEquals(queue.take(), { droppedFrames: 0, droppedBytes: 0, frames: [text("a")] });
});

test("BatchQueue bounds a batch in frames and in bytes", () => {
  const queue = new BatchQueue({ maxFrames: 10_000, maxBytes: 1e9, overflow: "dropOldest" });
  for (let i = 0; i < MAX_BATCH_FRAMES + 1; i++) queue.push(text(""));
  assertEquals(queue.take().frames.length, MAX_BATCH_FRAMES);
  assertEquals(queue.take().frames.length, 1);
  const half = text("x".repeat(MAX_BATCH_BYTES / 2));
  for (let i = 0; i < 5; i++) queue.push(half);
  assertEquals([1, 2, 3].map(() => queue.take().frames.length), [2, 2, 1]);
});

for (const overflow of ["dropOldest", "fail"] as const) {
  test(`BatchQueue with ${overflow} gives every frame its number in any history`, () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const maxFrames = 1 + Math.floor(random() * 8);
      const queue = new BatchQueue({ maxFrames, maxBytes: 12, overflow });
      const counting = new Counting();
      let sent = 0;
      let got = 0;
      for (let step = 0; step < 100; step++) {
        if (random() < 0.8) queue.push(text(String(++sent)));
        else if (random() < 0.5) queue.push({ type: "pong", data: new Uint8Array(1) });
        else got += counting.take(queue);
      }
      while (!queue.empty) got += counting.take(queue);
      assertEquals(counting.wrong, [], `seed ${seed}`);
      assertEquals(counting.seq, sent, `seed ${seed}: ${got} came, ${counting.lost} lost`);
    }
  });
}
