/**
 * The worker's drop-oldest ring and what was lost from it: hands out batches, each with the losses that lie before it.
 *
 * Rules:
 * - With `dropOldest` a loss lies before everything that the ring holds, so it goes with the next batch.
 * - With `fail` the frame that did not fit and all that follow are lost, so the loss goes after everything that the ring holds: in a batch without frames.
 * - Only data frames count as lost. A ping or pong that goes, or does not fit, is gone.
 *
 * @module
 */
import { type Frame, frameBytes, isDataFrame } from "../contract/frame.ts";
import { FrameRing, type RingBounds } from "../recv/frame_ring.ts";

/** How a {@link BatchQueue} is bounded. */
export interface BatchQueueOptions extends RingBounds {
  /** What to do when a frame does not fit. */
  readonly overflow: "dropOldest" | "fail";
}

/** Frames to cross, and the loss before them. */
export interface Batch {
  readonly droppedFrames: number;
  readonly droppedBytes: number;
  readonly frames: readonly Frame[];
}

/** Frames of one batch, at most: what the main thread handles without a long pause. */
export const MAX_BATCH_FRAMES = 2_048;

/** Bytes after which a batch is full. One large frame may exceed it, alone or last. */
export const MAX_BATCH_BYTES = 1_048_576;

/** What waits to cross. */
export class BatchQueue {
  readonly #ring: FrameRing<Frame>;
  readonly #fails: boolean;
  #failed = false;
  #lostFrames = 0;
  #lostBytes = 0;

  /** Makes an empty one. */
  constructor(options: BatchQueueOptions) {
    this.#ring = new FrameRing(options);
    this.#fails = options.overflow === "fail";
  }

  /** Whether nothing waits, not even a loss to be told. */
  get empty(): boolean {
    return this.#ring.length === 0 && this.#lostFrames === 0;
  }

  /** A frame comes in. */
  push(frame: Frame): void {
    // One that does not fit takes no data frame's place.
    if (!isDataFrame(frame) && !this.#ring.fits(frameBytes(frame))) return;
    if (this.#fails) {
      this.#failed ||= !this.#ring.fits(frameBytes(frame));
      if (this.#failed) return this.#lose(frame);
    }
    this.#ring.push(frame);
    while (this.#ring.over) this.#lose(this.#ring.shift()!);
  }

  /** Takes what crosses next, which is nothing if the queue is empty. */
  take(): Batch {
    const frames: Frame[] = [];
    const lossIsNext = !this.#failed || this.#ring.length === 0;
    const droppedFrames = lossIsNext ? this.#lostFrames : 0;
    const droppedBytes = lossIsNext ? this.#lostBytes : 0;
    if (lossIsNext) this.#lostFrames = this.#lostBytes = 0;
    let bytes = 0;
    while (frames.length < MAX_BATCH_FRAMES && bytes < MAX_BATCH_BYTES) {
      const frame = this.#ring.shift();
      if (frame === undefined) break;
      frames.push(frame);
      bytes += frameBytes(frame);
    }
    return { droppedFrames, droppedBytes, frames };
  }

  #lose(frame: Frame): void {
    if (!isDataFrame(frame)) return;
    this.#lostFrames++;
    this.#lostBytes += frameBytes(frame);
  }
}
