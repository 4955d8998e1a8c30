/**
 * The least of RFC 6455 that a server for benchmarks needs: the answer to an upgrade, unmasked frames written beforehand, and a walk over a
 * client's frames that counts them without looking inside.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The 101 for a request head, or `undefined` if it asks for something else. */
export function acceptance(head: string): string | undefined {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1];
  if (key === undefined) return undefined;
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** One frame of a server. */
export function serverFrame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(head + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = head === 2 ? length : head === 4 ? 126 : 127;
  if (head === 4) view.setUint16(2, length);
  if (head === 10) view.setBigUint64(2, BigInt(length));
  frame.set(payload, head);
  return frame;
}

/** What a walk over a client's bytes tells. */
export interface ClientFrames {
  /** A data frame is complete. */
  data(): void;
  /** A close frame is complete. */
  close(): void;
  /** A ping is complete; its masked payload is not looked at. */
  ping?(): void;
  /** A pong is complete. */
  pong?(): void;
}

/** Counts a client's frames; payloads are stepped over. */
export class ClientWalk {
  readonly #events: ClientFrames;
  readonly #head = new Uint8Array(14);
  #headLength = 0;
  #left = 0;
  #opcode = 0;

  /** Makes one at the first byte behind the request head. */
  constructor(events: ClientFrames) {
    this.#events = events;
  }

  /** Takes bytes in any slicing. */
  push(chunk: Uint8Array): void {
    let at = 0;
    const end = chunk.length;
    while (at < end) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#done();
        continue;
      }
      // The common case: a whole head in the chunk.
      if (this.#headLength === 0 && end - at >= 14) {
        const [opcode, short] = [chunk[at]! & 0x0f, chunk[at + 1]! & 0x7f];
        let length = short;
        let head = 6;
        if (short === 126) {
          length = (chunk[at + 2]! << 8) | chunk[at + 3]!;
          head = 8;
        } else if (short === 127) {
          length = (chunk[at + 6]! * 0x100_0000) + (chunk[at + 7]! << 16) + (chunk[at + 8]! << 8) +
            chunk[at + 9]!;
          head = 14;
        }
        this.#opcode = opcode;
        at += head;
        this.#left = length;
        if (length === 0) this.#done();
        continue;
      }
      this.#head[this.#headLength++] = chunk[at++]!;
      if (this.#headLength < 2) continue;
      const short = this.#head[1]! & 0x7f;
      const need = short < 126 ? 6 : short === 126 ? 8 : 14;
      if (this.#headLength < need) continue;
      const view = new DataView(this.#head.buffer);
      this.#left = short < 126 ? short : short === 126 ? view.getUint16(2) : view.getUint32(6);
      this.#opcode = this.#head[0]! & 0x0f;
      this.#headLength = 0;
      if (this.#left === 0) this.#done();
    }
  }

  #done(): void {
    if (this.#opcode === 8) this.#events.close();
    else if (this.#opcode === 9) this.#events.ping?.();
    else if (this.#opcode === 10) this.#events.pong?.();
    else this.#events.data();
  }
}
