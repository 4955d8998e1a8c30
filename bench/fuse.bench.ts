/**
 * Three layers that pass frames on: fused, called one after another by hand, and as piped TransformStreams. `deno bench bench/fuse.bench.ts`
 *
 * @module
 */
import type { Frame } from "../src/contract/frame.ts";
import { fuse } from "../src/recv/fuse.ts";

const FRAMES = 1_000;
const LAYERS = 3;
const frame: Frame = { type: "text", data: "x".repeat(200) };
const group = { group: `${FRAMES} frames through ${LAYERS} layers` };

class Pass implements Transformer<Frame, Frame> {
  seen = 0;
  transform(passing: Frame, controller: TransformStreamDefaultController<Frame>): void {
    this.seen++;
    controller.enqueue(passing);
  }
}

let out = 0;

function expect(): void {
  if (out !== FRAMES) throw new Error(`${out} frames of ${FRAMES}`);
  out = 0;
}

/** A controller whose frames go to the next function. */
function outlet(next: (passing: Frame) => void): TransformStreamDefaultController<Frame> {
  return {
    desiredSize: 1,
    enqueue: (passing) => next(passing!),
    error: (reason) => {
      throw reason;
    },
    terminate: () => {},
  };
}

const end = outlet(() => out++);

Deno.bench("control: called by hand", { ...group, baseline: true }, (bench) => {
  const layers = Array.from({ length: LAYERS }, () => new Pass());
  let next = (_: Frame): void => {
    out++;
  };
  for (const layer of layers.toReversed()) {
    const controller = outlet(next);
    next = (passing) => layer.transform(passing, controller);
  }
  bench.start();
  for (let i = 0; i < FRAMES; i++) next(frame);
  bench.end();
  expect();
});

Deno.bench("fuse()", group, (bench) => {
  const fused = fuse(...Array.from({ length: LAYERS }, () => new Pass()));
  void fused.start!(end);
  bench.start();
  for (let i = 0; i < FRAMES; i++) void fused.transform!(frame, end);
  bench.end();
  expect();
});

Deno.bench("three TransformStreams", group, async (bench) => {
  let controller!: ReadableStreamDefaultController<Frame>;
  let stream = new ReadableStream<Frame>({ start: (own) => void (controller = own) });
  for (let i = 0; i < LAYERS; i++) stream = stream.pipeThrough(new TransformStream(new Pass()));
  const reader = stream.getReader();
  bench.start();
  for (let i = 0; i < FRAMES; i++) controller.enqueue(frame);
  for (; out < FRAMES; out++) await reader.read();
  bench.end();
  expect();
});
