/**
 * One raw session over one socket, as a leaf gives it.
 *
 * @module
 */
import type { Frame } from "./frame.ts";
import type { SessionEvent } from "./session.ts";

/** How a session, or a dial, ended: one record, the same on every platform. */
export interface SessionEnd {
  /** The close code. 1006 whenever there was no close frame; 1005 for a close frame without a code. */
  readonly code: number;
  /** The reason that came with the close frame. */
  readonly reason: string;
  /** Whether a close frame of the server was seen. What the platform calls clean is not evidence: Deno says it of a close that a dead peer never answered. */
  readonly clean: boolean;
  /** Who ended it. A dial that fails is `handshake`; `network`, where the leaf can tell that there was no connection to begin with (`tcp()`). */
  readonly origin: "server" | "local" | "network" | "protocol" | "handshake";
  /** The HTTP status of a failed handshake, where the platform shows it. */
  readonly status?: number;
  /** What the server asked for in `Retry-After`, in milliseconds, where the platform shows it. */
  readonly retryAfterMs?: number;
}

/** Takes a session's frames synchronously, without a stream in between. */
export interface FrameSink {
  /** A frame arrived. */
  frame(frame: Frame): void;
  /**
   * A text message arrived: as `frame({ type: "text", data })`, without an object that nobody keeps. Not every sink has it; a leaf that has the
   * bare message may look.
   */
  text?(data: string): void;
  /** The leaf itself dropped frames at this position (only leaves with a buffer of their own do). */
  dropped(frames: number, bytes: number): void;
  /** The leaf's own heartbeat noticed something (only leaves with one of their own do). */
  report?(event: SessionEvent): void;
  /** The session ended; nothing follows. */
  end(end: SessionEnd): void;
}

/**
 * One opened socket. It has a life of one session, and neither reconnects nor buffers: that is what the stack above adds.
 */
export interface WsConnection {
  /** The negotiated subprotocol, or the empty string. */
  readonly protocol: string;
  /** Bytes handed over and not yet taken by the operating system, as far as the platform tells. */
  readonly bufferedAmount: number;
  /** Resolves once, when the socket ended; never rejects. After {@link abandon} that may take as long as the platform likes. */
  readonly closed: Promise<SessionEnd>;
  /** The recv half. It ends when the session ends and never errors. Made on first use; excludes {@link attach}. */
  readonly readable: ReadableStream<Frame>;
  /** The send half. Made on first use. */
  readonly writable: WritableStream<Frame>;
  /** The synchronous path: frames go to `sink` from within the socket's own event. Frames that came before are delivered first. */
  attach?(sink: FrameSink): void;
  /**
   * Hands a frame to the socket.
   *
   * @throws {TransportError} `not_connected`, if the socket is not open any more; `unsupported`, for a ping where there is none.
   * @throws {TypeError} If the payload cannot be sent.
   */
  send(frame: Frame): void;
  /**
   * Starts the close handshake.
   *
   * @param code 1000 or 3000 to 4999. @default {1000}
   * @param reason At most 123 bytes in UTF-8. @default {""}
   */
  close(code?: number, reason?: string): void;
  /** Lets go of the socket at once: terminates it where the platform can, else closes and forgets it. Nothing is delivered afterwards. */
  abandon(): void;
}

/**
 * Checks what an application wants to close with; platforms differ in what they let through.
 *
 * @throws {RangeError} If the code is neither 1000 nor within 3000 to 4999, or the reason is over 123 bytes in UTF-8.
 */
export function checkClose(code: number, reason: string): void {
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    throw new RangeError(`Cannot close with code ${code}: only 1000 and 3000 to 4999 are ours`);
  }
  const bytes = new TextEncoder().encode(reason).length;
  if (bytes > 123) throw new RangeError(`Cannot close: reason has ${bytes} bytes, 123 at most`);
}
