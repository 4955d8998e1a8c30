/**
 * Scenarios of receiving, over the whole stack: nothing is lost quietly, and what is lost is lost where `seq` says.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DeliveredFrame, FrameLayer } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { assertBalanced, bench, codeOf, outcome, reading } from "./bench.ts";

/** Sum of the holes between the frames, the one before the first included. */
function holes(frames: readonly DeliveredFrame[]): number {
  let last = 0;
  let missing = 0;
  for (const { seq } of frames) {
    assert(seq > last, "seq grows");
    missing += seq - last - 1;
    last = seq;
  }
  return missing;
}

test("scenario 32: open() with a consumer that never reads keeps the newest of 1,000,000 frames, and counts exactly", async () => {
  const it = bench({ buffer: { maxFrames: 5_000, maxBytes: 1e9 } });
  const dial = await it.up();
  for (let i = 1; i <= 1_000_000; i++) dial.receive(String(i));
  const { received, buffered, totalLagged, delivered } = it.feed.stats();
  assertEquals([received, buffered, totalLagged, delivered], [1_000_000, 5_000, 995_000, 0]);
  assertEquals(it.now.totalLagged, 995_000);
  const { frames } = reading(it.feed);
  await it.mock.settle();
  while (it.feed.stats().buffered > 0) await it.mock.settle();
  assertEquals([frames.length, frames[0]!.data, frames.at(-1)!.data], [5_000, "995001", "1000000"]);
  assertEquals(holes(frames), 995_000);
  await it.close();
});

test("scenario 32: open() bounds bytes as well, and counts what they held", async () => {
  const it = bench({ buffer: { maxFrames: 100_000, maxBytes: 1_000 } });
  const dial = await it.up();
  for (let i = 0; i < 100; i++) dial.receive("x".repeat(100));
  assertEquals([it.feed.stats().buffered, it.feed.stats().bufferedBytes], [10, 1_000]);
  assertEquals([it.now.totalLagged, it.now.totalLaggedBytes], [90, 9_000]);
  dial.receive("y".repeat(5_000));
  assertEquals(it.feed.stats().buffered, 1, "one frame above the bound stays, alone");
  await it.close();
});

test("scenario 35: open() handles close and pong while the buffer overflows", async () => {
  const it = bench({
    buffer: { maxFrames: 10 },
    liveness: { staleAfterMs: 10_000, deadAfterMs: 20_000, probe: { afterMs: 3_000 } },
  });
  const dial = await it.up();
  await it.mock.advance(6_000);
  assert(dial.sentFrames.some(({ type }) => type === "ping"));
  for (let i = 0; i < 100; i++) dial.receive(`${i}`);
  dial.receiveControl("pong");
  for (let i = 0; i < 100; i++) dial.receive(`${i}`);
  assert(it.feed.stats().roundTripMs !== undefined, "the pong did not wait behind data");
  dial.end({ code: 1001 });
  await it.mock.settle();
  assertEquals([it.now.phase, it.feed.stats().buffered], ["reconnecting", 10]);
  await it.close();
});

test("scenario 35: open() with overflow fail ends the session, and says at which place the hole is", async () => {
  const it = bench({ buffer: { maxFrames: 3, overflow: "fail" } });
  const dial = await it.up();
  for (let i = 1; i <= 6; i++) dial.receive(`old ${i}`);
  await it.mock.settle();
  assertEquals([codeOf(it.now.error), dial.abandoned, it.now.totalLagged], ["overflow", true, 3]);
  const next = await it.up();
  const { frames } = reading(it.feed);
  await it.mock.settle();
  next.receive("new 1");
  await it.mock.settle();
  assertEquals(frames.map(({ epoch, seq, data }) => [epoch, seq, data]), [
    [1, 1, "old 1"],
    [1, 2, "old 2"],
    [1, 3, "old 3"],
    [2, 7, "new 1"],
  ]);
  await it.close();
});

test("scenario 36: open() delivers frames of an old epoch before those of the new one, and never after", async () => {
  const it = bench({ buffer: { maxFrames: 20 } });
  for (let epoch = 1; epoch <= 4; epoch++) {
    const dial = await it.up();
    for (let i = 1; i <= 7; i++) dial.receive(`${epoch}.${i}`);
    dial.end({ code: 1006 });
    dial.receive("after the end");
    await it.mock.settle();
  }
  await it.up();
  assertEquals([it.now.epoch, it.now.totalLagged], [5, 8]);
  const { frames } = reading(it.feed);
  await it.mock.settle();
  assertEquals(frames.map(({ epoch }) => epoch), frames.map(({ epoch }) => epoch).toSorted());
  assertEquals([frames[0]!.data, frames[0]!.seq, frames.length], ["2.2", 9, 20]);
  assertEquals(holes(frames), 8);
  const downs = it.trace.flatMap((event) =>
    event.type === "down" ? [[event.firstSeq, event.lastSeq]] : []
  );
  assertEquals(downs, [[1, 7], [8, 14], [15, 21], [22, 28]]);
  await it.close();
});

test("scenario 36: open() publishes an epoch before it delivers a frame of it", async () => {
  const it = bench();
  const { frames } = reading(it.feed);
  for (let i = 0; i < 3; i++) {
    const dial = await it.mock.dial();
    dial.open();
    dial.receive("at once, from within the same turn");
    for (let at = 0; at < 30; at++) {
      await Promise.resolve();
      it.mock.spawn.step();
      for (const { epoch } of frames) assert(it.now.epoch >= epoch, "a frame before its epoch");
    }
    assertEquals(frames.length, i + 1);
    dial.end({ code: 1006 });
    await it.mock.settle();
  }
  await it.close();
});

test("scenario 37: open() balances when the consumer throws, breaks or cancels", async () => {
  const ways: { readonly [way: string]: (frames: AsyncIterable<DeliveredFrame>) => Promise<void> } =
    {
      async breaks(frames) {
        for await (const frame of frames) if (frame.seq === 3) break;
      },
      async throws(frames) {
        for await (const frame of frames) if (frame.seq === 3) throw new Error("consumer");
      },
    };
  for (const [way, consume] of Object.entries(ways)) {
    const it = bench();
    const done = outcome(consume(it.feed));
    const dial = await it.up();
    for (let i = 0; i < 10; i++) dial.receive("x");
    await it.mock.settle();
    assertEquals(done.state, way === "breaks" ? "done" : "failed");
    assertEquals([it.now.phase, dial.closing?.code], ["closed", 1000]);
    const { delivered, totalDiscarded } = it.feed.stats();
    assertEquals([delivered, totalDiscarded], [3, 7]);
    assertBalanced(it.feed);
    await it.close();
  }
  const it = bench();
  const dial = await it.up();
  for (let i = 0; i < 10; i++) dial.receive("x");
  const reader = it.feed.readable.getReader();
  await reader.read();
  const cancelled = outcome(reader.cancel());
  await it.mock.settle();
  assertEquals([cancelled.state, it.now.phase, it.feed.stats().totalDiscarded], [
    "done",
    "closed",
    9,
  ]);
  await it.close();
});

test("scenario 37: frames({ preventCancel }) keeps the connection and what is buffered", async () => {
  const it = bench();
  const dial = await it.up();
  for (let i = 0; i < 5; i++) dial.receive("x");
  for await (const { seq } of it.feed.frames({ preventCancel: true })) if (seq === 2) break;
  assertEquals([it.now.phase, it.feed.stats().buffered], ["connected", 3]);
  const { frames } = reading(it.feed);
  await it.mock.settle();
  assertEquals(frames.map(({ seq }) => seq), [3, 4, 5]);
  await it.close();
});

test("scenario 40: open() counts frames during the close handshake as discarded, and sees nothing after abandonment", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  dial.receive("before");
  const closing = outcome(it.feed.control.shutdown());
  await it.mock.settle();
  dial.receive("during");
  dial.receive("during");
  assertEquals([it.feed.stats().totalDiscarded, it.now.totalDiscarded], [2, 2]);
  await it.mock.advance(2_000);
  assertEquals([closing.state, dial.abandoned], ["done", true]);
  dial.receive("after");
  assertEquals(it.feed.stats().received, 3);
  const { frames, ended } = reading(it.feed);
  assertEquals(await ended, undefined);
  assertEquals(frames.map(({ data }) => data), ["before"]);
  await it.close();
});

test("open() counts what the leaf dropped, at its place", async () => {
  const it = bench();
  const { frames } = reading(it.feed);
  const dial = await it.up();
  dial.receive("1");
  dial.drop(3, 300);
  dial.receive("5");
  await it.mock.settle();
  assertEquals(frames.map(({ seq }) => seq), [1, 5]);
  assertEquals([it.now.totalLagged, it.now.totalLaggedBytes], [3, 300]);
  assertEquals(it.feed.stats().leafDropped, 3);
  await it.close();
});

test("open() loses no frame that came with the open, and runs recv layers before it counts", async () => {
  const split: FrameLayer = () => ({
    transform(frame, controller) {
      if (frame.type !== "text") return controller.enqueue(frame);
      for (const data of frame.data.split(" ")) controller.enqueue({ type: "text", data });
    },
  });
  const it = bench({ recv: [split] });
  const { frames } = reading(it.feed);
  const dial = await it.mock.dial();
  dial.open();
  dial.receive("a b c");
  await it.mock.settle();
  assertEquals(frames.map(({ seq, data }) => [seq, data]), [[1, "a"], [2, "b"], [3, "c"]]);
  assertEquals(it.feed.stats().received, 3);
  await it.close();
});

test("open() ends the session of a recv layer that fails or is async, and goes on with the next", async () => {
  const layers: readonly FrameLayer[] = [
    () => ({
      transform() {
        throw new Error("cannot parse");
      },
    }),
    function slow() {
      return {
        async transform(frame, controller) {
          await undefined;
          controller.enqueue(frame);
        },
      };
    },
  ];
  for (const layer of layers) {
    let opens = 0;
    const it = bench({ recv: [(context) => ++opens === 1 ? layer(context) : {}] });
    const { frames } = reading(it.feed);
    const first = await it.up();
    first.receive("lost with the layer");
    first.receive("never looked at");
    await it.mock.settle();
    assertEquals([codeOf(it.now.error), first.abandoned], ["layer_failed", true]);
    const second = await it.up();
    second.receive("fine");
    await it.mock.settle();
    assertEquals(frames.map(({ epoch, data }) => [epoch, data]), [[2, "fine"]]);
    await it.close();
  }
});

test("open() has one reader at a time, whatever the form", async () => {
  const it = bench();
  await it.up();
  const first = it.feed.frames();
  const pending = outcome(first.next());
  await assertRejects(async () => await it.feed.batches().next(), TypeError);
  await assertRejects(async () => await it.feed.readable.getReader().read(), TypeError);
  await first.return!();
  await it.mock.settle();
  assertEquals(pending.state, "done");
  await it.close();
});

test("open() delivers what is buffered before it reports the end, and the end before nothing", async () => {
  const it = bench({ maxAttempts: 1 });
  const dial = await it.up();
  dial.receive("1");
  dial.receive("2");
  dial.end({ code: 1006 });
  await it.mock.settle();
  assertEquals([it.now.exhausted, it.now.phase], [true, "reconnecting"]);
  const { frames, ended } = reading(it.feed);
  const error = await ended;
  assertEquals([frames.length, codeOf(error), error === it.now.error], [2, "exhausted", true]);
  await it.close();
});
