/**
 * Seeds that failed once. They are lived again with every run of the tests.
 *
 * @module
 */

/** A seed, and what was wrong when it failed. */
export interface Regression {
  readonly seed: number;
  readonly was: string;
}

/** Oldest first. A seed stays after its plan has changed: it costs a few milliseconds. */
export const REGRESSIONS: readonly Regression[] = [];
