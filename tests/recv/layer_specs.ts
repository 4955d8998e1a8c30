/**
 * Small layers, described as data so that a counterexample can be read, and the two ways of running a list of them: fused in one
 * TransformStream, and as TransformStreams piped one through the other.
 *
 * @module
 */
import fc from "fast-check";
import type { Frame } from "../../src/contract/frame.ts";
import { fuse } from "../../src/recv/fuse.ts";
import { text } from "./frames.ts";

type Controller = TransformStreamDefaultController<Frame>;

/** How a layer ends the stream, if it does. `terminate` ends it well. */
export type Ending = "throw" | "error" | "terminate";

/** One layer. Its methods are async where `waits` is above 0: so many rounds of promise callbacks before they do their work. */
export interface LayerSpec {
  /** What becomes of a frame: as it is (without a method), tagged with the layer's count, dropped if its count is odd, or doubled. */
  readonly does: "pass" | "tag" | "drop" | "double";
  readonly waits: number;
  /** Whether it emits a frame at its start, and at its flush. */
  readonly emits: { readonly start: boolean; readonly flush: boolean };
  /** Ends the stream at the n-th frame, at the start or at the flush; before or after passing on what it has. */
  readonly ends?: {
    readonly how: Ending;
    readonly at: number | "start" | "flush";
    readonly first: boolean;
  };
}

const plain = fc.record({
  does: fc.constantFrom<LayerSpec["does"]>("pass", "tag", "drop", "double"),
  waits: fc.constantFrom(0, 0, 0, 1, 5),
  emits: fc.record({ start: fc.boolean(), flush: fc.boolean() }),
});

const ending = fc.record({
  how: fc.constantFrom<Ending>("throw", "error", "terminate"),
  at: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom("start" as const, "flush" as const)),
  first: fc.boolean(),
});

/** Lists of layers of which one at most ends the stream. */
export const layerLists: fc.Arbitrary<LayerSpec[]> = fc.record({
  layers: fc.array(plain, { maxLength: 5 }),
  ends: fc.option(ending),
  which: fc.nat(4),
}).map(({ layers, ends, which }) =>
  layers.map((layer, index): LayerSpec =>
    ends !== null && index === which % layers.length ? { ...layer, ends } : layer
  )
);

/** The reason that an ending layer gives. */
export const reason = new Error("the layer's reason");

function end(how: Ending, controller: Controller): void {
  if (how === "terminate") return controller.terminate();
  if (how === "error") return controller.error(reason);
  throw reason;
}

/** A layer that keeps its state in `this`, as one written as a class does. */
class SpecLayer implements Transformer<Frame, Frame> {
  readonly #spec: LayerSpec;
  readonly #name: string;
  readonly #log: string[];
  #count = 0;

  constructor(spec: LayerSpec, name: string, log: string[]) {
    this.#spec = spec;
    this.#name = name;
    this.#log = log;
  }

  start(controller: Controller): void | Promise<void> {
    this.#log.push(`${this.#name} start`);
    return this.#later(() => this.#edge("start", controller));
  }

  transform(frame: Frame, controller: Controller): void | Promise<void> {
    return this.#later(() => this.#frame(frame, controller));
  }

  flush(controller: Controller): void | Promise<void> {
    this.#log.push(`${this.#name} flush`);
    return this.#later(() => this.#edge("flush", controller));
  }

  #edge(at: "start" | "flush", controller: Controller): void {
    const { emits, ends } = this.#spec;
    const emit = () => {
      if (emits[at]) controller.enqueue(text(`${this.#name}${at}`));
    };
    if (ends?.at !== at) return emit();
    if (!ends.first) emit();
    end(ends.how, controller);
  }

  #frame(frame: Frame, controller: Controller): void {
    const { does, ends } = this.#spec;
    const count = ++this.#count;
    const ending = ends?.at === count;
    if (ending && ends.first) return end(ends.how, controller);
    if (does !== "drop" || count % 2 === 0) {
      const tagged = does === "tag" && frame.type === "text";
      controller.enqueue(tagged ? text(`${frame.data}${this.#name}${count}`) : frame);
      if (does === "double") controller.enqueue(frame);
    }
    if (ending) end(ends.how, controller);
  }

  #later(work: () => void): void | Promise<void> {
    const { waits } = this.#spec;
    if (waits === 0) return work();
    return (async () => {
      for (let round = 0; round < waits; round++) await null;
      work();
    })();
  }
}

/** The layer of a spec. A layer that only passes frames on has no `transform`, which the platform allows. */
export function layerOf(spec: LayerSpec, index: number, log: string[]): Transformer<Frame, Frame> {
  const layer = new SpecLayer(spec, "abcdefgh"[index]!, log);
  if (spec.does !== "pass" || typeof spec.ends?.at === "number") return layer;
  return { start: (c) => layer.start(c), flush: (c) => layer.flush(c) };
}

/** What came out of one way of running. */
export interface Outcome {
  /** What came out in each step: at the start, at each frame, at the close. */
  readonly steps: readonly (readonly string[])[];
  /** How it ended. */
  readonly end: "closed" | "open" | { readonly reason: unknown };
  /** Calls of `start` and `flush`. */
  readonly log: readonly string[];
}

/** Lets every promise callback run that can. */
async function quiet(): Promise<void> {
  for (let round = 0; round < 1000; round++) await null;
}

/**
 * Runs one way: gives it a frame only when all is quiet, with a reader that always waits, so that nothing ever queues between two steps.
 */
export async function outcomeOf(
  build: (source: ReadableStream<Frame>, log: string[]) => ReadableStream<Frame>,
  frames: number,
): Promise<Outcome> {
  const log: string[] = [];
  const steps: string[][] = [[]];
  let input: ReadableStreamDefaultController<Frame> | undefined;
  const source = new ReadableStream<Frame>({
    start: (controller) => {
      input = controller;
    },
    cancel: () => {
      input = undefined;
    },
  }, { highWaterMark: 0 });
  let end: Outcome["end"] = "open";
  let output: ReadableStream<Frame>;
  try {
    output = build(source, log);
  } catch (thrown) {
    return { steps: [[]], end: { reason: thrown }, log };
  }
  void (async () => {
    const reader = output.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        steps.at(-1)!.push(value.type === "text" ? value.data : value.type);
      }
      end = "closed";
    } catch (thrown) {
      end = { reason: thrown };
    }
  })();
  await quiet();
  for (let frame = 1; frame <= frames && input !== undefined; frame++) {
    steps.push([]);
    input.enqueue(text(`${frame}`));
    await quiet();
  }
  if (input !== undefined) {
    steps.push([]);
    input.close();
    await quiet();
  }
  return { steps, end, log };
}

/** The layers as TransformStreams, each piped through the next. */
export function piped(specs: readonly LayerSpec[]): Parameters<typeof outcomeOf>[0] {
  return (source, log) => {
    const streams = specs.map((spec, index) => new TransformStream(layerOf(spec, index, log)));
    return streams.reduce((stream, next) => stream.pipeThrough(next), source);
  };
}

/** The layers fused, in one TransformStream; with `split`, the first so many are fused for themselves first. */
export function fused(specs: readonly LayerSpec[], split = 0): Parameters<typeof outcomeOf>[0] {
  return (source, log) => {
    const layers = specs.map((spec, index) => layerOf(spec, index, log));
    const inner = split === 0 ? layers : [fuse(...layers.splice(0, split)), ...layers];
    return source.pipeThrough(new TransformStream(fuse(...inner)));
  };
}
