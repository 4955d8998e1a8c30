/**
 * The verdict on a failure: worth another try, or not.
 *
 * @module
 */
import type { SessionEnd } from "./connection.ts";
import type { TransportError } from "./errors.ts";

/** What failed. */
export interface Failure {
  /** Where: `auth` failed, the dial did (its deadline included, whatever it was that took too long), `onSession`, or later in the session. */
  readonly stage: "auth" | "dial" | "start" | "session";
  /** What went wrong. */
  readonly error: TransportError;
  /** How the socket ended, where it came to that. */
  readonly end?: SessionEnd;
  /** How many failures of this kind came in a row since the last stable session, this one included. */
  readonly inARow: number;
}

/** What to do about it. */
export interface Verdict {
  /** `transient`: retried for ever. `permanent`: retried `permanentRetries` times with fresh credentials, then unrecoverable. */
  readonly verdict: "transient" | "permanent";
  /** The next dial does not come earlier than this, in milliseconds. @default {Retry-After, where the platform shows it, else 0} */
  readonly minDelayMs?: number;
}

/** Judges failures. Refine {@link defaultClassify} by delegation. */
export type Classify = (failure: Failure) => Verdict;

/** Close codes that say that one of both sides broke the protocol: the same frame would break the next session too. */
const poison: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009, 1010]);

/** Whether a failure is of the kind that counts towards "five in a row". */
export function isPoison(failure: Pick<Failure, "error" | "end" | "stage">): boolean {
  return failure.error.code === "layer_failed" ||
    (failure.stage === "session" || failure.stage === "start") &&
      failure.end !== undefined && poison.has(failure.end.code);
}

/**
 * The default verdict. Permanent is only what trying again cannot mend: refused credentials (`auth_rejected`, HTTP 401, 403, 407 where
 * visible), a request that the platform itself refuses (`unsupported`, a constructor that throws), and five sessions in a row that broke the
 * protocol. Close 1008 is transient: Binance closes with it for rate limits.
 *
 * @example
 * ```ts
 * import { type Classify, defaultClassify } from "@holdfast/ws";
 *
 * const classify: Classify = (failure) =>
 *   failure.end?.code === 4001 ? { verdict: "permanent" } : defaultClassify(failure);
 * console.log(typeof classify);
 * ```
 */
export const defaultClassify: Classify = (failure: Failure): Verdict => {
  const { error, end } = failure;
  const hint = end?.retryAfterMs === undefined ? {} : { minDelayMs: end.retryAfterMs };
  const refused = end?.status === 401 || end?.status === 403 || end?.status === 407;
  const impossible = error.code === "auth_rejected" || error.code === "unsupported" ||
    error.code === "invalid_options";
  const permanent = isPoison(failure) && failure.inARow >= 5 || refused || impossible;
  return { verdict: permanent ? "permanent" : "transient", ...hint };
};
