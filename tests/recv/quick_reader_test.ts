// Readers that take from the buffer, past the stream: what they may not change, and what they save.
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import type { DeliveredFrame } from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";
import { assertConserved, bufferOf, microtasks } from "./frames.ts";

const seqOf = ({ value }: ReadableStreamReadResult<DeliveredFrame>) => value?.seq;

test("QuickStream gives a frame that is there in one round of promise callbacks", async () => {
  const { buffer, push } = bufferOf();
  const reader = buffer.readable.getReader();
  await microtasks();
  push(1, 1);
  const seqs: (number | undefined)[] = [];
  for (let i = 0; i < 2; i++) void reader.read().then((result) => seqs.push(seqOf(result)));
  await null;
  assertEquals(seqs, [1, 2]);
});

test("QuickStream is a stream of the platform, and its reader one of the platform's", () => {
  const { readable } = bufferOf().buffer;
  assertInstanceOf(readable, ReadableStream);
  assertThrows(() => readable.getReader({ mode: "byob" }), TypeError);
  assertEquals(readable.locked, false);
  assertThrows(() => readable.getReader({ mode: "other" as "byob" }), TypeError);
  const reader = readable.getReader({});
  assertInstanceOf(reader, ReadableStreamDefaultReader);
  assertEquals(readable.locked, true);
});

test("QuickStream lets no later read overtake one that waits", async () => {
  const { buffer, push } = bufferOf();
  const reader = buffer.readable.getReader();
  // The stream cannot be asked before it has started, which takes a round: frames that come meanwhile are in the buffer, not in the stream.
  const first = reader.read();
  push(1, 1, 1);
  const rest = [reader.read(), reader.read()];
  assertEquals((await Promise.all([first, ...rest])).map(seqOf), [1, 2, 3]);
  assertConserved(buffer);
});

test("QuickStream gives reads that wait the frames of one round, and wakes the first of them once", async () => {
  const { buffer, push } = bufferOf();
  const reader = buffer.readable.getReader();
  const first = reader.read();
  await microtasks();
  push(1);
  const second = reader.read();
  push(1, 1);
  assertEquals([await first, await second].map(seqOf), [1, 2]);
  assertEquals(seqOf(await reader.read()), 3);
  assertConserved(buffer);
});

test("QuickStream gives a read that waits its frame although the reader goes in the same round", async () => {
  for (const leave of ["releaseLock", "cancel"] as const) {
    const { buffer, push } = bufferOf();
    const reader = buffer.readable.getReader();
    const read = reader.read();
    await microtasks();
    push(1);
    const left = reader[leave]();
    assertEquals(seqOf(await read), 1, leave);
    await left;
    assertEquals([buffer.delivered, buffer.buffered], [1, 0]);
    assertConserved(buffer);
  }
});

test("QuickStream forgets a read whose reader has gone: the next reader gets the next frame at once", async () => {
  const { buffer, push } = bufferOf();
  const before = buffer.readable.getReader();
  const read = before.read();
  await microtasks();
  before.releaseLock();
  await assertRejects(() => read, TypeError);
  push(1, 1);
  const reader = buffer.readable.getReader();
  let seq: number | undefined;
  void reader.read().then((result) => seq = seqOf(result));
  await null;
  assertEquals(seq, 1);
  await assertRejects(() => before.read(), TypeError);
  assertEquals([buffer.delivered, buffer.buffered], [1, 1]);
  assertConserved(buffer);
});

test("QuickStream can be read by a plain reader, as whoever takes the platform's constructor does", async () => {
  const { buffer, push } = bufferOf();
  const reader = new ReadableStreamDefaultReader(buffer.readable);
  const reads = [reader.read(), reader.read()];
  push(1);
  await microtasks();
  push(1, 1);
  assertEquals((await Promise.all(reads)).map(seqOf), [1, 2]);
  assertEquals(seqOf(await reader.read()), 3);
  assertConserved(buffer);
});

test("QuickStream.tee() gives both branches every frame", async () => {
  const { buffer, push } = bufferOf();
  const branches = buffer.readable.tee();
  push(1, 1);
  await microtasks();
  push(1);
  buffer.end();
  for (const branch of branches) {
    const seqs: number[] = [];
    for await (const { seq } of branch) seqs.push(seq);
    assertEquals(seqs, [1, 2, 3]);
  }
  assertConserved(buffer);
});

test("QuickStream tells of its end and of a cancel by closed, like any stream", async () => {
  const { buffer, push } = bufferOf();
  const reader = buffer.readable.getReader();
  push(1);
  buffer.end();
  await microtasks();
  assertEquals(seqOf(await reader.read()), 1);
  await reader.closed;
  assert((await reader.read()).done);
  const failed = bufferOf();
  const failing = failed.buffer.readable.getReader();
  failed.push(1);
  failed.buffer.end(new Error("over"));
  assertEquals(seqOf(await failing.read()), 1);
  await assertRejects(() => failing.closed, Error, "over");
  await assertRejects(() => failing.read(), Error, "over");
});
