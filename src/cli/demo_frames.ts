/**
 * As much of RFC 6455 as the embedded server needs: short unmasked frames out, masked frames in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Opcodes (section 5.2). */
export const TEXT = 1;
/** Close. */
export const CLOSE = 8;
/** Ping. */
export const PING = 9;
/** Pong. */
export const PONG = 10;

/** What a client may send in one frame; more ends the connection. */
const LONGEST_PAYLOAD = 65_535;

/** The answer to an opening request (section 4.2.2), or nothing if it is none. */
export function acceptance(head: string): string | undefined {
  const key = /^sec-websocket-key:[ \t]*(\S+)[ \t]*$/im.exec(head)?.[1];
  if (key === undefined || !/^upgrade:[ \t]*websocket[ \t]*$/im.test(head)) return undefined;
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${proof}\r\n\r\n`;
}

/** One whole frame, unmasked; at most 65,535 bytes of payload. */
export function frameOf(opcode: number, payload: string | Uint8Array): Uint8Array {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const size = body.length;
  const head = size < 126 ? [0x80 | opcode, size] : [0x80 | opcode, 126, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from(head), body]);
}

/** A close frame. */
export function closeFrameOf(code: number, reason: string): Uint8Array {
  return frameOf(
    CLOSE,
    Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
  );
}

/**
 * Takes the first frame off what was read.
 *
 * @returns it and the rest, or nothing while it is not whole.
 * @throws {RangeError} If it is too long, or not masked.
 */
export function takeFrame(
  bytes: Uint8Array,
): { opcode: number; payload: Uint8Array; rest: Uint8Array } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  if (short === 127) throw new RangeError(`A frame is longer than ${LONGEST_PAYLOAD} bytes`);
  if ((bytes[1]! & 0x80) === 0) throw new RangeError("A frame is not masked");
  const at = short === 126 ? 4 : 2;
  if (bytes.length < at) return undefined;
  const size = short === 126 ? bytes[2]! << 8 | bytes[3]! : short;
  if (bytes.length < at + 4 + size) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = bytes.slice(at + 4, at + 4 + size).map((byte, index) => byte ^ mask[index & 3]!);
  return { opcode: bytes[0]! & 0x0f, payload, rest: bytes.subarray(at + 4 + size) };
}
