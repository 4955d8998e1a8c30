/**
 * Frames: what travels on both axes, and the few functions that every layer needs on them.
 *
 * @module
 */

/** What can be sent: text, or bytes that no other thread can change meanwhile. */
export type Data = string | ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** A text message. */
export interface TextFrame {
  /** Tells the kinds of frame apart. */
  readonly type: "text";
  /** The message. */
  readonly data: string;
}

/** A binary message. */
export interface BinaryFrame {
  /** Tells the kinds of frame apart. */
  readonly type: "binary";
  /** The message. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The frames that an application receives. */
export type DataFrame = TextFrame | BinaryFrame;

/** The frames that belong to the protocol; the stack handles them and never delivers them. */
export type ControlFrame = {
  /** A question for life, or the answer to one. */
  readonly type: "ping" | "pong";
  /** At most 125 bytes (RFC 6455, section 5.5). */
  readonly data: Uint8Array<ArrayBuffer>;
} | {
  /** The start, or the answer, of the close handshake. */
  readonly type: "close";
  /** The close code. */
  readonly code: number;
  /** At most 123 bytes in UTF-8. */
  readonly reason: string;
};

/** One WebSocket message or control frame. */
export type Frame = DataFrame | ControlFrame;

/**
 * A data frame as the application receives it: it says which session brought it (`epoch`) and which place it has in the
 * order of all frames of this connection (`seq`: 1, 2, ...). A hole in `seq` is a loss at exactly that position.
 */
export type DeliveredFrame = DataFrame & {
  /** Number of the session that received the frame: 1, 2, ... */
  readonly epoch: number;
  /** Number of the frame over the whole life of the connection: 1, 2, ... */
  readonly seq: number;
};

/** Whether the frame is one that an application receives. */
export function isDataFrame(frame: Frame): frame is DataFrame {
  return frame.type === "text" || frame.type === "binary";
}

/**
 * What a frame costs in every bound of this library: UTF-16 length of text, byte length of binary. Text is not measured in
 * UTF-8 because that would cost a pass over each message; a string of ASCII is as long either way.
 */
export function frameBytes(frame: Frame): number {
  switch (frame.type) {
    case "text":
      return frame.data.length;
    case "close":
      return frame.reason.length + 2;
    default:
      return frame.data.byteLength;
  }
}

/**
 * Makes a frame of what an application wants to send: text is made well-formed (a lone surrogate becomes U+FFFD, on every
 * platform alike), views are taken as bytes without a copy.
 *
 * @throws {TypeError} If the value is neither a string, an `ArrayBuffer` nor a view on one. Shared memory is refused, as is a
 * `Blob`: platforms corrupt both silently.
 */
export function dataFrame(data: Data): DataFrame {
  if (typeof data === "string") return { type: "text", data: data.toWellFormed() };
  if (data instanceof ArrayBuffer) return { type: "binary", data: new Uint8Array(data) };
  if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) {
    const { buffer, byteOffset, byteLength } = data;
    return { type: "binary", data: new Uint8Array(buffer, byteOffset, byteLength) };
  }
  throw new TypeError(`Cannot send ${nameOf(data)}: only text, ArrayBuffer and views on it`);
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return `a value of type ${typeof value}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} on shared memory`;
  return value.constructor?.name ?? "an object";
}
