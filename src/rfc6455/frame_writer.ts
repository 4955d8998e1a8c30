/**
 * Frames to bytes. Every frame is masked with a key of its own, drawn from the randomness that the caller passes in, which must be
 * cryptographic (section 5.3: unpredictable to whoever chooses the payload). Messages go out in one frame each.
 *
 * Frames are laid one after another in a slab and leave together, so that a burst costs one write to the socket. Bytes that were
 * taken are not touched again, as transports may keep them until the network had them; unless {@link FrameWriter.reuse} says that they do not.
 *
 * @module
 */
import { closePayload } from "./close_payload.ts";
import type { FrameExtension } from "./extension.ts";
import { maskInPlace } from "./mask.ts";
import { MAX_CONTROL_BYTES, OPCODE } from "./rules.ts";
import { type TextCodec, webText } from "./text_codec.ts";

/** Fills the bytes with cryptographic randomness, at most 65,536 at a time. */
export type FillRandom = (bytes: Uint8Array<ArrayBuffer>) => void;

/** What a writer may be told. */
export interface FrameWriterOptions {
  /** Where the masking keys come from. */
  readonly random: FillRandom;
  /** How to encode text. @default {webText()} */
  readonly text?: TextCodec;
  /** The negotiated extension. @default {none} */
  readonly extension?: FrameExtension;
}

/** First and largest slab: a connection that only answers pings needs little, one that sends in bursts gets much. */
const FIRST_SLAB_BYTES = 2_048;
const SLAB_BYTES = 65_536;
const KEY_BYTES = 4_096;
/** Two bytes of opcode and length, eight of extended length, four of key. */
const MAX_HEAD_BYTES = 14;
/** Longest character. An encoder that stops for want of room leaves less than this. */
const MAX_UNIT_BYTES = 4;
/** Up to here a loop over the characters beats the call into the platform's encoder. */
const SHORT_TEXT = 48;

const encoder = new TextEncoder();

function headBytes(length: number): number {
  return length < 126 ? 6 : length < 65_536 ? 8 : 14;
}

/** Writes the frames of one connection. */
export class FrameWriter {
  readonly #random: FillRandom;
  readonly #text: TextCodec;
  readonly #extension: FrameExtension | undefined;
  readonly #keys = new Uint8Array(KEY_BYTES);
  #keyAt = KEY_BYTES;
  #slab = new Uint8Array(0);
  #slabBytes = FIRST_SLAB_BYTES;
  #words = new Int32Array(0);
  /** Bytes of the slab before this one were taken. */
  #taken = 0;
  #at = 0;
  #full: Uint8Array<ArrayBuffer>[] = [];
  #fullBytes = 0;

  /** Makes one. */
  constructor(options: FrameWriterOptions) {
    this.#random = options.random;
    this.#text = options.text ?? webText();
    this.#extension = options.extension;
  }

  /** Bytes written and not taken yet. */
  get pendingBytes(): number {
    return this.#fullBytes + this.#at - this.#taken;
  }

  /** Writes a text message. A lone surrogate becomes U+FFFD. */
  text(data: string): void {
    if (this.#extension) return this.#extended(OPCODE.text, encoder.encode(data));
    if (data.length <= SHORT_TEXT && this.#shortText(data)) return;
    // Room for three bytes per unit is seldom needed, and would waste most of a slab on long messages.
    const least = MAX_HEAD_BYTES + data.length + MAX_UNIT_BYTES;
    if (least > SLAB_BYTES) return this.#frame(OPCODE.text, 0, encoder.encode(data));
    this.#reserve(least);
    // The length in bytes is not known yet. It is that of ASCII nearly always; else the bytes move.
    let guess = this.#at + headBytes(data.length);
    let written = this.#text.write(data, this.#slab, guess);
    const full = this.#slab.length - this.#at - MAX_HEAD_BYTES - MAX_UNIT_BYTES;
    if (written > data.length && written > full) {
      // It is not ASCII and reaches the end of the slab: there may be more of it.
      this.#reserve(MAX_HEAD_BYTES + data.length * 3);
      guess = this.#at + headBytes(data.length);
      written = this.#text.write(data, this.#slab, guess);
    }
    const start = this.#at + headBytes(written);
    if (start !== guess) this.#slab.copyWithin(start, guess, guess + written);
    this.#head(OPCODE.text, 0, written);
    maskInPlace(this.#slab, this.#words, start, start + written);
    this.#at = start + written;
  }

  /** Writes a binary message; the bytes are copied. */
  binary(data: Uint8Array<ArrayBuffer>): void {
    if (this.#extension) return this.#extended(OPCODE.binary, data);
    this.#frame(OPCODE.binary, 0, data);
  }

  /**
   * Writes a ping or pong.
   *
   * @throws {RangeError} If the payload is over 125 bytes.
   */
  control(type: "ping" | "pong", data: Uint8Array<ArrayBuffer>): void {
    if (data.length > MAX_CONTROL_BYTES) {
      throw new RangeError(`Cannot send ${type}: ${data.length} bytes, 125 at most`);
    }
    this.#frame(OPCODE[type], 0, data);
  }

  /**
   * Writes a close frame; code 1005 writes one without a code.
   *
   * @throws {RangeError} If the code may not be sent or the reason is over 123 bytes.
   */
  close(code: number, reason: string): void {
    this.#frame(OPCODE.close, 0, closePayload(code, reason));
  }

  /** Takes what was written, in order. The writer does not touch these bytes before {@link reuse}. */
  take(): Uint8Array<ArrayBuffer>[] {
    if (this.#at > this.#taken) this.#full.push(this.#slab.subarray(this.#taken, this.#at));
    this.#taken = this.#at;
    const chunks = this.#full;
    // A rest would be a piece in front of the next one, and two pieces are joined, or written one by one, by every platform. So it is not used
    // when it is small, or when a burst is on that would reach over its end again and again.
    const { length } = this.#slab;
    if (length - this.#at <= length >> 3 || chunks.length > 1) this.#taken = this.#at = length;
    this.#full = [];
    this.#fullBytes = 0;
    return chunks;
  }

  /** All bytes that were taken have been copied: their memory is used for the next frames, unless one of them was very long. */
  reuse(): void {
    if (this.#at === this.#taken && this.#slab.length <= SLAB_BYTES) this.#at = this.#taken = 0;
  }

  /** Text of a few ASCII characters, encoded and masked in one loop. @returns Whether it was that. */
  #shortText(data: string): boolean {
    const length = data.length;
    this.#reserve(6 + length);
    const slab = this.#slab;
    const before = this.#at;
    this.#head(OPCODE.text, 0, length);
    const start = this.#at;
    const key = start - 4;
    for (let i = 0; i < length; i++) {
      const unit = data.charCodeAt(i);
      if (unit > 0x7f) {
        this.#at = before;
        return false;
      }
      slab[start + i] = unit ^ slab[key + (i & 3)]!;
    }
    this.#at = start + length;
    return true;
  }

  #extended(opcode: number, data: Uint8Array<ArrayBuffer>): void {
    const { rsv, payload } = this.#extension!.encode(data);
    this.#frame(opcode, rsv, payload);
  }

  #frame(opcode: number, rsv: number, payload: Uint8Array<ArrayBuffer>): void {
    this.#reserve(headBytes(payload.length) + payload.length);
    this.#head(opcode, rsv, payload.length);
    this.#slab.set(payload, this.#at);
    maskInPlace(this.#slab, this.#words, this.#at, this.#at + payload.length);
    this.#at += payload.length;
  }

  /** Makes room for `bytes` in one piece. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    if (this.#at > this.#taken) {
      this.#full.push(this.#slab.subarray(this.#taken, this.#at));
      this.#fullBytes += this.#at - this.#taken;
    }
    this.#slab = new Uint8Array((Math.max(bytes, this.#slabBytes) + 3) & ~3);
    this.#slabBytes = Math.min(SLAB_BYTES, 2 * this.#slabBytes);
    this.#words = new Int32Array(this.#slab.buffer);
    this.#taken = this.#at = 0;
  }

  /** Writes a header with a fresh key; `#at` is the payload's place then. */
  #head(opcode: number, rsv: number, length: number): void {
    const slab = this.#slab;
    let at = this.#at;
    slab[at++] = 0x80 | rsv | opcode;
    if (length < 126) {
      slab[at++] = 0x80 | length;
    } else if (length < 65_536) {
      slab[at++] = 0xfe;
      slab[at++] = length >> 8;
      slab[at++] = length & 0xff;
    } else {
      slab[at++] = 0xff;
      const high = Math.floor(length / 0x1_0000_0000);
      for (let shift = 24; shift >= 0; shift -= 8) slab[at++] = (high >>> shift) & 0xff;
      for (let shift = 24; shift >= 0; shift -= 8) slab[at++] = (length >>> shift) & 0xff;
    }
    if (this.#keyAt === KEY_BYTES) {
      this.#random(this.#keys);
      this.#keyAt = 0;
    }
    for (let i = 0; i < 4; i++) slab[at++] = this.#keys[this.#keyAt++]!;
    this.#at = at;
  }
}
