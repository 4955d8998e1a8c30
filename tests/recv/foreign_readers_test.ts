/**
 * Readers of `readable` that are the platform's own: loops, pipes, plain readers. The buffer does not see what they ask for, and nobody looks at its
 * counts in between: a look mends what they left.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { DeliveredFrame } from "../../src/contract/frame.ts";
import type { DropOldestBuffer } from "../../src/recv/drop_oldest_buffer.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { assertConserved, bufferOf, microtasks, text } from "./frames.ts";

/** One reader at work. `leave` lets go of the lock; `true` from it means that it wanted no more. */
interface Reader {
  ask(): void;
  leave(): boolean;
}

type Open = (buffer: DropOldestBuffer, got: DeliveredFrame[], cancels: boolean) => Reader;

/** Reads one at a time, as a loop does. */
function looped(
  iterator: AsyncIterator<DeliveredFrame | readonly DeliveredFrame[]>,
  got: DeliveredFrame[],
  cancels: boolean,
): Reader {
  let asked = false;
  return {
    ask() {
      if (asked) return;
      asked = true;
      iterator.next().then(({ value }) => {
        asked = false;
        if (value !== undefined) got.push(...[value].flat() as DeliveredFrame[]);
      }, () => {});
    },
    leave() {
      iterator.return!().catch(() => {});
      return cancels;
    },
  };
}

function readers(
  open: (buffer: DropOldestBuffer) => ReadableStreamDefaultReader<DeliveredFrame>,
): Open {
  return (buffer, got, cancels) => {
    const reader = open(buffer);
    reader.closed.catch(() => {});
    return {
      ask: () => void reader.read().then(({ value }) => value && got.push(value), () => {}),
      leave() {
        if (cancels) reader.cancel().catch(() => {});
        reader.releaseLock();
        return cancels;
      },
    };
  };
}

const forms: readonly Open[] = [
  readers((buffer) => buffer.readable.getReader()),
  readers((buffer) => new ReadableStreamDefaultReader(buffer.readable)),
  (buffer, got, cancels) =>
    looped(buffer.readable.values({ preventCancel: !cancels }), got, cancels),
  (buffer, got, cancels) => looped(buffer.frames({ preventCancel: !cancels }), got, cancels),
  (buffer, got, cancels) =>
    looped(buffer.batches({ preventCancel: !cancels, maxFrames: 2 }), got, cancels),
  (buffer, got, cancels) => {
    const stop = new AbortController();
    let writes: (() => void)[] = [];
    const slow = new WritableStream<DeliveredFrame>({
      write(frame) {
        got.push(frame);
        return new Promise<void>((resolve) => writes.push(resolve));
      },
    });
    const ask = () => {
      const done = writes;
      writes = [];
      for (const write of done) write();
    };
    buffer.readable
      .pipeTo(slow, { signal: stop.signal, preventCancel: !cancels, preventAbort: true })
      .catch(() => {});
    return {
      ask,
      leave() {
        stop.abort();
        ask();
        return cancels;
      },
    };
  },
];

async function history(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const { buffer, clock } = bufferOf({ maxFrames: [1, 2, 4, 50][below(4)]! });
  const got: DeliveredFrame[] = [];
  let reader: Reader | undefined;
  let cancelled = false;
  const leave = () => {
    cancelled = reader?.leave() === true || cancelled;
    reader = undefined;
  };
  for (let steps = 10 + below(30); steps > 0; steps--) {
    const what = random();
    if (what < 0.4) {
      for (let frames = below(4); frames >= 0; frames--) {
        buffer.push(text("x"), 1);
        if (random() < 0.2) await null;
      }
    } else if (what < 0.65) reader?.ask();
    else if (what < 0.75) leave();
    else if (what < 0.9) {
      if (reader === undefined && !buffer.readable.locked) {
        reader = forms[below(forms.length)]!(buffer, got, random() < 0.5);
      }
    } else clock.runTurns();
    if (random() < 0.8) await microtasks();
  }
  leave();
  await microtasks();
  assertConserved(buffer);
  assertEquals(got.length, buffer.delivered, `seed ${seed}: ${got.map(({ seq }) => seq)}`);
  assert(cancelled || buffer.discarded === 0, `seed ${seed} discards what nobody gave up`);
  assert(got.every(({ seq }, i) => i === 0 || seq > got[i - 1]!.seq), `seed ${seed}: order`);
  if (buffer.readable.locked) return;
  buffer.end();
  for await (const frame of buffer.frames()) got.push(frame);
  assertEquals([buffer.buffered, buffer.delivered], [0, got.length], `seed ${seed}`);
}

test("DropOldestBuffer counts what the platform's own readers got, in every random history", async () => {
  for (let seed = 1; seed <= 400; seed++) await history(seed);
});
