/**
 * The payload of a close frame (sections 5.5.1 and 7.4).
 *
 * @module
 */
import { isWireCloseCode, type ProtocolFailure } from "./rules.ts";
import type { TextCodec } from "./text_codec.ts";

/** The close frame of a server, read. */
export interface CloseFrame {
  /** Tells the kinds of frame apart. */
  readonly type: "close";
  /** The code; 1005 if the frame had none (section 7.1.5). */
  readonly code: number;
  /** The reason, or the empty string. */
  readonly reason: string;
}

/** Reads a close payload, or says why the connection must be failed. */
export function readClose(
  payload: Uint8Array<ArrayBuffer>,
  text: TextCodec,
): CloseFrame | ProtocolFailure {
  if (payload.length === 0) return { type: "close", code: 1005, reason: "" };
  if (payload.length === 1) return { code: 1002, reason: "close payload of one byte" };
  const code = (payload[0]! << 8) | payload[1]!;
  if (!isWireCloseCode(code)) {
    return { code: 1002, reason: `close code ${code} may not be sent` };
  }
  const reason = text.utf8(payload, 2, payload.length);
  if (reason === undefined) return { code: 1007, reason: "close reason is not UTF-8" };
  return { type: "close", code, reason };
}

const encoder = new TextEncoder();

/**
 * Writes a close payload. 1005 writes the empty one: that code says "no code" and never appears on the wire.
 *
 * @throws {RangeError} If the code may not be sent or the reason is over 123 bytes.
 */
export function closePayload(code: number, reason: string): Uint8Array<ArrayBuffer> {
  if (code === 1005) return new Uint8Array(0);
  if (!isWireCloseCode(code)) throw new RangeError(`Cannot send close code ${code}`);
  const bytes = encoder.encode(reason);
  if (bytes.length > 123) {
    throw new RangeError(`Cannot send close reason: ${bytes.length} bytes, 123 at most`);
  }
  const payload = new Uint8Array(2 + bytes.length);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  payload.set(bytes, 2);
  return payload;
}
