import { assert, assertEquals, assertFalse, assertLessOrEqual } from "@std/assert";
import { frameBytes } from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";
import { assertConserved, binary, bufferOf, text } from "./frames.ts";

test("DropOldestBuffer drops the oldest frame by number, and says where by the hole in seq", async () => {
  const { buffer, calls, push } = bufferOf({ maxFrames: 3 });
  push(1, 1, 1, 1, 1);
  assertEquals(calls, ["lag", "lag"]);
  assertEquals([buffer.lagged, buffer.laggedBytes, buffer.buffered], [2, 2, 3]);
  assertEquals(await take(buffer, 3), [3, 4, 5]);
  push(1);
  assertEquals(await take(buffer, 1), [6]);
  assertConserved(buffer);
});

test("DropOldestBuffer drops as many as the bytes of the newest frame ask for, and says so once", async () => {
  const { buffer, calls, push } = bufferOf({ maxBytes: 10 });
  push(4, 3, 2, 9);
  assertEquals(calls, ["lag"]);
  assertEquals([buffer.lagged, buffer.laggedBytes, buffer.bufferedBytes], [3, 9, 9]);
  assertEquals(await take(buffer, 1), [4]);
});

test("DropOldestBuffer admits one frame above its bound of bytes, alone", async () => {
  const { buffer, push } = bufferOf({ maxBytes: 10 });
  push(5, 50);
  assertEquals([buffer.lagged, buffer.buffered, buffer.bufferedBytes], [1, 1, 50]);
  push(0);
  assertEquals([buffer.lagged, buffer.buffered, buffer.bufferedBytes], [2, 1, 0]);
  assertEquals(await take(buffer, 1), [3]);
});

test("DropOldestBuffer counts and delivers empty frames as any other", async () => {
  const { buffer } = bufferOf({ maxFrames: 2 });
  for (const frame of [text(""), binary(0), text("")]) buffer.push(frame, 1);
  assertEquals([buffer.received, buffer.lagged, buffer.laggedBytes, buffer.buffered], [3, 1, 0, 2]);
  assertEquals(await take(buffer, 2), [2, 3]);
});

test("DropOldestBuffer with a bound of 1 frame holds the newest", async () => {
  const { buffer, push } = bufferOf({ maxFrames: 1 });
  push(1, 1, 1);
  assertEquals(await take(buffer, 1), [3]);
  assertEquals(buffer.lagged, 2);
});

test("DropOldestBuffer keeps the newest of 1,000,000 frames that nobody reads, and counts exactly", async () => {
  const { buffer, calls } = bufferOf({ maxFrames: 4_096, maxBytes: 1 << 20 });
  const frames = [text("x".repeat(100)), text(""), text("x".repeat(7)), binary(300)];
  let bytes = 0;
  for (let i = 0; i < 1_000_000; i++) {
    const frame = frames[i % 4]!;
    bytes += frameBytes(frame);
    buffer.push(frame, 1 + Math.floor(i / 250_000));
  }
  assertEquals([buffer.received, buffer.seq], [1_000_000, 1_000_000]);
  assertEquals([buffer.buffered, buffer.lagged], [4_096, 995_904]);
  assertEquals(buffer.laggedBytes + buffer.bufferedBytes, bytes);
  assertEquals(calls.length, 995_904);
  assertLessOrEqual(buffer.bufferedBytes, 1 << 20);
  const seqs = await take(buffer, 4_096);
  assertEquals([seqs[0], seqs.at(-1), seqs.length], [995_905, 1_000_000, 4_096]);
  assertConserved(buffer);
});

test("DropOldestBuffer.push() gives the frame as it is delivered, kept or not", () => {
  const { buffer } = bufferOf({ maxFrames: 1, overflow: "fail" });
  assertEquals(buffer.push(text("a"), 3), { type: "text", data: "a", epoch: 3, seq: 1 });
  assertEquals(buffer.push(text("b"), 3), { type: "text", data: "b", epoch: 3, seq: 2 });
  buffer.end();
  assertEquals(buffer.push(text("c"), 4), { type: "text", data: "c", epoch: 4, seq: 3 });
});

test("DropOldestBuffer.push() neither changes nor keeps the frame object it is given", () => {
  const { buffer } = bufferOf();
  const frame = Object.freeze({ type: "text" as const, data: "a", extra: "not ours" });
  assertEquals(Object.keys(buffer.push(frame, 1)).sort(), ["data", "epoch", "seq", "type"]);
  assertEquals(Object.keys(frame), ["type", "data", "extra"]);
});

test("DropOldestBuffer keeps frames of an old session across a reconnect, before those of the new one", async () => {
  const { buffer } = bufferOf();
  for (const epoch of [1, 1, 2, 4, 4]) buffer.push(text(`of ${epoch}`), epoch);
  const seen: [number, number, unknown][] = [];
  for await (const frame of buffer.frames({ preventCancel: true })) {
    seen.push([frame.epoch, frame.seq, frame.data]);
    if (seen.length === 5) break;
  }
  assertEquals(seen, [[1, 1, "of 1"], [1, 2, "of 1"], [2, 3, "of 2"], [4, 4, "of 4"], [
    4,
    5,
    "of 4",
  ]]);
});

test("DropOldestBuffer.dropped() puts what the leaf lost into seq at its place", async () => {
  const { buffer, calls, push } = bufferOf();
  push(1);
  buffer.dropped(3, 30);
  push(1);
  buffer.dropped(0, 0);
  buffer.dropped(-1, 0);
  assertEquals(await take(buffer, 2), [1, 5]);
  assertEquals([buffer.received, buffer.leafDropped], [2, 3]);
  assertEquals([buffer.lagged, buffer.laggedBytes], [3, 30]);
  assertEquals(calls, ["lag"]);
  assertConserved(buffer);
});

test("DropOldestBuffer.dropped() after the end counts as discarded, not as lag", () => {
  const { buffer, calls } = bufferOf();
  buffer.end();
  buffer.dropped(3, 30);
  assertEquals([buffer.leafDropped, buffer.discarded, buffer.lagged], [3, 3, 0]);
  assertEquals(calls, []);
  assertConserved(buffer);
});

test("DropOldestBuffer with overflow fail keeps what is buffered and fails the session once", async () => {
  const { buffer, calls, push } = bufferOf({ maxFrames: 2, overflow: "fail" });
  push(1, 1);
  assertEquals(calls, []);
  push(1);
  assertEquals(calls, ["lag", "overflow 1"]);
  push(1, 1);
  assertEquals(calls, ["lag", "overflow 1", "lag", "lag"]);
  assertEquals([buffer.lagged, buffer.buffered, buffer.seq], [3, 2, 5]);
  assertEquals(await take(buffer, 2), [1, 2]);
  assertConserved(buffer);
});

test("DropOldestBuffer with overflow fail takes no frame of a failed session, although there is room again", async () => {
  const { buffer, calls, push } = bufferOf({ maxFrames: 1, overflow: "fail" });
  push(1, 1);
  assertEquals(await take(buffer, 1), [1]);
  const iterator = buffer.frames({ preventCancel: true });
  const next = iterator.next();
  push(1);
  assertEquals([buffer.lagged, buffer.buffered], [2, 0]);
  buffer.push(text("new"), 2);
  assertEquals((await next).value?.seq, 4);
  assertEquals(calls, ["lag", "overflow 1", "lag"]);
});

test("DropOldestBuffer with overflow fail fails every session that does not fit, by bytes too", () => {
  const { buffer, calls } = bufferOf({ maxBytes: 3, overflow: "fail" });
  for (const epoch of [1, 1, 1, 2, 2, 3]) buffer.push(text("xx"), epoch);
  assertEquals(calls, [
    "lag",
    "overflow 1",
    "lag",
    "lag",
    "overflow 2",
    "lag",
    "lag",
    "overflow 3",
  ]);
  assertEquals([buffer.buffered, buffer.lagged, buffer.laggedBytes], [1, 5, 10]);
});

test("DropOldestBuffer with overflow fail still admits one frame above its bound of bytes, alone", () => {
  const { buffer, calls, push } = bufferOf({ maxBytes: 3, overflow: "fail" });
  push(30);
  assertEquals([buffer.buffered, calls.length], [1, 0]);
  push(0);
  assertEquals(calls, ["lag", "overflow 1"]);
});

test("DropOldestBuffer.open is true until the end or a cancel", async () => {
  const ended = bufferOf().buffer;
  assert(ended.open);
  ended.end();
  assertFalse(ended.open);
  const cancelled = bufferOf().buffer;
  await cancelled.readable.cancel();
  assertFalse(cancelled.open);
});

/** The seqs of the next frames; the connection is kept. */
async function take(
  buffer: ReturnType<typeof bufferOf>["buffer"],
  count: number,
): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of buffer.frames({ preventCancel: true })) {
    seqs.push(seq);
    if (seqs.length === count) break;
  }
  return seqs;
}
