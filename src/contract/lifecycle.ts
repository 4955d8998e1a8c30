/**
 * The lifecycle: levels and running totals, so that an observer who slept through anything derives what happened by subtraction.
 *
 * @module
 */
import type { TransportError } from "./errors.ts";

/** Where the connection stands. `connected`, `resumed` are up; `closed` and `unrecoverable` are final. */
export type Phase =
  | "connecting"
  | "connected"
  | "stale"
  | "reconnecting"
  | "resumed"
  | "closed"
  | "unrecoverable";

/** The state of a connection at one moment. Every number but `downSinceMs` only grows. */
export interface LifecycleSnapshot {
  /** Where the connection stands. */
  readonly phase: Phase;
  /** Whether there is a session that was heard from and whose start is done: phase `connected` or `resumed`. */
  readonly up: boolean;
  /** Sessions opened so far: 0 before the first. */
  readonly epoch: number;
  /** Dials started so far. */
  readonly attempts: number;
  /** How often a session went stale so far. */
  readonly stales: number;
  /** Data frames that the buffer (or the leaf's own) dropped so far. */
  readonly totalLagged: number;
  /** What these frames held, in bytes. */
  readonly totalLaggedBytes: number;
  /** Data frames that nobody wants any more so far: buffered at a cancel, or received during the close handshake. */
  readonly totalDiscarded: number;
  /** Since when the connection is not up (`clock.now()`), or `undefined` while it is. */
  readonly downSinceMs: number | undefined;
  /** Whether the connection gave up by its own limit (`maxAttempts`, `readyTimeoutMs`). The phase stays; the watch ends. */
  readonly exhausted: boolean;
  /** Why it is down, or why it ended. */
  readonly error: TransportError | undefined;
  /** Grows with every change. */
  readonly version: number;
}

/**
 * A value that changes, of which only the last counts. The producer never waits for a consumer, and a slow consumer sees fewer values,
 * never late ones.
 */
export interface Watch<T> extends AsyncIterable<T> {
  /** The value now. */
  readonly value: T;
  /** Whether it will not change any more. */
  readonly ended: boolean;
  /**
   * Waits for a change.
   *
   * @param sinceVersion The version that is known already. @default {the version now}
   * @returns `true` when there is a newer value, `false` when the watch ended with nothing newer.
   * @throws The signal's reason, when that aborts.
   */
  changed(sinceVersion?: number, options?: { signal?: AbortSignal }): Promise<boolean>;
  /**
   * Waits for a value.
   *
   * @returns the first value that fits, which may be the one of now.
   * @throws {TransportError} The terminal error, when the watch ends before.
   * @throws The signal's reason, when that aborts.
   */
  waitFor(predicate: (value: T) => boolean, options?: { signal?: AbortSignal }): Promise<T>;
}
