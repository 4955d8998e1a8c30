/**
 * The usage seam: what an application holds.
 *
 * @module
 */
import type { Data, DeliveredFrame } from "./frame.ts";
import type { LifecycleSnapshot, Watch } from "./lifecycle.ts";

/** How to shut down. */
export interface ShutdownOptions {
  /** Close code: 1000 or 3000 to 4999. @default {1000} */
  readonly code?: number;
  /** Close reason, at most 123 bytes in UTF-8. @default {""} */
  readonly reason?: string;
  /** How long to wait for the server's close frame, in milliseconds. @default {shutdownTimeoutMs, 2,000} */
  readonly timeoutMs?: number;
}

/** The few things that can be asked of a connection. The methods are bound: each can be handed out alone. */
export interface ConnectionControl {
  /**
   * Drops the session and dials again, without backoff, but neither before a server's hint nor beyond the attempt budget. Calls coalesce; after the
   * end it does nothing.
   */
  forceReconnect(): void;
  /** The adapter says that the session is good: backoff and all counts of failures in a row start anew. */
  markHealthy(): void;
  /**
   * Ends the connection. Resolves when the socket has ended or the bound is over; never waits for a reader.
   *
   * @throws {RangeError} If code, reason or bound are out of range.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** How to send one frame. */
export interface SendOptions {
  /** Withdraws the frame while it waits. */
  readonly signal?: AbortSignal;
  /** Whether the frame may wait for a later session; one on which the send layers of two sessions failed is refused. @default {false} */
  readonly hold?: boolean;
}

/** How to read frame by frame. */
export interface FramesOptions {
  /** Whether leaving the loop keeps the connection. @default {false} */
  readonly preventCancel?: boolean;
}

/** How to read batch by batch. */
export interface BatchesOptions extends FramesOptions {
  /** Most frames in one batch. @default {as many as there are} */
  readonly maxFrames?: number;
}

/**
 * Counts of one connection at one moment. They balance: `received + leafDropped` is always
 * `delivered + totalLagged + buffered + totalDiscarded`.
 */
export interface ConnectionStats {
  /** Data frames that entered the buffer, after the recv layers. */
  readonly received: number;
  /** Data frames that the leaf's own buffer dropped. */
  readonly leafDropped: number;
  /** Data frames given to the reader. */
  readonly delivered: number;
  /** Data frames in the buffer. */
  readonly buffered: number;
  /** What they hold, in bytes. */
  readonly bufferedBytes: number;
  /** Data frames dropped, by the buffer or the leaf's own. */
  readonly totalLagged: number;
  /** Data frames that nobody wants any more. */
  readonly totalDiscarded: number;
  /** Frames handed to a socket. */
  readonly sent: number;
  /** Frames that wait to be sent. */
  readonly waiting: number;
  /** What they hold, in bytes. */
  readonly waitingBytes: number;
  /** Abandoned sockets whose end the platform has not reported yet. */
  readonly zombies: number;
  /** Round trip of the last answered protocol ping, in milliseconds, where pongs are seen. */
  readonly roundTripMs: number | undefined;
}

/** A connection that holds: one feed over as many sessions as it takes. */
export interface ReconnectingConnection extends AsyncIterable<DeliveredFrame>, AsyncDisposable {
  /** Resolves at the first healthy session; rejects when the connection ends before. An ignored rejection harms nobody. */
  readonly ready: Promise<void>;
  /** Where the connection stands. */
  readonly lifecycle: Watch<LifecycleSnapshot>;
  /** The recv half: the frames of all sessions, in order. Cancelling shuts down. */
  readonly readable: ReadableStream<DeliveredFrame>;
  /** The send half: holds what it is given across sessions, with backpressure. Closing flushes, then shuts down. */
  readonly writable: WritableStream<Data>;
  /** The frames, one by one. `for await (const frame of connection)` is the same with the defaults. */
  frames(options?: FramesOptions): AsyncIterableIterator<DeliveredFrame>;
  /** The frames, as many at a time as there are. */
  batches(options?: BatchesOptions): AsyncIterableIterator<readonly DeliveredFrame[]>;
  /**
   * Sends one frame in the session of now, and in no other unless `hold` says so.
   *
   * @returns a promise that resolves when the frame was handed to the open socket; which is not yet delivery.
   * @throws {TransportError} `not_connected`, `stale_session` (whose `cause` says why the session ended), `queue_full`, `closed`, `unrecoverable`, `exhausted`; with `hold` also `layer_failed`.
   * @throws {TypeError} If the payload cannot be sent.
   * @throws The signal's reason, when that aborts.
   */
  send(data: Data, options?: SendOptions): Promise<void>;
  /** What can be asked of the connection. */
  readonly control: ConnectionControl;
  /** Counts. */
  stats(): ConnectionStats;
}
