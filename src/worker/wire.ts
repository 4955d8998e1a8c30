/**
 * Frames and failures as they cross between the threads.
 *
 * @module
 */
import { isTransportError } from "../contract/errors.ts";
import type { Frame } from "../contract/frame.ts";
import { isHandshakeError } from "../contract/handshake.ts";
import type { FromWorker, WireFrame } from "./protocol.ts";

/** A frame as it came over. */
export function receivedFrame(frame: WireFrame): Frame {
  if (typeof frame === "string") return { type: "text", data: frame };
  return frame instanceof Uint8Array ? { type: "binary", data: frame } : frame;
}

/**
 * A frame as it crosses. Bytes go over with their buffer, unless that holds more than them, or nothing: leaves may have one buffer for all empty
 * frames (npm `ws` 8.23.0 does), and it would be gone for the next.
 */
export function wireFrame(frame: Frame, transfer: ArrayBuffer[]): WireFrame {
  switch (frame.type) {
    case "text":
      return frame.data;
    case "close":
      throw new TypeError("Cannot hand over a close frame: it is an end record");
    default: {
      const { byteLength, buffer } = frame.data;
      const whole = byteLength === buffer.byteLength && byteLength > 0;
      const data = whole ? frame.data : frame.data.slice();
      transfer.push(data.buffer);
      return frame.type === "binary" ? data : { type: frame.type, data };
    }
  }
}

/** How a dial failed, without anything of the handshake that is not ours to tell. */
export function failureOf(error: unknown): FromWorker & { readonly type: "failed" } {
  if (isTransportError(error)) {
    const { code, message, end } = error;
    return { type: "failed", code, message, ...(end === undefined ? {} : { end }) };
  }
  if (isHandshakeError(error)) {
    return { type: "failed", code: "unsupported", message: error.message };
  }
  // Its message is not ours, and may say what it should not.
  const name = error instanceof Error ? error.name : typeof error;
  const message = `Cannot connect: the worker's leaf threw (${name})`;
  return { type: "failed", code: "connect_failed", message };
}
