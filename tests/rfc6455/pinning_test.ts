/**
 * What a kept message keeps alive. Engines keep the whole string that a piece was cut from; see the module comment of frame_reader.ts.
 *
 * @module
 */
import { assert } from "@std/assert";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Frame } from "../../src/contract/frame.ts";
import { FrameReader, RUN_BYTES } from "../../src/rfc6455/frame_reader.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { test } from "../support/harness.ts";
import { frame, joined, OPCODE } from "../support/raw/frames.ts";

/** Collects all garbage, now. */
function collector(): () => void {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun) return () => Bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

const READS = 1_000;
const FRAMES_PER_READ = 300;

/** Heap bytes per kept frame, when one frame of each read of 60 KB is kept. */
function bytesPerKept(batch: boolean, gc: () => void): number {
  const read = joined(
    Array.from({ length: FRAMES_PER_READ }, (_, i) => frame(OPCODE.text, `${i} `.padEnd(200, "x"))),
  );
  const reader = new FrameReader({ maxMessageBytes: 1_000, batch, text: bufferText() });
  const kept: Frame[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < READS; i++) {
    const out: Frame[] = [];
    reader.read(new Uint8Array(read), out, FRAMES_PER_READ);
    kept.push(out[i % FRAMES_PER_READ]!);
  }
  gc();
  const perFrame = (process.memoryUsage().heapUsed - before) / READS;
  assert(kept.length === READS && kept.every(({ type }) => type === "text"));
  return perFrame;
}

test("FrameReader lets a kept text message pin one run of 4 KiB at most, and itself alone with batch: false", () => {
  const gc = collector();
  bytesPerKept(true, gc); // what is compiled and cached once is not the messages'
  bytesPerKept(false, gc);
  const [pinned, alone] = [bytesPerKept(true, gc), bytesPerKept(false, gc)];
  // 200 characters and two objects; a whole read would be 60,000.
  assert(alone < 600, `alone: ${alone} bytes`);
  assert(pinned < RUN_BYTES + 600, `in a run: ${pinned} bytes`);
});
