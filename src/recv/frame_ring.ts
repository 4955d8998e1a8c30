/**
 * The ring that holds received frames: it grows to its bounds, and beyond them the oldest frame goes.
 *
 * Rules:
 * - `maxFrames` and `maxBytes`, whichever trips first; the newest frame is never dropped, so one frame above `maxBytes` stays, alone.
 * - `push` never fails and costs no allocation once the ring has grown.
 *
 * @module
 */
import { type DeliveredFrame, type Frame, frameBytes } from "../contract/frame.ts";

/** What a ring may hold. */
export interface RingBounds {
  /** Frames, at most; 1 or more. */
  readonly maxFrames: number;
  /** Bytes, at most; a single frame may exceed it. */
  readonly maxBytes: number;
}

/** Slots of a ring that has had a frame. It doubles as it fills; a connection that is idle has none. */
const FIRST_SLOTS = 16;

/** A bounded queue of frames, oldest first. */
export class FrameRing<F extends Frame = DeliveredFrame> {
  /** Frames held. */
  length = 0;
  /** Bytes held. */
  bytes = 0;
  readonly #bounds: RingBounds;
  #slots: (F | undefined)[] = [];
  #head = 0;

  /** Makes an empty one. */
  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  /** Whether a frame of so many bytes fits without a drop. */
  fits(bytes: number): boolean {
    return this.length === 0 ||
      this.length < this.#bounds.maxFrames && this.bytes + bytes <= this.#bounds.maxBytes;
  }

  /** Adds the newest frame. The bounds may be exceeded then: see {@link over}. */
  push(frame: F, bytes: number = frameBytes(frame)): void {
    if (this.length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.length) & (this.#slots.length - 1)] = frame;
    this.length++;
    this.bytes += bytes;
  }

  /** Whether the oldest frame must go. */
  get over(): boolean {
    return this.length > this.#bounds.maxFrames ||
      this.bytes > this.#bounds.maxBytes && this.length > 1;
  }

  /** Takes the oldest frame. */
  shift(): F | undefined {
    if (this.length === 0) return undefined;
    const frame = this.#slots[this.#head]!;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.length--;
    // What an earlier owner has transferred to another thread meanwhile has no bytes any more: nothing holds nothing.
    this.bytes = this.length === 0 ? 0 : this.bytes - frameBytes(frame);
    return frame;
  }

  /** Takes the oldest frames, `most` at most. */
  take(most: number): F[] {
    const count = Math.min(most, this.length);
    const slots = this.#slots;
    const mask = slots.length - 1;
    const head = this.#head;
    const end = head + count;
    let frames: F[];
    if (end <= slots.length) {
      frames = slots.slice(head, end) as F[];
      slots.fill(undefined, head, end);
    } else {
      frames = (slots.slice(head) as F[]).concat(slots.slice(0, end & mask) as F[]);
      slots.fill(undefined, head);
      slots.fill(undefined, 0, end & mask);
    }
    this.length -= count;
    // The common case is all of them: then there is nothing to add up, and the next ones lie in one piece.
    if (this.length === 0) {
      this.#head = this.bytes = 0;
      return frames;
    }
    this.#head = end & mask;
    for (const frame of frames) this.bytes -= frameBytes(frame);
    return frames;
  }

  /** Lets go of everything, the memory included. */
  clear(): void {
    this.#slots = [];
    this.#head = this.length = this.bytes = 0;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<F | undefined>(Math.max(FIRST_SLOTS, old.length * 2)).fill(undefined);
    for (let i = 0; i < this.length; i++) slots[i] = old[(this.#head + i) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
