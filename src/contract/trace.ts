/**
 * Ordered edges of a connection's life, for logs, metrics and traces.
 *
 * @module
 */
import type { SessionEnd } from "./connection.ts";
import type { TransportError } from "./errors.ts";

/** What happened, without its time. No event holds a header, a payload, or the query or user of a url. */
export type TraceFact =
  | { readonly type: "dial"; readonly attempt: number; readonly url: string }
  | {
    readonly type: "failure";
    readonly stage: "auth" | "dial" | "start" | "session";
    readonly verdict: "transient" | "permanent";
    readonly error: TransportError;
    readonly inARow: number;
  }
  | { readonly type: "open"; readonly epoch: number; readonly protocol: string }
  | { readonly type: "start"; readonly epoch: number }
  | { readonly type: "stale" | "alive" | "probe"; readonly epoch: number }
  | { readonly type: "stable"; readonly epoch: number }
  | {
    readonly type: "down";
    readonly epoch: number;
    readonly end: SessionEnd;
    /** First frame of the session, or one more than `lastSeq` when it had none. */
    readonly firstSeq: number;
    readonly lastSeq: number;
  }
  | { readonly type: "retry"; readonly delayMs: number; readonly hintMs: number }
  | { readonly type: "lag"; readonly totalLagged: number; readonly totalLaggedBytes: number }
  | { readonly type: "config"; readonly message: string }
  | { readonly type: "unrecoverable" | "exhausted"; readonly error: TransportError }
  | { readonly type: "end"; readonly zombies: number };

/** What happened, and when. */
export type TraceEvent = TraceFact & {
  /** `clock.now()` of the event, in milliseconds. */
  readonly atMs: number;
};

/**
 * Takes trace events, in order and synchronously. What it throws is contained; what it does not keep is lost. It must be quick: it runs
 * inside the actor.
 */
export interface Tracer {
  /** Takes one event. */
  event(event: TraceEvent): void;
}
