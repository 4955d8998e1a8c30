/**
 * Bytes to frames, in any slicing. `rules.ts` has the rules; this is the parser.
 *
 * ```text
 *   between frames --whole text frames in the chunk--> one decode for the run   (the fast path)
 *        |
 *        +--header--> inside a frame --payload complete--> message complete? -> frame out
 *                          |                                     no -> between frames, message kept
 *                          +--chunk used up--> waits
 * ```
 *
 * Text of whole frames that lie one after another in a chunk is decoded in one call: the header bytes between them are blanked in
 * place, and the messages cut out of the one string. That costs 35 to 75 ns per frame of 52 to 200 bytes, a call for each 135 to
 * 180 ns (bench/rfc6455.bench.ts, 2026-11-25). But engines keep the whole string alive for a piece of it, so a run ends after {@link RUN_BYTES}: a
 * kept message pins at most that much. `batch: false` gives every message a string of its own.
 *
 * Binary payloads are copied out of the chunk, so the caller may use it again and a kept message pins nothing.
 *
 * @module
 */
import type { Frame } from "../contract/frame.ts";
import { readClose } from "./close_payload.ts";
import type { FrameExtension } from "./extension.ts";
import { Payload } from "./payload.ts";
import { type FailureCode, MAX_CONTROL_BYTES, OPCODE, type ProtocolFailure } from "./rules.ts";
import { type TextCodec, webText } from "./text_codec.ts";

/** Longest run of text frames decoded by one call, in bytes. */
export const RUN_BYTES = 4096;

/** Most frames in one run: at two bytes of header each, no run of {@link RUN_BYTES} holds more. */
const RUN_FRAMES = RUN_BYTES / 2;

/** What a reader may be told. */
export interface FrameReaderOptions {
  /** Longest message accepted, in bytes. */
  readonly maxMessageBytes: number;
  /** Whether to decode runs of text frames in one call. @default {true} */
  readonly batch?: boolean;
  /** Whether a text message is put out as its string, without a frame around it. @default {false} */
  readonly bareText?: boolean;
  /** How to decode text. @default {webText()} */
  readonly text?: TextCodec;
  /** The negotiated extension. @default {none} */
  readonly extension?: FrameExtension;
}

/** Reads the frames of one connection. */
export class FrameReader {
  readonly #max: number;
  readonly #batch: boolean;
  readonly #bareText: boolean;
  readonly #text: TextCodec;
  readonly #extension: FrameExtension | undefined;
  /** The message that fragments or slices are put together in. */
  readonly #message: Payload = new Payload();
  /** A control frame in the middle of which a chunk ended. */
  readonly #control = new Payload();
  /** Header bytes at the end of a chunk, not yet a whole header. */
  readonly #head = new Uint8Array(10);
  #headLength = 0;
  /** Opcode of the message in progress, or -1: what a continuation would continue. */
  #messageOpcode = -1;
  #messageRsv = 0;
  /** Opcode of the frame inside of which we are, or -1. */
  #opcode = -1;
  #fin = false;
  /** Payload bytes of that frame that have not come yet. */
  #left = 0;
  #failure: ProtocolFailure | undefined;
  #closed = false;
  /** Where the messages of the present run begin and end. */
  readonly #starts = new Int32Array(RUN_FRAMES);
  readonly #ends = new Int32Array(RUN_FRAMES);

  /** Makes one. */
  constructor(options: FrameReaderOptions) {
    this.#max = options.maxMessageBytes;
    this.#batch = options.batch ?? true;
    this.#bareText = options.bareText ?? false;
    this.#text = options.text ?? webText();
    this.#extension = options.extension;
  }

  /** Why the connection must be failed; `undefined` while all is well. Frames put out before are good. */
  get failure(): ProtocolFailure | undefined {
    return this.#failure;
  }

  /** Whether a close frame was read: nothing follows it. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Reads frames out of a chunk.
   *
   * @param chunk Bytes; owned by the reader during the call, which may write into them.
   * @param out Where frames are put, at the end.
   * @param budget Most frames put out by this call; at least 1.
   * @returns How many bytes were used. Less than all only when the budget was: give the rest again.
   */
  read(chunk: Uint8Array<ArrayBuffer>, out: (Frame | string)[], budget: number): number {
    const end = chunk.length;
    const full = out.length + budget;
    let at = 0;
    while (at < end && out.length < full) {
      if (this.#failure !== undefined || this.#closed) return end;
      if (this.#opcode >= 0) {
        at = this.#readPayload(chunk, at, out);
        continue;
      }
      if (this.#headLength === 0 && this.#messageOpcode < 0 && chunk[at] === 0x81) {
        const next = this.#readRun(chunk, at, out, full - out.length);
        if (next > at) {
          at = next;
          continue;
        }
      }
      at = this.#readHead(chunk, at, out);
    }
    return this.#failure !== undefined || this.#closed ? end : at;
  }

  /** The fast path: unfragmented text frames that lie in the chunk as a whole. @returns Where they end. */
  #readRun(
    chunk: Uint8Array<ArrayBuffer>,
    from: number,
    out: (Frame | string)[],
    room: number,
  ): number {
    const [starts, ends] = [this.#starts, this.#ends];
    const most = this.#batch ? Math.min(room, RUN_FRAMES) : 1;
    const limit = Math.min(chunk.length, from + RUN_BYTES);
    let count = 0;
    let at = from;
    while (count < most && at + 1 < chunk.length && chunk[at] === 0x81) {
      let length = chunk[at + 1]!;
      let start = at + 2;
      if (length === 126) {
        if (at + 3 >= chunk.length) break;
        length = (chunk[at + 2]! << 8) | chunk[at + 3]!;
        if (length < 126) break;
        start = at + 4;
      } else if (length > 126) break;
      const stop = start + length;
      if (stop > (count === 0 ? chunk.length : limit) || length > this.#max) break;
      starts[count] = start;
      ends[count] = stop;
      if (count > 0) {
        // Blanks keep the run valid UTF-8 exactly if each message is: no character reaches across a space.
        chunk[at] = chunk[at + 1] = 0x20;
        if (start - at === 4) chunk[at + 2] = chunk[at + 3] = 0x20;
      }
      count++;
      at = stop;
    }
    if (count === 0) return from;
    const base = starts[0]!;
    const bare = this.#bareText;
    const run = count === 1 ? undefined : this.#text.ascii(chunk, base, at);
    for (let i = 0; i < count; i++) {
      const start = starts[i]!;
      const stop = ends[i]!;
      const data = run !== undefined
        ? run.substring(start - base, stop - base)
        : this.#text.utf8(chunk, start, stop);
      if (data === undefined) {
        this.#fail(1007, "text is not UTF-8");
        return chunk.length;
      }
      out.push(bare ? data : { type: "text", data });
    }
    return at;
  }

  /** One header, possibly begun in an earlier chunk. @returns Where it ends. */
  #readHead(chunk: Uint8Array<ArrayBuffer>, from: number, out: (Frame | string)[]): number {
    const head = this.#head;
    let at = from;
    let need = this.#headNeeds();
    while (this.#headLength < need) {
      if (at === chunk.length) return at;
      head[this.#headLength++] = chunk[at++]!;
      if (this.#headLength <= 2 && !this.#checkHead()) return chunk.length;
      need = this.#headNeeds();
    }
    this.#headLength = 0;
    const length = this.#lengthOf();
    if (length < 0) return chunk.length;
    this.#begin(length, out);
    return at;
  }

  /** How long the header is, as far as its bytes tell. */
  #headNeeds(): number {
    if (this.#headLength < 2) return 2;
    const length = this.#head[1]!;
    return length < 126 ? 2 : length === 126 ? 4 : 10;
  }

  /** Judges the first byte, or the second, as soon as it is there. @returns Whether to go on. */
  #checkHead(): boolean {
    const first = this.#head[0]!;
    const opcode = first & 0x0f;
    const fin = (first & 0x80) !== 0;
    const control = opcode >= 0x8;
    if (this.#headLength === 1) {
      const known = control ? opcode <= OPCODE.pong : opcode <= OPCODE.binary;
      if (!known) return this.#fail(1002, `opcode ${opcode} is reserved`);
      const starts = opcode === OPCODE.text || opcode === OPCODE.binary;
      const allowed = starts ? this.#extension?.rsv ?? 0 : 0;
      if ((first & 0x70 & ~allowed) !== 0) return this.#fail(1002, "reserved bit is set");
      if (control && !fin) return this.#fail(1002, "control frame is fragmented");
      if (opcode === OPCODE.continuation && this.#messageOpcode < 0) {
        return this.#fail(1002, "continuation of no message");
      }
      if (starts && this.#messageOpcode >= 0) {
        return this.#fail(1002, "message begins within another");
      }
      return true;
    }
    const second = this.#head[1]!;
    if ((second & 0x80) !== 0) return this.#fail(1002, "frame of the server is masked");
    if (control && second > MAX_CONTROL_BYTES) {
      return this.#fail(1002, "control frame is over 125 bytes");
    }
    return true;
  }

  /** The payload length that the whole header states, or -1 after a failure. */
  #lengthOf(): number {
    const head = this.#head;
    const short = head[1]!;
    if (short < 126) return short;
    if (short === 126) {
      const length = (head[2]! << 8) | head[3]!;
      if (length >= 126) return length;
    } else {
      const high = ((head[2]! << 24) | (head[3]! << 16) | (head[4]! << 8) | head[5]!) >>> 0;
      const low = ((head[6]! << 24) | (head[7]! << 16) | (head[8]! << 8) | head[9]!) >>> 0;
      if (high >= 0x8000_0000) {
        this.#fail(1002, "length has its top bit set");
        return -1;
      }
      const length = high * 0x1_0000_0000 + low;
      if (length >= 0x1_0000) return length;
    }
    this.#fail(1002, "length is not minimal");
    return -1;
  }

  /** Enters the frame whose header is complete. */
  #begin(length: number, out: (Frame | string)[]): void {
    const first = this.#head[0]!;
    const opcode = first & 0x0f;
    this.#fin = (first & 0x80) !== 0;
    if (opcode < 0x8) {
      if (opcode !== OPCODE.continuation) {
        this.#messageOpcode = opcode;
        this.#messageRsv = first & 0x70;
      }
      if (this.#message.length + length > this.#max) {
        this.#fail(1009, `message is over ${this.#max} bytes`);
        return;
      }
    }
    this.#opcode = opcode;
    this.#left = length;
    if (length === 0) this.#finish(out);
  }

  /** Payload of the frame that we are in. @returns Where what was used ends. */
  #readPayload(chunk: Uint8Array<ArrayBuffer>, from: number, out: (Frame | string)[]): number {
    const stop = Math.min(chunk.length, from + this.#left);
    if (this.#whole(stop - from)) {
      this.#finishWhole(chunk, from, stop, out);
      return stop;
    }
    const into = this.#opcode >= 0x8 ? this.#control : this.#message;
    into.append(chunk, from, stop, this.#left);
    this.#left -= stop - from;
    if (this.#left === 0) this.#finish(out);
    return stop;
  }

  /** Whether the next so many bytes of the chunk are a whole message of one frame, which needs not be put together. */
  #whole(bytes: number): boolean {
    return bytes === this.#left && this.#fin && this.#opcode === this.#messageOpcode &&
      this.#messageRsv === 0 && this.#message.length === 0;
  }

  #finishWhole(
    chunk: Uint8Array<ArrayBuffer>,
    from: number,
    stop: number,
    out: (Frame | string)[],
  ): void {
    const opcode = this.#opcode;
    this.#opcode = this.#messageOpcode = -1;
    this.#left = 0;
    if (opcode === OPCODE.binary) out.push({ type: "binary", data: chunk.slice(from, stop) });
    else this.#putText(this.#text.utf8(chunk, from, stop), out);
  }

  #putText(data: string | undefined, out: (Frame | string)[]): void {
    if (data === undefined) this.#fail(1007, "text is not UTF-8");
    else out.push(this.#bareText ? data : { type: "text", data });
  }

  /** The frame is complete. */
  #finish(out: (Frame | string)[]): void {
    const opcode = this.#opcode;
    this.#opcode = -1;
    if (opcode >= 0x8) this.#finishControl(opcode, out);
    else if (this.#fin) this.#finishMessage(out);
  }

  #finishControl(opcode: number, out: (Frame | string)[]): void {
    const data = this.#control.take();
    if (opcode !== OPCODE.close) {
      out.push({ type: opcode === OPCODE.ping ? "ping" : "pong", data });
      return;
    }
    const close = readClose(data, this.#text);
    if (!("type" in close)) {
      this.#failure = close;
      return;
    }
    this.#closed = true;
    out.push(close);
  }

  #finishMessage(out: (Frame | string)[]): void {
    const [opcode, rsv, message] = [this.#messageOpcode, this.#messageRsv, this.#message];
    this.#messageOpcode = -1;
    if (rsv !== 0) {
      const plain = this.#extension!.decode(rsv, message.take(), this.#max);
      if (plain === "too_big" || (typeof plain !== "string" && plain.length > this.#max)) {
        this.#fail(1009, `message is over ${this.#max} bytes`);
        return;
      }
      if (plain === "invalid") {
        this.#fail(1002, "extension data is malformed");
        return;
      }
      message.append(plain, 0, plain.length, plain.length);
    }
    if (opcode === OPCODE.binary) {
      out.push({ type: "binary", data: message.take() });
      return;
    }
    const data = this.#text.utf8(message.bytes, 0, message.length);
    message.clear();
    this.#putText(data, out);
  }

  #fail(code: FailureCode, reason: string): false {
    this.#failure = { code, reason };
    this.#message.clear();
    return false;
  }
}
