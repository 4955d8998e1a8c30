/**
 * The faults that need a packet filter, and what is seen of them.
 *
 * @module
 */

/** A fault of the network between two processes. */
export type NetworkFault =
  | "cut both ways"
  | "cut while sending"
  | "cut from the server"
  | "cut to the server"
  | "reset by a middlebox"
  | "packet loss"
  | "throttled";

/** What a feed saw of it. */
export interface Seen {
  /** From the last frame before the fault to stale, in milliseconds; absent if it never was. */
  readonly staleAfterMs: number | undefined;
  /** From that frame to the loss of the session. */
  readonly downAfterMs: number | undefined;
  /** From the end of the fault to five new frames. */
  readonly upAfterMs: number;
  /** Sessions that were opened while the fault lasted. */
  readonly opened: number;
  /** Codes of all failures. */
  readonly failures: readonly string[];
  /** Messages that are missing within a session. */
  readonly gaps: number;
}
