import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { DeliveredFrame } from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";
import { assertConserved, bufferOf, microtasks, stateOf } from "./frames.ts";

const seqOf = (result: IteratorResult<DeliveredFrame>) => result.value?.seq;
const seqsOf = (result: IteratorResult<readonly DeliveredFrame[]>) =>
  (result.value as readonly DeliveredFrame[] | undefined)?.map(({ seq }) => seq);

test("DropOldestBuffer.frames() gives a frame that is there in one round of promise callbacks", async () => {
  const { buffer, push } = bufferOf();
  push(1, 1);
  const iterator = buffer.frames();
  let seq = 0;
  void iterator.next().then((result) => seq = seqOf(result) ?? 0);
  await null;
  assertEquals(seq, 1);
});

test("DropOldestBuffer.frames() answers calls to next() in their order, like a generator", async () => {
  const { buffer, push } = bufferOf();
  push(1);
  const iterator = buffer.frames();
  const answers = Array.from({ length: 6 }, () => iterator.next());
  await microtasks();
  push(1, 1);
  await microtasks();
  push(1);
  buffer.end();
  assertEquals((await Promise.all(answers)).map(seqOf), [1, 2, 3, 4, undefined, undefined]);
  assertConserved(buffer);
});

test("DropOldestBuffer.readable gives pending reads the frames of one burst, in order", async () => {
  const { buffer, push } = bufferOf({ maxFrames: 10 });
  const reader = buffer.readable.getReader();
  const reads = Array.from({ length: 4 }, () => reader.read());
  push(1, 1, 1, 1, 1);
  assertEquals((await Promise.all(reads)).map(({ value }) => value?.seq), [1, 2, 3, 4]);
  assertEquals([buffer.delivered, buffer.buffered], [4, 1]);
});

test("DropOldestBuffer.readable holds no frame back: what nobody asked for can still be dropped", async () => {
  const { buffer, push } = bufferOf({ maxFrames: 2 });
  const reader = buffer.readable.getReader();
  const read = reader.read();
  push(1);
  assertEquals((await read).value?.seq, 1);
  await microtasks();
  push(1, 1, 1);
  assertEquals([buffer.buffered, buffer.lagged], [2, 1]);
  assertEquals((await reader.read()).value?.seq, 3);
});

test("DropOldestBuffer.readable is one stream, made on first use", () => {
  const { buffer } = bufferOf();
  assertStrictEquals(buffer.readable, buffer.readable);
});

test("DropOldestBuffer lets in one reader at a time, in whatever form", async () => {
  const { buffer } = bufferOf();
  const forms = [
    () => buffer.frames({ preventCancel: true }),
    () => buffer.batches({ preventCancel: true }),
    () => buffer.readable.getReader(),
  ];
  for (const first of forms) {
    const reader = first();
    for (const second of forms) assertThrows(second, TypeError);
    if ("releaseLock" in reader) reader.releaseLock();
    else await reader.return!();
  }
  assertEquals(buffer.readable.locked, false);
});

test("DropOldestBuffer.batches() answers one turn of the clock after the first frame", async () => {
  const { buffer, clock, push } = bufferOf();
  const iterator = buffer.batches();
  const next = iterator.next();
  assertEquals([await stateOf(next), clock.turns], ["pending", 0]);
  push(1);
  push(1);
  assertEquals([await stateOf(next), clock.turns], ["pending", 1]);
  push(1);
  clock.runTurns();
  assertEquals(seqsOf(await next), [1, 2, 3]);
});

test("DropOldestBuffer.batches() waits a turn for what is there already, too, so that a burst is one batch", async () => {
  const { buffer, clock, push } = bufferOf();
  push(1, 1);
  const next = buffer.batches().next();
  assertEquals(await stateOf(next), "pending");
  push(1);
  clock.runTurns();
  assertEquals(seqsOf(await next), [1, 2, 3]);
});

test("DropOldestBuffer.batches() gives maxFrames at most, and never an empty batch", async () => {
  const { buffer, clock, push } = bufferOf();
  push(1, 1, 1, 1, 1);
  const iterator = buffer.batches({ maxFrames: 2 });
  const sizes: (number[] | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    const next = iterator.next();
    await microtasks();
    clock.runTurns();
    sizes.push(seqsOf(await next));
  }
  assertEquals(sizes, [[1, 2], [3, 4], [5]]);
  const next = iterator.next();
  await microtasks();
  assertEquals([clock.runTurns(), await stateOf(next)], [0, "pending"]);
});

test("DropOldestBuffer.batches() refuses a maxFrames that is not a whole number above 0", () => {
  const { buffer } = bufferOf();
  for (const maxFrames of [0, -1, 1.5, NaN, -Infinity, "2" as unknown as number]) {
    assertThrows(() => buffer.batches({ maxFrames }), RangeError, "Cannot read batches");
  }
  assertEquals(buffer.readable.locked, false);
  buffer.batches({ maxFrames: Infinity });
});

test("DropOldestBuffer.batches() needs no turn after the end", async () => {
  const { buffer, clock, push } = bufferOf();
  push(1, 1, 1);
  buffer.end();
  const iterator = buffer.batches({ maxFrames: 2 });
  assertEquals(seqsOf(await iterator.next()), [1, 2]);
  assertEquals(seqsOf(await iterator.next()), [3]);
  assertEquals((await iterator.next()).done, true);
  assertEquals(clock.turns, 0);
});

test("DropOldestBuffer.batches() keeps the bound while a batch waits for its turn", async () => {
  const { buffer, clock, push } = bufferOf({ maxFrames: 2 });
  const next = buffer.batches().next();
  push(1);
  await microtasks();
  push(1, 1, 1);
  clock.runTurns();
  assertEquals(seqsOf(await next), [3, 4]);
  assertEquals(buffer.lagged, 2);
});

for (const form of ["frames", "batches"] as const) {
  test(`DropOldestBuffer.${form}() settles a pending next() at return(), and its lock is free`, async () => {
    const { buffer, calls, push } = bufferOf();
    const iterator = buffer[form]({ preventCancel: true });
    const pending = [iterator.next(), iterator.next()];
    await microtasks();
    const left = iterator.return!();
    assertEquals(buffer.readable.locked, false);
    for (const answer of [...pending, left]) {
      assertEquals(await stateOf(answer), "resolved");
      assertEquals((await answer).done, true);
    }
    push(1);
    assertEquals((await iterator.next()).done, true);
    assertEquals([buffer.buffered, calls], [1, []]);
  });

  test(`DropOldestBuffer.${form}() left without preventCancel cancels: buffered frames are discarded, at once`, async () => {
    const { buffer, calls, push } = bufferOf();
    push(1, 2, 3);
    const iterator = buffer[form]();
    const pending = form === "batches" ? iterator.next() : undefined;
    const left = iterator.return!();
    assertEquals([buffer.discarded, buffer.buffered, buffer.bufferedBytes], [3, 0, 0]);
    assertEquals(calls, ["cancel"]);
    assertEquals((await left).done, true);
    if (pending !== undefined) assertEquals((await pending).done, true);
    await iterator.return!();
    push(1);
    assertEquals([calls, buffer.discarded], [["cancel"], 4]);
    assertConserved(buffer);
  });

  test(`DropOldestBuffer.${form}() delivers what is buffered, then the error, once`, async () => {
    const { buffer, push } = bufferOf();
    const over = new Error("unrecoverable");
    push(1);
    buffer.end(over);
    const iterator = buffer[form]({ preventCancel: true });
    assertEquals((await iterator.next()).done, false);
    assertStrictEquals(await iterator.next().catch((error: unknown) => error), over);
    assertEquals((await iterator.next()).done, true);
    assertEquals(buffer.readable.locked, false);
    await assertRejects(() => buffer.readable.getReader().read(), Error, "unrecoverable");
  });
}

test("DropOldestBuffer.frames() cancels when its loop is left by break, throw or return", async () => {
  const leave: ((bench: ReturnType<typeof bufferOf>) => Promise<void>)[] = [
    async ({ buffer }) => {
      for await (const _ of buffer.frames()) break;
    },
    async ({ buffer }) => {
      await assertRejects(async () => {
        for await (const _ of buffer.frames()) throw new Error("consumer");
      }, "consumer");
    },
    async ({ buffer }) => {
      for await (const _ of buffer.frames()) return;
    },
  ];
  for (const run of leave) {
    const bench = bufferOf();
    bench.push(1, 1, 1);
    await run(bench);
    assertEquals(bench.calls, ["cancel"]);
    assertEquals([bench.buffer.delivered, bench.buffer.discarded], [1, 2]);
    assertConserved(bench.buffer);
  }
});

test("DropOldestBuffer.readable delivers what is buffered, then closes", async () => {
  const { buffer, push } = bufferOf();
  push(1, 1);
  const reader = buffer.readable.getReader();
  buffer.end();
  assertEquals(await stateOf(reader.closed), "pending");
  assertEquals((await reader.read()).value?.seq, 1);
  assertEquals((await reader.read()).value?.seq, 2);
  assertEquals(await stateOf(reader.closed), "resolved");
  assertEquals((await reader.read()).done, true);
});

test("DropOldestBuffer.readable delivers what is buffered, then errors", async () => {
  const { buffer, push } = bufferOf();
  const over = new Error("exhausted");
  push(1);
  const reader = buffer.readable.getReader();
  buffer.end(over);
  assertEquals((await reader.read()).value?.seq, 1);
  assertStrictEquals(await reader.read().catch((error: unknown) => error), over);
  assertStrictEquals(await reader.closed.catch((error: unknown) => error), over);
});

test("DropOldestBuffer.readable is closed, or errored, for whoever takes it after the end", async () => {
  const closed = bufferOf().buffer;
  closed.end();
  await closed.readable.getReader().closed;
  const errored = bufferOf().buffer;
  errored.end(new Error("unrecoverable"));
  await assertRejects(() => errored.readable.getReader().closed, Error, "unrecoverable");
});

test("DropOldestBuffer.readable closes for the next reader although an iterator took the last frame", async () => {
  const { buffer, push } = bufferOf();
  push(1);
  buffer.end();
  const iterator = buffer.frames({ preventCancel: true });
  await iterator.next();
  await iterator.return!();
  assertEquals(await stateOf(buffer.readable.getReader().closed), "resolved");
});

test("DropOldestBuffer.end() settles every read that waits", async () => {
  const ends: (Error | undefined)[] = [undefined, new Error("over")];
  for (const error of ends) {
    const reading = bufferOf().buffer;
    const reader = reading.readable.getReader();
    const reads = [reader.read(), reader.read()];
    const iterating = bufferOf().buffer;
    const next = iterating.frames().next();
    const batching = bufferOf().buffer;
    const batch = batching.batches().next();
    await microtasks();
    for (const buffer of [reading, iterating, batching]) buffer.end(error);
    const expected = error === undefined ? "resolved" : "rejected";
    for (const promise of [...reads, next, batch]) assertEquals(await stateOf(promise), expected);
  }
});

test("DropOldestBuffer.end() counts the first time, and frames that come later are discarded", async () => {
  const { buffer, calls, push } = bufferOf();
  push(1);
  buffer.end();
  buffer.end(new Error("too late"));
  push(1, 1);
  assertEquals([buffer.received, buffer.discarded, buffer.buffered, buffer.seq], [3, 2, 1, 3]);
  const iterator = buffer.frames();
  assertEquals(seqOf(await iterator.next()), 1);
  assertEquals((await iterator.next()).done, true);
  assertEquals(calls, []);
  assertConserved(buffer);
});

test("DropOldestBuffer.readable cancelled settles at once, discards what is buffered, and says so once", async () => {
  const { buffer, calls, push } = bufferOf();
  push(1, 1);
  const reader = buffer.readable.getReader();
  const cancelled = reader.cancel("enough");
  assertEquals([buffer.discarded, buffer.buffered, calls], [2, 0, ["cancel"]]);
  assertEquals(await stateOf(cancelled), "resolved");
  await reader.cancel();
  reader.releaseLock();
  await buffer.readable.cancel();
  push(1);
  assertEquals([buffer.discarded, calls], [3, ["cancel"]]);
  assertEquals((await buffer.frames().next()).done, true);
  assertEquals((await buffer.batches().next()).done, true);
  assertConserved(buffer);
});

test("DropOldestBuffer.readable cancelled after the end still lets go of what was not read", async () => {
  for (const error of [undefined, new Error("over")]) {
    const { buffer, push } = bufferOf();
    push(1, 1);
    buffer.end(error);
    await buffer.readable.cancel();
    assertEquals([buffer.discarded, buffer.buffered], [2, 0]);
    assertConserved(buffer);
    assertEquals((await buffer.frames().next()).done, true);
  }
});

test("DropOldestBuffer.readable goes through pipeTo and pipeThrough with its own backpressure", async () => {
  const { buffer, push } = bufferOf({ maxFrames: 2 });
  const seqs: number[] = [];
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
  const sink = new WritableStream<DeliveredFrame>({
    write: async (frame) => {
      await gate;
      seqs.push(frame.seq);
    },
  });
  const piped = buffer.readable.pipeThrough(new TransformStream()).pipeTo(sink);
  push(1);
  await microtasks();
  for (let i = 0; i < 20; i++) {
    push(1);
    await microtasks();
  }
  openGate();
  buffer.end();
  await piped;
  assertEquals(seqs.at(-1), 21);
  assertEquals(seqs.length + buffer.lagged, 21);
  assertEquals(buffer.lagged > 10, true);
});

test("DropOldestBuffer.readable cancelled by a pipe whose sink failed counts as cancelled", async () => {
  const { buffer, calls, push } = bufferOf();
  push(1, 1, 1);
  const sink = new WritableStream<DeliveredFrame>({
    write: () => {
      throw new Error("disk full");
    },
  });
  await assertRejects(() => buffer.readable.pipeTo(sink), Error, "disk full");
  assertEquals(calls, ["cancel"]);
  assertConserved(buffer);
});

test("DropOldestBuffer does not discard what a cancelled reader has read already", async () => {
  // A frame that came between a lock and its first read waits in the stream itself, where nobody sees it being read.
  const between = async () => {
    const bench = bufferOf();
    const first = bench.buffer.readable.getReader();
    const released = first.read();
    await microtasks();
    first.releaseLock();
    await assertRejects(() => released, TypeError);
    const second = bench.buffer.readable.getReader();
    bench.push(1);
    assertEquals((await second.read()).value?.seq, 1);
    return { ...bench, reader: second };
  };
  const left = await between();
  left.reader.releaseLock();
  await left.buffer.frames().return!();
  assertEquals([left.buffer.delivered, left.buffer.discarded, left.calls], [1, 0, ["cancel"]]);
  const reading = await between();
  const next = reading.reader.read();
  await reading.reader.cancel();
  assertEquals((await next).done, true);
  assertEquals([reading.buffer.delivered, reading.buffer.discarded], [1, 0]);
});

test("DropOldestBuffer reads on in another form where the one before stopped", async () => {
  const { buffer, clock, push } = bufferOf();
  push(1, 1, 1, 1, 1, 1);
  const reader = buffer.readable.getReader();
  assertEquals((await reader.read()).value?.seq, 1);
  reader.releaseLock();
  const frames = buffer.frames({ preventCancel: true });
  assertEquals(seqOf(await frames.next()), 2);
  await frames.return!();
  const batches = buffer.batches({ preventCancel: true, maxFrames: 2 });
  const batch = batches.next();
  await microtasks();
  clock.runTurns();
  assertEquals(seqsOf(await batch), [3, 4]);
  await batches.return!();
  for await (const { seq } of buffer.readable.values({ preventCancel: true })) {
    if (seq === 6) break;
    assertEquals(seq, 5);
  }
  assertEquals([buffer.delivered, buffer.buffered], [6, 0]);
});
