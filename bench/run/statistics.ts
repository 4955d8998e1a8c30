/**
 * The few statistics of the report.
 *
 * @module
 */

/** A figure from several rounds. */
export interface Spread {
  /** The median. */
  readonly median: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
  /** How many rounds. */
  readonly rounds: number;
}

/**
 * The value below which a share of all values lies, between neighbours by proportion.
 *
 * @throws {RangeError} If there is none.
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("Cannot take a quantile of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

/** The median. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median and quartiles. */
export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    rounds: values.length,
  };
}

/**
 * The ratio of two candidates that were measured in the same rounds: round by round, so that what slows the machine down for a while slows both.
 *
 * @throws {RangeError} If they were not measured equally often.
 */
export function pairedRatio(values: readonly number[], control: readonly number[]): Spread {
  if (values.length !== control.length) {
    throw new RangeError(`Cannot pair ${values.length} rounds with ${control.length}`);
  }
  return spread(values.map((value, round) => value / control[round]!));
}

/** Whether who has this ratio to another is ahead of it beyond what rounds differ by, or behind, or neither. */
export function standing({ low, high }: Spread): "ahead" | "even" | "behind" {
  if (low > 1) return "ahead";
  return high < 1 ? "behind" : "even";
}

/**
 * The order in which candidates are measured in a round: who is first moves on by one, and the others follow from both sides in turns (after 0 come 1 and
 * the last, 2 and the last but one), so that nobody always comes after the same one and has what that leaves behind: a socket that is still closing,
 * a processor that is warm. That is E. J. Williams' design of 1949: of an even number each comes after each other equally often.
 */
export function rotated<T>(candidates: readonly T[], round: number): T[] {
  const count = candidates.length;
  return candidates.map((_, place) => {
    const step = place % 2 === 1 ? (place + 1) / 2 : count - place / 2;
    return candidates[(round + step) % count]!;
  });
}
