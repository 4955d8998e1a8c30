/**
 * The attempt budget as a seam: who counts dials.
 *
 * @module
 */
import type { Clock } from "./runtime.ts";

/** A dial's part of the budget. */
export interface AttemptReservation {
  /** The dial opened with one connection on the wire: gives the rest back. */
  opened(): void;
  /**
   * The dial is under way. Its connections reach the server some time from now on: credentials come first, and a leaf may make a second one. Until
   * the returned function is called, when it is over, it therefore counts as if it were made at this very moment.
   *
   * @returns to be called once the dial has opened or failed.
   */
  dialling(): () => void;
}

/** What goes with a reservation. */
export interface ReserveOptions {
  /** The clock of the connection that asks. */
  readonly clock: Clock;
  /** Withdraws it from the queue. */
  readonly signal: AbortSignal;
}

/** A limit on dials that several connections may share, since venues count per address. Made by `attemptBudget()`. */
export interface AttemptBudget {
  /** Dials on the wire in any window, at most. */
  readonly attempts: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /**
   * Waits, first come first served, until `cost` dials fit, and spends them.
   *
   * @throws The signal's reason, when that aborts; nothing is spent then.
   */
  reserve(cost: number, options: ReserveOptions): Promise<AttemptReservation>;
}
