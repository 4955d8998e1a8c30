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
export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 22,
    was:
      "the attempt budget counted reservations, and slow credentials brought dials together again",
  },
  { seed: 227, was: "the outbox looked at a full socket in every turn, and turns never ended" },
  { seed: 1_420, was: "frames dropped by the leaf after the end were counted, and not published" },
];
