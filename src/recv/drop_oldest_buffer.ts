/**
 * The buffer between socket and reader: numbers the frames, keeps them across sessions, and drops the oldest when the reader is too slow.
 *
 * It is a hand-made pair rather than a `TransformStream`, which cannot withdraw chunks that are queued, and which sees nothing between the
 * frames of one burst. Reading has one ring and three forms: `readable`, frame by frame, batch by batch. The latter two hold the stream's real
 * lock, and first take what a released reader left in the stream's own queue.
 *
 * Conservation, at every moment: `received + leafDropped == delivered + lagged + buffered + discarded`.
 *
 * @module
 */
import { handled } from "../contract/abort.ts";
import { type DataFrame, type DeliveredFrame, frameBytes } from "../contract/frame.ts";
import type { BatchesOptions, FramesOptions } from "../contract/reconnecting.ts";
import type { Clock } from "../contract/runtime.ts";
import { FrameRing, type RingBounds } from "./frame_ring.ts";

/** How a {@link DropOldestBuffer} is made. */
export interface DropOldestBufferOptions extends RingBounds {
  /** What to do when a frame does not fit. */
  readonly overflow: "dropOldest" | "fail";
  /** Gives the turn that a batch waits for. */
  readonly clock: Clock;
  /** Frames were lost. */
  readonly onLag: () => void;
  /** With `overflow: "fail"`: the first frame of a session did not fit. */
  readonly onOverflow: (epoch: number) => void;
  /** The reader wants no more. */
  readonly onCancel: () => void;
}

/** One direct form in use. */
interface Reading {
  /** Whether it is over. */
  over: boolean;
  /** Ends its wait for the turn when it is left. */
  leave: (() => void) | undefined;
}

/** The recv half: a ring with a writer that never waits and one reader at a time. */
export class DropOldestBuffer {
  /** Data frames that came in. */
  received = 0;
  /** Data frames that the leaf's own buffer dropped. */
  leafDropped = 0;
  /** Data frames lost, here or in the leaf. */
  lagged = 0;
  /** What these held, in bytes. */
  laggedBytes = 0;
  /** Data frames that nobody wants any more. */
  discarded = 0;
  /** Number of the last frame. */
  seq = 0;
  readonly #options: DropOldestBufferOptions;
  readonly #ring: FrameRing;
  #failedEpoch = 0;
  #taken = 0;
  #end: { readonly error: unknown } | undefined;
  #cancelled = false;
  #stream: ReadableStream<DeliveredFrame> | undefined;
  #controller: ReadableStreamDefaultController<DeliveredFrame> | undefined;
  #pulled: (() => void) | undefined;
  /** Wakes the direct form that waits for a frame. The stream's lock lets in one reader, and that one asks in turn, so there is one at most. */
  #waiter: (() => void) | undefined;
  #streamOver = false;
  /** Whether the stream's own queue may hold a frame: spares a look at it for each frame. */
  #left = false;

  /** Makes an empty one. */
  constructor(options: DropOldestBufferOptions) {
    this.#options = options;
    this.#ring = new FrameRing(options);
  }

  /** Data frames given to the reader. */
  get delivered(): number {
    return this.#taken - this.#inStream;
  }

  /** Data frames that wait for the reader. */
  get buffered(): number {
    return this.#ring.length + this.#inStream;
  }

  /** What they hold, in bytes, without the one frame that a released reader may have left in the stream. */
  get bufferedBytes(): number {
    return this.#ring.bytes;
  }

  /** Whether frames that come now are still wanted. */
  get open(): boolean {
    return this.#end === undefined && !this.#cancelled;
  }

  /** A frame comes in. @returns it as it is delivered, whether or not it was kept. */
  push(frame: DataFrame, epoch: number): DeliveredFrame {
    this.received++;
    const delivered = {
      type: frame.type,
      data: frame.data,
      epoch,
      seq: ++this.seq,
    } as DeliveredFrame;
    if (!this.open) {
      this.discarded++;
      return delivered;
    }
    if (this.#options.overflow === "fail" && this.#failed(delivered)) return delivered;
    this.#ring.push(delivered);
    if (this.#ring.over) this.#drop();
    if (this.#waiter !== undefined) this.#wake();
    else if (this.#pulled !== undefined) this.#answer();
    return delivered;
  }

  /** The leaf's own buffer dropped frames at this position. */
  dropped(frames: number, bytes: number): void {
    if (frames <= 0) return;
    this.seq += frames;
    this.leafDropped += frames;
    if (!this.open) {
      this.discarded += frames;
      return;
    }
    this.#lag(frames, bytes);
  }

  /** Nothing will come any more: what is buffered is delivered, then the reader sees the end, or the error. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#wake();
    if (this.#ring.length === 0) this.#endStream();
  }

  /** The recv half as a stream. Made on first use. */
  get readable(): ReadableStream<DeliveredFrame> {
    if (this.#stream === undefined) {
      this.#stream = new ReadableStream<DeliveredFrame>({
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#cancel(),
      }, { highWaterMark: 0 });
      if (this.#ring.length === 0) this.#endStream();
    }
    return this.#stream;
  }

  /** Reads frame by frame. @throws {TypeError} If there is a reader already. */
  frames(options: FramesOptions = {}): AsyncIterableIterator<DeliveredFrame> {
    return this.#iterator(options, () => this.#take(), (frame) => frame);
  }

  /**
   * Reads batch by batch.
   *
   * @throws {TypeError} If there is a reader already.
   * @throws {RangeError} If `maxFrames` is not a whole number above 0.
   */
  batches(options: BatchesOptions = {}): AsyncIterableIterator<readonly DeliveredFrame[]> {
    const { maxFrames = Infinity } = options;
    if (maxFrames !== Infinity && !(Number.isSafeInteger(maxFrames) && maxFrames > 0)) {
      throw new RangeError(`Cannot read batches: maxFrames (${maxFrames}) must be a whole number`);
    }
    const turn = (reading: Reading) =>
      new Promise<void>((resolve) => {
        reading.leave = resolve;
        this.#options.clock.turn(resolve);
      });
    return this.#iterator(options, async (reading) => {
      if (this.#ring.length === 0) return undefined;
      if (this.#end === undefined) await turn(reading);
      // The frames belong to the next reader, if this one left during the turn.
      if (reading.over) return undefined;
      const frames = this.#ring.take(maxFrames);
      this.#taken += frames.length;
      return frames.length === 0 ? undefined : frames;
    }, (frame) => [frame]);
  }

  /** Frames in the stream's own queue: the one that came for a reader which had gone when another had the lock and did not read yet. */
  get #inStream(): number {
    if (!this.#left) return 0;
    const frames = Math.max(0, -(this.#controller!.desiredSize ?? 0));
    if (frames === 0) this.#left = false;
    return frames;
  }

  #failed(frame: DeliveredFrame): boolean {
    const first = this.#failedEpoch !== frame.epoch;
    if (first && this.#ring.fits(frameBytes(frame))) return false;
    this.#failedEpoch = frame.epoch;
    this.#lag(1, frameBytes(frame));
    if (first) this.#options.onOverflow(frame.epoch);
    return true;
  }

  #drop(): void {
    let frames = 0;
    let bytes = 0;
    do {
      frames++;
      bytes += frameBytes(this.#ring.shift()!);
    } while (this.#ring.over);
    this.#lag(frames, bytes);
  }

  #lag(frames: number, bytes: number): void {
    this.lagged += frames;
    this.laggedBytes += bytes;
    this.#options.onLag();
  }

  /** Wakes the direct form that waits. */
  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.();
  }

  /** Gives a frame to the read that the stream pulled for, unless the reader has gone meanwhile. */
  #answer(): void {
    if (this.#stream!.locked) {
      this.#controller!.enqueue(this.#take()!);
      this.#left = true;
    }
    this.#endPull();
  }

  /** Lets the stream pull again when it is read again. */
  #endPull(): void {
    this.#pulled?.();
    this.#pulled = undefined;
  }

  #take(): DeliveredFrame | undefined {
    const frame = this.#ring.shift();
    if (frame !== undefined) this.#taken++;
    return frame;
  }

  #pull(): void | Promise<void> {
    this.#left = false;
    const frame = this.#take();
    if (frame !== undefined) {
      this.#controller!.enqueue(frame);
      if (this.#ring.length === 0 && this.#end !== undefined) this.#endStream();
      return;
    }
    if (this.#end !== undefined) return this.#endStream();
    return new Promise((resolve) => {
      this.#pulled = resolve;
    });
  }

  #endStream(): void {
    if (this.#controller === undefined || this.#streamOver || this.#end === undefined) return;
    this.#endPull();
    // A frame that a released reader left is still there to be read when the stream closes, but would be lost with an error.
    const { error } = this.#end;
    if (error !== undefined && this.#inStream > 0) return;
    this.#streamOver = true;
    if (error === undefined) this.#controller.close();
    else this.#controller.error(error);
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#streamOver = true;
    this.#endPull();
    // The stream has emptied its queue by now: what the last look at it saw must do.
    const unread = this.#left ? 1 : 0;
    this.#left = false;
    this.#taken -= unread;
    this.discarded += unread + this.#ring.length;
    this.#ring.clear();
    this.#wake();
    this.#options.onCancel();
  }

  /** The direct forms: the same ring, read without the stream, under the stream's lock. */
  #iterator<T>(
    { preventCancel = false }: FramesOptions,
    take: (reading: Reading) => T | undefined | Promise<T | undefined>,
    wrap: (frame: DeliveredFrame) => T,
  ): AsyncIterableIterator<T> {
    const reader = this.readable.getReader();
    // What an earlier reader asked for and did not wait for is nobody's any more.
    this.#endPull();
    const reading: Reading = { over: false, leave: undefined };
    const finish = (): IteratorResult<T> => {
      if (!reading.over) {
        reading.over = true;
        if (this.#ring.length === 0) this.#endStream();
        reader.releaseLock();
      }
      return { value: undefined, done: true };
    };
    const wait = () =>
      new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    const slow = async (): Promise<IteratorResult<T>> => {
      for (;;) {
        if (reading.over) return finish();
        if (this.#inStream > 0) {
          this.#left = false;
          const { value } = await reader.read();
          if (value !== undefined) return { value: wrap(value), done: false };
        }
        const value = await take(reading);
        if (value !== undefined) return { value, done: false };
        if (this.#ring.length > 0) continue;
        if (this.#cancelled) return finish();
        if (this.#end !== undefined) {
          const { error } = this.#end;
          finish();
          if (error !== undefined) throw error;
          return { value: undefined, done: true };
        }
        await wait();
      }
    };
    // Calls to next() are answered in their order, as those of a generator are.
    let last: Promise<unknown> | undefined;
    const iterator: AsyncIterableIterator<T> = {
      next: () => {
        if (last === undefined && !reading.over && !this.#left) {
          const value = take(reading);
          if (value !== undefined && !(value instanceof Promise)) {
            return Promise.resolve({ value, done: false });
          }
          if (value instanceof Promise) {
            const answer = value.then((batch): IteratorResult<T> | Promise<IteratorResult<T>> =>
              batch === undefined ? slow() : { value: batch, done: false }
            );
            return track(answer);
          }
        }
        return track(last === undefined ? slow() : last.then(slow, slow));
      },
      return: () => {
        if (!reading.over) {
          const done = finish();
          void this.#inStream;
          if (!preventCancel) handled(this.readable.cancel());
          reading.leave?.();
          this.#wake();
          return Promise.resolve(done);
        }
        return Promise.resolve(finish());
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    const track = (answer: Promise<IteratorResult<T>>): Promise<IteratorResult<T>> => {
      last = answer;
      const done = () => {
        if (last === answer) last = undefined;
      };
      answer.then(done, done);
      return answer;
    };
    return iterator;
  }
}
