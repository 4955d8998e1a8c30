/**
 * Histories of a buffer: what may happen to one, done to the real one and to a model of a few lines, and compared after each step.
 *
 * The model says what a reader may rely on, in the terms of a list: frames wait in `ring`, a reader asks, and gets the oldest.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { DeliveredFrame } from "../../src/contract/frame.ts";
import { assertConserved, bufferOf, microtasks, text } from "./frames.ts";

/** The ways of reading. */
export type Form = "readable" | "frames" | "batches";

/** One thing that happens. */
export type Step =
  | { readonly op: "push"; readonly sizes: readonly number[] }
  | { readonly op: "dropped"; readonly frames: number }
  | {
    readonly op: "open";
    readonly form: Form;
    readonly preventCancel: boolean;
    readonly maxFrames: number;
  }
  | { readonly op: "read" | "leave" | "cancel" | "turn" | "epoch" }
  | { readonly op: "end"; readonly failed: boolean };

const op = <Op extends Step["op"]>(name: Op) => fc.record({ op: fc.constant(name) });

/** Random histories. `ends` says how often one ends or is cancelled. */
export function histories(ends: number): fc.Arbitrary<Step[]> {
  const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 5 });
  const push = fc.record({ op: fc.constant("push" as const), sizes });
  const open = fc.record({
    op: fc.constant("open" as const),
    form: fc.constantFrom<Form>("readable", "readable", "frames", "batches"),
    preventCancel: fc.boolean(),
    maxFrames: fc.integer({ min: 1, max: 4 }),
  });
  return fc.array(
    fc.oneof(
      { weight: 30, arbitrary: push },
      { weight: 25, arbitrary: op("read") },
      { weight: 15, arbitrary: open },
      { weight: 12, arbitrary: op("leave") },
      { weight: 10, arbitrary: op("turn") },
      { weight: 3, arbitrary: op("epoch") },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constant("dropped" as const), frames: fc.nat(3) }),
      },
      { weight: ends, arbitrary: op("cancel") },
      {
        weight: ends,
        arbitrary: fc.record({ op: fc.constant("end" as const), failed: fc.boolean() }),
      },
    ),
    { maxLength: 40, size: "max" },
  );
}

/** Bounds and behaviour of the buffer of one history. */
export interface HistoryBounds {
  readonly maxFrames: number;
  readonly maxBytes: number;
  readonly overflow: "dropOldest" | "fail";
}

interface Waiting {
  readonly seq: number;
  readonly bytes: number;
}

/** What should happen. */
class Model {
  readonly outcomes: string[] = [];
  received = 0;
  leafDropped = 0;
  delivered = 0;
  lagged = 0;
  laggedBytes = 0;
  discarded = 0;
  seq = 0;
  epoch = 1;
  ring: Waiting[] = [];
  form: Form | undefined;
  preventCancel = false;
  maxFrames = 1;
  asking = 0;
  readonly #bounds: HistoryBounds;
  /** The frame that the stream itself holds, for a reader that came after the one who asked and has not asked yet. */
  #inStream: Waiting[] = [];
  /** Whether the stream was asked and has no frame: the next one is handed over from within `push`. */
  #pulled = false;
  /** Whether it was asked again from within `push`. */
  #pulledAgain = false;
  /** Whether an iterator waits for a frame: the next one is its own, whatever follows it. */
  #waits = false;
  #turning = false;
  #failedEpoch = 0;
  #end: { readonly failed: boolean } | undefined;
  #cancelled = false;
  /** Whether an iterator has seen the end. */
  #done = false;

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds;
  }

  get buffered(): number {
    return this.ring.length + this.#inStream.length;
  }

  get bytes(): number {
    return this.ring.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether nobody holds the lock: an iterator gives it back when it has seen the end. */
  get free(): boolean {
    return this.form === undefined || this.form !== "readable" && this.#done;
  }

  get open(): boolean {
    return this.#end === undefined && !this.#cancelled;
  }

  push(bytes: number): void {
    const { maxFrames, maxBytes, overflow } = this.#bounds;
    this.received++;
    const frame = { seq: ++this.seq, bytes };
    if (!this.open) return void this.discarded++;
    const fits = this.ring.length === 0 ||
      this.ring.length < maxFrames && this.bytes + bytes <= maxBytes;
    if (overflow === "fail" && (this.#failedEpoch === this.epoch || !fits)) {
      this.#failedEpoch = this.epoch;
      return this.#lag(frame);
    }
    if (this.#pulled && this.form !== undefined) {
      if (this.asking > 0) this.#give([frame]);
      else this.#inStream.push(frame);
      // If more reads wait, the stream asks again: once from within, then only after promise callbacks.
      this.#pulled = this.asking > 0 && !this.#pulledAgain;
      this.#pulledAgain = true;
      return;
    }
    // An iterator that waits gets the frame itself.
    if (this.#waits && this.asking > 0) {
      this.#waits = false;
      return this.#give([frame]);
    }
    this.#pulled = false;
    this.ring.push(frame);
    while (this.ring.length > maxFrames || this.bytes > maxBytes && this.ring.length > 1) {
      this.#lag(this.ring.shift()!);
    }
  }

  dropped(frames: number): void {
    this.seq += frames;
    this.leafDropped += frames;
    if (!this.open) this.discarded += frames;
    else {
      this.lagged += frames;
      this.laggedBytes += frames * 10;
    }
  }

  opened(form: Form, preventCancel: boolean, maxFrames: number): void {
    Object.assign(this, { form, preventCancel, maxFrames });
    this.#done = this.#waits = false;
    if (form !== "readable") this.#pulled = false;
  }

  leave(): void {
    const { form } = this;
    for (; this.asking > 0; this.asking--) {
      this.outcomes.push(form === "readable" ? "released" : "done");
    }
    const over = this.#done;
    this.form = undefined;
    this.#turning = false;
    if (form !== "readable" && !this.preventCancel && !over) this.cancel();
  }

  cancel(): void {
    if (this.#cancelled || this.#end !== undefined && this.buffered === 0) return;
    this.#cancelled = true;
    this.#pulled = false;
    this.discarded += this.buffered;
    this.ring = [];
    this.#inStream = [];
    for (; this.asking > 0; this.asking--) this.outcomes.push("done");
  }

  end(failed: boolean): void {
    this.#end ??= { failed };
    this.#pulled = false;
  }

  turn(): void {
    if (this.#turning) this.#give(this.ring.splice(0, this.maxFrames));
    this.#turning = false;
  }

  /** What follows from all that without anything else happening. */
  settle(): void {
    this.#pulledAgain = false;
    while (this.asking > 0 && !this.#turning) {
      if (this.#inStream.length > 0) this.#give(this.#inStream.splice(0));
      else if (this.ring.length > 0) {
        if (this.form === "batches" && this.#end === undefined) this.#turning = true;
        else this.#give(this.ring.splice(0, this.form === "batches" ? this.maxFrames : 1));
      } else if (this.#cancelled || this.#end !== undefined) {
        const once = this.form !== "readable" && this.#done;
        const failed = this.#end?.failed && !this.#cancelled && !once;
        this.outcomes.push(failed ? "failed" : "done");
        this.asking--;
        this.#done = true;
      } else {
        this.#pulled = this.form === "readable";
        this.#waits = this.form === "frames";
        return;
      }
    }
  }

  #give(frames: readonly Waiting[]): void {
    this.delivered += frames.length;
    this.outcomes.push(frames.map(({ seq }) => seq).join(","));
    this.asking--;
  }

  #lag(frame: Waiting): void {
    this.lagged++;
    this.laggedBytes += frame.bytes;
  }
}

interface Reading {
  /** Asks once; resolves with the frames, or `undefined` at the end. */
  ask(): Promise<readonly DeliveredFrame[] | undefined>;
  leave(): unknown;
  cancel: (() => Promise<void>) | undefined;
}

function readingOf(buffer: ReturnType<typeof bufferOf>["buffer"], step: Step): Reading {
  assert(step.op === "open");
  const { form, preventCancel, maxFrames } = step;
  if (form === "readable") {
    const reader = buffer.readable.getReader();
    return {
      ask: async () => {
        const { value } = await reader.read();
        return value === undefined ? undefined : [value];
      },
      leave: () => reader.releaseLock(),
      cancel: () => reader.cancel(),
    };
  }
  const iterator = form === "frames"
    ? buffer.frames({ preventCancel })
    : buffer.batches({ preventCancel, maxFrames });
  return {
    ask: async () => {
      const { value } = await iterator.next();
      if (value === undefined) return undefined;
      return "seq" in value ? [value] : value;
    },
    leave: () => iterator.return!(),
    cancel: undefined,
  };
}

/** Runs one history. @returns what the reader got, and the seq and lag at the end. */
export async function runHistory(
  bounds: HistoryBounds,
  history: readonly Step[],
): Promise<{ seqs: number[]; seq: number; lagged: number; readonly model: Model }> {
  const { buffer, clock } = bufferOf(bounds);
  const model = new Model(bounds);
  const failure = new Error("the end");
  const outcomes: string[] = [];
  const got: DeliveredFrame[] = [];
  let reading: Reading | undefined;
  const check = () => {
    assertConserved(buffer);
    assert(buffer.buffered <= bounds.maxFrames + 1);
    assert(buffer.bufferedBytes <= bounds.maxBytes || buffer.buffered <= 2);
  };
  const ask = () => {
    model.asking++;
    reading!.ask().then((frames) => {
      outcomes.push(frames?.map(({ seq }) => seq).join(",") ?? "done");
      got.push(...frames ?? []);
    }, (error) => {
      outcomes.push(error === failure ? "failed" : error instanceof TypeError ? "released" : "?");
    });
  };
  const run = (step: Step): void => {
    switch (step.op) {
      case "push":
        for (const size of step.sizes) {
          buffer.push(text("x".repeat(size)), model.epoch);
          model.push(size);
          check();
        }
        return;
      case "dropped":
        buffer.dropped(step.frames, step.frames * 10);
        return model.dropped(step.frames);
      case "open":
        if (!model.free) {
          assertThrows(() => readingOf(buffer, step), TypeError);
          return;
        }
        reading = readingOf(buffer, step);
        return model.opened(step.form, step.preventCancel, step.maxFrames);
      case "read":
        if (reading !== undefined) ask();
        return;
      case "leave":
        if (reading === undefined) return;
        void reading.leave();
        reading = undefined;
        return model.leave();
      case "cancel":
        if (reading === undefined) buffer.readable.cancel().catch(() => {});
        else if (reading.cancel !== undefined) reading.cancel().catch(() => {});
        else return;
        return model.cancel();
      case "turn":
        clock.runTurns();
        return model.turn();
      case "epoch":
        model.epoch++;
        return;
      case "end":
        buffer.end(step.failed ? failure : undefined);
        return model.end(step.failed);
      default:
        return step satisfies never;
    }
  };
  for (const step of history) {
    run(step);
    check();
    await microtasks();
    model.settle();
    check();
    assertEquals(outcomes, model.outcomes);
    for (
      const name of [
        "received",
        "leafDropped",
        "delivered",
        "lagged",
        "laggedBytes",
        "discarded",
        "buffered",
        "seq",
        "open",
      ] as const
    ) {
      assertEquals(buffer[name], model[name], name);
    }
    assertEquals(buffer.bufferedBytes, model.bytes);
    assertEquals(got.length, buffer.delivered);
  }
  for (const [index, frame] of got.entries()) {
    const before = got[index - 1];
    if (before === undefined) continue;
    assert(frame.seq > before.seq && frame.epoch >= before.epoch, "order of delivery");
  }
  return { seqs: got.map(({ seq }) => seq), seq: buffer.seq, lagged: buffer.lagged, model };
}
