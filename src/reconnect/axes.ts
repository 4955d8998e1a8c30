/**
 * What the supervisor needs of both axes. The assembly hands it in, so that this folder knows neither.
 *
 * @module
 */
import type { WsConnection } from "../contract/connection.ts";
import type { TransportError } from "../contract/errors.ts";
import type { SessionStart } from "../contract/session.ts";

/** A session, as the axes see it. */
export interface AxesSession {
  /** Its number. */
  readonly epoch: number;
  /** Its socket. */
  readonly connection: WsConnection;
  /** Aborts at its end. Made when it is first asked for. */
  readonly signal: AbortSignal;
}

/** What the buffer counts. */
export interface BufferCounts {
  /** Number of the last received frame. */
  readonly seq: number;
  /** Data frames lost so far, what they held, and frames nobody wants. */
  readonly lagged: number;
  readonly laggedBytes: number;
  readonly discarded: number;
}

/** Both axes. */
export interface Axes {
  /** What the buffer has counted. */
  readonly buffer: BufferCounts;
  /** A session opened: its layers are made, and its start may send. */
  open(session: AxesSession): void;
  /** Its frames flow from now on, those first that came before: whoever waits for the first one is there by now. */
  listen(): void;
  /** What the start hook of the open session is given. */
  sessionStart(): SessionStart;
  /** The start of the session is done: everybody may send. */
  start(): void;
  /** The session is over: nothing of it flows any more. */
  release(error: TransportError): void;
  /** Nothing new is delivered or sent; `error` is what the reader sees at the end. */
  finish(error: TransportError | undefined, sendError: TransportError): void;
}
