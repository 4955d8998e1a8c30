/**
 * Reads the frames of a client out of bytes that arrive in slices of any size. Each byte is copied
 * once, whatever the slicing, and each rule of RFC 6455 that a client breaks is told by name.
 *
 * @module
 */
import { OPCODE } from "./frames.ts";

/** What the reader tells. `data` is the reader's own copy. */
export interface FrameHandler {
  /** A frame as it came, fragments one by one. */
  frame(opcode: number, data: Uint8Array, fin: boolean): void;
  /** A broken rule; the reader then ignores all that follows. */
  violation(rule: string): void;
}

/** Longest payload it takes: 1 GiB. A longer claim is a violation, not an allocation. */
const MAX_PAYLOAD_BYTES = 1 << 30;

/** An incremental reader of masked client frames. */
export class FrameReader {
  readonly #handler: FrameHandler;
  /** The head: two bytes, up to eight of length, four of mask. */
  readonly #head: Uint8Array = new Uint8Array(14);
  #headHas = 0;
  #headNeeds = 2;
  #payload: Uint8Array | undefined;
  #payloadHas = 0;
  #broken = false;
  #fragmented = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Takes the next slice. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      if (this.#payload === undefined) {
        this.#head[this.#headHas++] = chunk[at++]!;
        if (this.#headHas === this.#headNeeds) this.#headComplete();
      } else {
        const part = chunk.subarray(at, at + this.#payload.length - this.#payloadHas);
        this.#payload.set(part, this.#payloadHas);
        this.#payloadHas += part.length;
        at += part.length;
      }
      if (this.#payload !== undefined && this.#payloadHas === this.#payload.length) this.#emit();
    }
  }

  #headComplete(): void {
    const short = this.#head[1]! & 127;
    const field = short === 127 ? 8 : short === 126 ? 2 : 0;
    const needs = 2 + field + (this.#head[1]! & 128 ? 4 : 0);
    if (this.#headHas < needs) {
      this.#headNeeds = needs;
      return;
    }
    const view = new DataView(this.#head.buffer);
    const length = field === 8
      ? Number(view.getBigUint64(2))
      : field === 2
      ? view.getUint16(2)
      : short;
    const rule = this.#ruleBroken(length, field);
    if (rule !== undefined) {
      this.#broken = true;
      this.#handler.violation(rule);
      return;
    }
    this.#payload = new Uint8Array(length);
    this.#payloadHas = 0;
  }

  #ruleBroken(length: number, field: number): string | undefined {
    const [first, second] = [this.#head[0]!, this.#head[1]!];
    const opcode = first & 15;
    const fin = (first & 128) !== 0;
    if ((second & 128) === 0) return "a client frame must be masked (5.1)";
    if ((first & 0x70) !== 0) return "a reserved bit without an extension (5.2)";
    if (field === 2 && length < 126 || field === 8 && length < 65536) {
      return "a length in more bytes than needed (5.2)";
    }
    if (length > MAX_PAYLOAD_BYTES) return "a payload above what this server takes";
    if (opcode >= 8) {
      if (opcode > OPCODE.pong) return "an opcode that is not defined (5.2)";
      if (length > 125) return "a control frame above 125 bytes (5.5)";
      if (!fin) return "a fragmented control frame (5.5)";
      return undefined;
    }
    if (opcode > OPCODE.binary) return "an opcode that is not defined (5.2)";
    if (opcode === OPCODE.continuation && !this.#fragmented) {
      return "a continuation of nothing (5.4)";
    }
    if (opcode !== OPCODE.continuation && this.#fragmented) {
      return "a new message inside a fragmented one (5.4)";
    }
    this.#fragmented = !fin;
    return undefined;
  }

  #emit(): void {
    const data = this.#payload!;
    const key = this.#headNeeds - 4;
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => this.#head[key + i]!);
    const whole = data.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      data[i]! ^= a!;
      data[i + 1]! ^= b!;
      data[i + 2]! ^= c!;
      data[i + 3]! ^= d!;
    }
    for (let i = whole; i < data.length; i++) data[i]! ^= this.#head[key + (i & 3)]!;
    const first = this.#head[0]!;
    this.#payload = undefined;
    this.#headHas = 0;
    this.#headNeeds = 2;
    this.#handler.frame(first & 15, data, (first & 128) !== 0);
  }
}
