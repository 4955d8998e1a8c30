/**
 * Writes WebSocket frames (RFC 6455, section 5.2), the wrong ones included: every bit of the head
 * can be set by hand, because a fault server exists to send what a good one would not.
 *
 * @module
 */

/** Opcodes of RFC 6455, section 5.2. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** How one frame departs from the plain one. */
export interface FrameOptions {
  /** The final bit. @default {true} */
  readonly fin?: boolean;
  /** The three reserved bits as a number from 0 to 7. @default {0} */
  readonly rsv?: number;
  /** Masks the payload as a client would; a server must not. @default {false} */
  readonly mask?: boolean;
  /** Length field: the shortest that fits, or one that is wider than it needs to be. */
  readonly lengthField?: "shortest" | "16 bit" | "64 bit";
  /** The length that the head claims, where it should differ from the payload's. */
  readonly claimedBytes?: number;
}

/** What `sendText` and `sendBinary` take: {@link FrameOptions} and a number of fragments. */
export interface MessageOptions extends FrameOptions {
  /** Cuts the payload into that many frames, the last one with the final bit. @default {1} */
  readonly fragments?: number;
}

const text = new TextEncoder();

/** The UTF-8 bytes of a string, or the bytes themselves. */
export function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string" ? text.encode(payload) : payload;
}

function headBytes(length: number, options: FrameOptions): number {
  const wide = options.lengthField ?? "shortest";
  const field = wide === "64 bit" || length > 0xffff
    ? 8
    : wide === "16 bit" || length > 125
    ? 2
    : 0;
  return 2 + field + (options.mask ? 4 : 0);
}

/** A fixed mask key: masked frames are then the same in every run. */
const MASK_KEY = [0x37, 0xfa, 0x21, 0x3d] as const;

/** Writes one frame into `out` at `at` and returns the offset behind it. */
export function writeFrame(
  out: Uint8Array,
  at: number,
  opcode: number,
  payload: Uint8Array,
  options: FrameOptions = {},
): number {
  const claimed = options.claimedBytes ?? payload.length;
  const head = headBytes(claimed, options);
  const field = head - 2 - (options.mask ? 4 : 0);
  out[at] = (options.fin ?? true ? 0x80 : 0) | ((options.rsv ?? 0) << 4) | opcode;
  out[at + 1] = (options.mask ? 0x80 : 0) | (field === 8 ? 127 : field === 2 ? 126 : claimed);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  if (field === 2) view.setUint16(at + 2, claimed);
  if (field === 8) view.setBigUint64(at + 2, BigInt(claimed));
  const start = at + head;
  out.set(payload, start);
  if (options.mask) {
    out.set(MASK_KEY, start - 4);
    for (let i = 0; i < payload.length; i++) out[start + i]! ^= MASK_KEY[i & 3]!;
  }
  return start + payload.length;
}

/** One frame as bytes. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  options: FrameOptions = {},
): Uint8Array {
  const bytes = bytesOf(payload);
  const out = new Uint8Array(
    headBytes(options.claimedBytes ?? bytes.length, options) + bytes.length,
  );
  writeFrame(out, 0, opcode, bytes, options);
  return out;
}

/** The bytes that {@link frame} would need for a payload of that length. */
export function frameBytes(payloadBytes: number): number {
  return headBytes(payloadBytes, {}) + payloadBytes;
}

/** One message as bytes, in as many fragments as asked for. */
export function message(
  opcode: number,
  payload: string | Uint8Array,
  options: MessageOptions = {},
): Uint8Array {
  const bytes = bytesOf(payload);
  const { fragments = 1, ...rest } = options;
  if (fragments <= 1) return frame(opcode, bytes, rest);
  const size = Math.ceil(bytes.length / fragments);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < fragments; i++) {
    parts.push(
      frame(i === 0 ? opcode : OPCODE.continuation, bytes.subarray(i * size, (i + 1) * size), {
        ...rest,
        fin: i === fragments - 1,
        rsv: i === 0 ? rest.rsv ?? 0 : 0,
      }),
    );
  }
  return joined(parts);
}

/** A Close frame. Without a code its payload is empty, which the receiver reports as 1005. */
export function closeFrame(code?: number, reason = ""): Uint8Array {
  if (code === undefined) return frame(OPCODE.close);
  const tail = text.encode(reason);
  const body = new Uint8Array(2 + tail.length);
  new DataView(body.buffer).setUint16(0, code);
  body.set(tail, 2);
  return frame(OPCODE.close, body);
}

/** Several pieces of bytes as one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
