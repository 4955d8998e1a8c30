/**
 * The one error class, its closed union of codes, and the guard that also works across two copies of this package.
 *
 * @module
 */
import type { SessionEnd } from "./connection.ts";

/** What went wrong. A code is never renamed or used for something else. */
export type TransportErrorCode =
  | "invalid_options"
  | "unsupported"
  | "connect_failed"
  | "connect_timeout"
  | "auth_failed"
  | "auth_rejected"
  | "start_failed"
  | "start_timeout"
  | "not_connected"
  | "session_lost"
  | "closed"
  | "protocol_error"
  | "layer_failed"
  | "overflow"
  | "stale_session"
  | "queue_full"
  | "send_timeout"
  | "unrecoverable"
  | "exhausted";

/** A coarse sorting of errors, for dashboards and alerts. */
export type TransportErrorKind = "timeout" | "connection" | "throttled" | "auth" | "unknown";

/** One option that breaks its rule. */
export interface OptionProblem {
  /** Where the option is: `backoff.minDelayMs`. */
  readonly path: string;
  /** What was given, shortened and without secrets. */
  readonly value: string;
  /** The rule that it breaks. */
  readonly rule: string;
}

/** The facts that an error carries beside its code. */
export interface TransportErrorFacts {
  /** What caused it: an error of ours, or what a callback or layer of the application threw, as it is and with whatever that says. */
  readonly cause?: unknown;
  /** How the session or the dial ended, as far as the platform shows it. */
  readonly end?: SessionEnd;
  /** The session that the error is about. */
  readonly epoch?: number;
  /** With `invalid_options`: every option that breaks its rule. */
  readonly problems?: readonly OptionProblem[];
}

const brand: unique symbol = Symbol.for("@holdfast/ws.TransportError") as never;

const kinds: Partial<Record<TransportErrorCode, TransportErrorKind>> = {
  connect_timeout: "timeout",
  start_timeout: "timeout",
  send_timeout: "timeout",
  connect_failed: "connection",
  not_connected: "connection",
  session_lost: "connection",
  closed: "connection",
  stale_session: "connection",
  protocol_error: "connection",
  auth_failed: "auth",
  auth_rejected: "auth",
  overflow: "throttled",
  queue_full: "throttled",
};

function kindOf(code: TransportErrorCode, facts: TransportErrorFacts): TransportErrorKind {
  const status = facts.end?.status;
  if (status === 401 || status === 403 || status === 407) return "auth";
  if (status === 429 || status === 418) return "throttled";
  return kinds[code] ?? (isTransportError(facts.cause) ? facts.cause.kind : "unknown");
}

/**
 * Every condition that a caller can handle. Wrong arguments are a `TypeError` or `RangeError` instead, thrown before any work.
 * Neither message nor fields ever hold the query or user of a url, a header, or a payload. What the application's own callbacks and layers throw is kept
 * as `cause`, untouched: `JSON.parse`, for one, quotes its input.
 *
 * @example
 * ```ts
 * import { isTransportError, TransportError } from "@holdfast/ws";
 *
 * const error = new TransportError("queue_full", "Cannot send frame: 1024 frames wait");
 * if (isTransportError(error, "queue_full")) console.log(error.kind); // throttled
 * ```
 */
export class TransportError extends Error {
  /** What went wrong. */
  readonly code: TransportErrorCode;
  /** A coarse sorting. */
  readonly kind: TransportErrorKind;
  /** How the session or dial ended, where that is what the error is about. */
  readonly end: SessionEnd | undefined;
  /** The session that the error is about. */
  readonly epoch: number | undefined;
  /** With `invalid_options`: every option that breaks its rule; otherwise empty. */
  readonly problems: readonly OptionProblem[];

  /** Makes one. */
  constructor(code: TransportErrorCode, message: string, facts: TransportErrorFacts = {}) {
    // Of the facts it takes the cause, if there is one.
    super(message, facts);
    this.name = "TransportError";
    this.code = code;
    this.kind = kindOf(code, facts);
    this.end = facts.end;
    this.epoch = facts.epoch;
    this.problems = facts.problems ?? [];
    Object.defineProperty(this, brand, { value: true });
  }
}

/** The error of a session that has to end, and why. */
export function sessionLost(
  code: TransportErrorCode,
  epoch: number,
  why: string,
  facts: TransportErrorFacts = {},
): TransportError {
  return new TransportError(code, `Session ${epoch} lost: ${why}`, { ...facts, epoch });
}

/**
 * Whether a value is a {@link TransportError}, of any copy of this package, and of the given code if one is given.
 *
 * @param error What was caught.
 * @param code The code it must have.
 */
export function isTransportError<Code extends TransportErrorCode>(
  error: unknown,
  code?: Code,
): error is TransportError & { readonly code: Code } {
  return error instanceof Error && brand in error &&
    (code === undefined || (error as unknown as TransportError).code === code);
}
