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
import { type DataFrame, type DeliveredFrame, frameBytes } from "../contract/frame.ts";
import type { BatchesOptions, FramesOptions } from "../contract/reconnecting.ts";
import type { Clock } from "../contract/runtime.ts";
import {
  directReading,
  type Reading,
  type Settle,
  type Source,
  type Taker,
} from "./direct_reading.ts";
import { FrameRing, type RingBounds } from "./frame_ring.ts";
import { QuickStream } from "./quick_reader.ts";

/** What a {@link DropOldestBuffer} holds at most. */
export interface BufferBounds extends RingBounds {
  /** What to do when a frame does not fit. */
  readonly overflow: "dropOldest" | "fail";
}

/** What a {@link DropOldestBuffer} tells the rest, and asks of it. */
export interface BufferHooks {
  /** Gives the turn that a batch waits for. */
  readonly clock: Clock;
  /** Frames were lost. */
  onCount(): void;
  /** With `overflow: "fail"`: the first frame of a session did not fit. */
  onOverflow(epoch: number): void;
  /** The reader wants no more: what was buffered counts as discarded. */
  onCancel(): void;
}

/**
 * A batch does not wait for its turn any longer when so much is there: it would gain nothing, and under a flood Deno and Bun do not get to the next
 * turn (Deno 2.9.5: 150,000 of 200,000 frames of 200 bytes fell out of a ring of 16,384 meanwhile).
 */
const BATCH_FRAMES = 1_024;
const BATCH_BYTES = 1_048_576;

/** Frames that may gather behind that of a waiting reader while they come at every round of promise callbacks. */
const GATHERED_FRAMES = 16;

/** Waiting readers that are woken at once after one in front of which nothing gathered. */
const EAGER_FRAMES = 64;

const settled = /* @__PURE__ */ Promise.resolve();

/** The recv half: a ring with a writer that never waits and one reader at a time. */
export class DropOldestBuffer {
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
  /** Whether a frame that does not fit ends the session. */
  readonly fails: boolean;
  readonly #hooks: BufferHooks;
  readonly #ring: FrameRing;
  #failedEpoch = 0;
  #taken = 0;
  #end: { readonly error: unknown } | undefined;
  #cancelled = false;
  /** Whether one of the two is so: the one question for each frame. */
  #shut = false;
  #stream: ReadableStream<DeliveredFrame> | undefined;
  #controller: ReadableStreamDefaultController<DeliveredFrame> | undefined;
  #streamOver = false;
  /** Whether the stream was read and had nothing: the next frame goes into it. */
  #wanted = false;
  /** Whether the stream's own queue may hold a frame: spares a look at it for each frame. */
  #left = false;
  /** Reads of quick readers that wait in the stream: nobody may overtake them. */
  #asked = 0;
  /** The direct form in use. The stream's lock lets in one. */
  #reading: Reading<unknown> | undefined;
  /** Settles the answer that a reader waits for, frame by frame. */
  #waiter: Settle<DeliveredFrame> | undefined;
  /** The frame that it gets: it is woken a moment later. */
  #held: DeliveredFrame | undefined;
  /** How many readers are to be woken at once. */
  #eager = 0;
  /** Somebody collects a batch: called after a frame with which the ring holds so many frames, or so many bytes. */
  #collector: (() => void) | undefined;
  #alarmFrames = Infinity;
  #alarmBytes = Infinity;

  /** Makes an empty one. */
  constructor(bounds: BufferBounds, hooks: BufferHooks) {
    this.#hooks = hooks;
    this.fails = bounds.overflow === "fail";
    this.#ring = new FrameRing(bounds);
  }

  /** Data frames that came in: all that have a number, without those that the leaf dropped. */
  get received(): number {
    return this.seq - this.leafDropped;
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
    return !this.#shut;
  }

  /** A frame comes in. @returns it as it is delivered, whether or not it was kept. */
  push(frame: DataFrame, epoch: number): DeliveredFrame {
    const { type, data } = frame;
    const delivered = { type, data, epoch, seq: ++this.seq } as DeliveredFrame;
    return this.#admit(delivered, frameBytes(frame));
  }

  /** A text message comes in: as {@link push} with a frame of it. */
  pushText(data: string, epoch: number): DeliveredFrame {
    return this.#admit({ type: "text", data, epoch, seq: ++this.seq }, data.length);
  }

  /** The leaf's own buffer dropped frames at this position. */
  dropped(frames: number, bytes: number): void {
    if (frames <= 0) return;
    this.seq += frames;
    this.leafDropped += frames;
    if (this.#shut) {
      this.discarded += frames;
      return;
    }
    this.#lag(frames, bytes);
  }

  /** Nothing will come any more: what is buffered is delivered, then the reader sees the end, or the error. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#shut = true;
    this.#reading?.ended();
    this.#flush();
    this.#endStream();
  }

  /** The recv half as a stream. Made on first use. */
  get readable(): ReadableStream<DeliveredFrame> {
    if (this.#stream === undefined) {
      this.#stream = new QuickStream<DeliveredFrame>({
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#cancel(),
      }, {
        take: () => this.#takeQuickly(),
        asked: () => {
          // What the stream has is given at once, and leaves nobody waiting.
          if (this.#inStream > 0) this.#left = false;
          else this.#asked++;
        },
        leaving: () => {
          this.#flush();
          this.#asked = 0;
        },
      });
      this.#endStream();
    }
    return this.#stream;
  }

  /** Reads frame by frame. @throws {TypeError} If there is a reader already. */
  frames({ preventCancel = false }: FramesOptions = {}): AsyncIterableIterator<DeliveredFrame> {
    return this.#direct({
      coming: () => false,
      take: () => this.#waiter === undefined && this.#inStream === 0 ? this.#take() : undefined,
      hold: (settle) => {
        this.#waiter = settle;
      },
      waits: () => this.#waiter !== undefined,
      release: () => {
        this.#flush();
        const settle = this.#waiter;
        this.#waiter = undefined;
        return settle;
      },
      wrap: (frame) => frame,
    }, preventCancel);
  }

  /**
   * Reads batch by batch.
   *
   * @throws {TypeError} If there is a reader already.
   * @throws {RangeError} If `maxFrames` is not a whole number above 0.
   */
  batches(options: BatchesOptions = {}): AsyncIterableIterator<readonly DeliveredFrame[]> {
    const { maxFrames = Infinity, preventCancel = false } = options;
    if (maxFrames !== Infinity && !(Number.isSafeInteger(maxFrames) && maxFrames > 0)) {
      throw new RangeError(`Cannot read batches: maxFrames (${maxFrames}) must be a whole number`);
    }
    return this.#direct(this.#collect(maxFrames), preventCancel);
  }

  /** A batch is what there is one turn after its first frame. */
  #collect(maxFrames: number): Taker<readonly DeliveredFrame[]> {
    type Batch = readonly DeliveredFrame[];
    const ring = this.#ring;
    // A turn cannot be cancelled: only the one that was asked for last counts.
    let turns = 0;
    let waiter: Settle<Batch> | undefined;
    const batch = (): Batch => {
      const frames = ring.take(maxFrames);
      this.#taken += frames.length;
      return frames;
    };
    const full = () => ring.length >= BATCH_FRAMES || ring.bytes >= BATCH_BYTES;
    const alarm = (collector: (() => void) | undefined, frames: number, bytes: number) => {
      this.#collector = collector;
      this.#alarmFrames = frames;
      this.#alarmBytes = bytes;
    };
    const release = () => {
      const settle = waiter;
      waiter = undefined;
      alarm(undefined, Infinity, Infinity);
      turns++;
      return settle;
    };
    const answer = () => {
      const settle = release()!;
      settle({ value: batch(), done: false });
    };
    const collect = () => {
      alarm(answer, BATCH_FRAMES, BATCH_BYTES);
      const mine = turns;
      this.#hooks.clock.turn(() => {
        if (mine === turns) answer();
      });
    };
    return {
      take: () => {
        if (waiter !== undefined || this.#inStream > 0) return undefined;
        return full() || this.#end !== undefined && ring.length > 0 ? batch() : undefined;
      },
      hold: (settle) => {
        waiter = settle;
        if (ring.length > 0) collect();
        else alarm(collect, 1, Infinity);
      },
      waits: () => waiter !== undefined,
      coming: () => ring.length > 0,
      release,
      wrap: (frame) => [frame],
    };
  }

  #direct<T>(taker: Taker<T>, preventCancel: boolean): AsyncIterableIterator<T> {
    const reading = directReading(this.#source(), taker, { preventCancel });
    this.#reading = reading;
    // What an earlier reader asked for and did not wait for is nobody's any more.
    this.#wanted = false;
    return reading;
  }

  #source(): Source {
    return {
      stream: this.readable,
      inStream: () => this.#inStream > 0,
      end: () => this.#end,
      cancelled: () => this.#cancelled,
      taken: () => {
        this.#left = false;
      },
      done: () => {
        this.#reading = undefined;
        this.#endStream();
      },
    };
  }

  /** Frames in the stream's own queue: the one that came for a reader which had gone when another had the lock and did not read yet. */
  get #inStream(): number {
    if (!this.#left) return 0;
    const frames = Math.max(0, -(this.#controller!.desiredSize ?? 0));
    if (frames === 0) this.#left = false;
    return frames;
  }

  #admit(delivered: DeliveredFrame, bytes: number): DeliveredFrame {
    if (this.#shut) {
      this.discarded++;
      return delivered;
    }
    if (this.fails && this.#failed(delivered, bytes)) return delivered;
    if (this.#waiter !== undefined && this.#held === undefined) {
      this.#taken++;
      if (this.#eager === 0) {
        this.#held = delivered;
        void this.#gather();
      } else {
        this.#eager--;
        this.#give(delivered);
      }
      return delivered;
    }
    if (this.#wanted && this.#answer(delivered)) return delivered;
    this.#ring.push(delivered, bytes);
    if (this.#ring.over) this.#drop();
    const { length: frames, bytes: held } = this.#ring;
    if (frames >= this.#alarmFrames || held >= this.#alarmBytes) this.#collector!();
    return delivered;
  }

  /**
   * Wakes the reader that waits, once no more frames come. Deno looks at promise callbacks after each message, so that the reader would be woken for
   * each, which costs more than all else here. So this waits as long as each round of callbacks brings a frame, {@link GATHERED_FRAMES} at most. Where
   * rounds bring none (no flood, or Bun) it is two rounds, and not tried again for a while.
   */
  async #gather(): Promise<void> {
    const ring = this.#ring;
    let seen: number;
    do {
      seen = ring.length;
      await settled;
      await settled;
    } while (ring.length > seen && seen < GATHERED_FRAMES);
    if (ring.length === 0) this.#eager = EAGER_FRAMES;
    // It may have been settled meanwhile, by the end or because it was left.
    this.#flush();
  }

  /** Gives the reader that waits the frame that was set aside for it. */
  #give(frame: DeliveredFrame): void {
    const settle = this.#waiter;
    this.#waiter = this.#held = undefined;
    if (settle !== undefined) return settle({ value: frame, done: false });
    this.#asked--;
    this.#controller!.enqueue(frame);
  }

  /** Gives it now, as what comes next leaves nobody to give it to. */
  #flush(): void {
    if (this.#held !== undefined) this.#give(this.#held);
  }

  #failed({ epoch }: DeliveredFrame, bytes: number): boolean {
    const first = this.#failedEpoch !== epoch;
    if (first && this.#ring.fits(bytes)) return false;
    this.#failedEpoch = epoch;
    this.#lag(1, bytes);
    if (first) this.#hooks.onOverflow(epoch);
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
    this.#hooks.onCount();
  }

  /** Gives a frame to the read that the stream asked for, unless the reader has gone meanwhile. @returns whether it did. */
  #answer(frame: DeliveredFrame): boolean {
    this.#wanted = false;
    if (!this.#stream!.locked) return false;
    this.#taken++;
    if (this.#asked === 1 && this.#eager === 0) {
      this.#held = frame;
      void this.#gather();
      return true;
    }
    if (this.#eager > 0) this.#eager--;
    const asked = this.#asked > 0;
    if (asked) this.#asked--;
    this.#controller!.enqueue(frame);
    // Nothing is left where a read waits; of pipes and iterators, whose reads are not seen, the stream knows now, and not after a cancel.
    this.#left = !asked && (this.#controller!.desiredSize ?? 0) < 0;
    return true;
  }

  #takeQuickly(): DeliveredFrame | undefined {
    if (this.#asked > 0 || this.#inStream > 0) return undefined;
    const frame = this.#take();
    if (this.#end !== undefined) this.#endStream();
    return frame;
  }

  #take(): DeliveredFrame | undefined {
    const frame = this.#ring.shift();
    if (frame !== undefined) this.#taken++;
    return frame;
  }

  /** The stream is read and has nothing. It asks again, for each read, once this one has been answered. */
  #pull(): void {
    this.#left = false;
    // A second read came while the frame of the first was set aside.
    if (this.#held !== undefined) return this.#flush();
    const frame = this.#take();
    if (frame !== undefined && this.#asked > 0) this.#asked--;
    if (frame === undefined) {
      if (this.#end === undefined) this.#wanted = true;
      else this.#endStream();
      return;
    }
    this.#controller!.enqueue(frame);
    this.#endStream();
  }

  /** Ends the stream, if there is one, nothing comes any more, and all that came was read. */
  #endStream(): void {
    if (this.#end === undefined || this.#ring.length > 0) return;
    if (this.#controller === undefined || this.#streamOver) return;
    this.#wanted = false;
    // A frame that a released reader left is still there to be read when the stream closes, but would be lost with an error.
    const { error } = this.#end;
    if (error !== undefined && this.#inStream > 0) return;
    this.#streamOver = true;
    this.#asked = 0;
    try {
      if (error === undefined) this.#controller.close();
      else this.#controller.error(error);
    } catch {
      // Deno 2.9.5 and Node 24, 26 fail within when two reads of one of their iterators wait. The actor calls, and has to go on.
    }
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#shut = true;
    this.#streamOver = true;
    this.#wanted = false;
    this.#asked = 0;
    // The stream has emptied its queue by now: what the last look at it saw must do.
    const unread = this.#left ? 1 : 0;
    this.#left = false;
    this.#taken -= unread;
    this.discarded += unread + this.#ring.length;
    this.#ring.clear();
    this.#reading?.settle();
    this.#hooks.onCancel();
  }
}
