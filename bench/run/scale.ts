/**
 * How many messages make a run of a given time.
 *
 * @module
 */

/** Runs before the rounds, at most: by then engines have compiled what they will. */
const MOST_RUNS = 10;

/**
 * Runs until a run is about as long as it should be. One run is not enough to know: it is the first of its process, several times slower than those
 * to come, and how much slower is not the same for everybody. Who is given less than others would be cold for longer, and pay more for the beginning of
 * each run.
 *
 * @param first Messages of the first run.
 * @param runMs How long a run should be.
 * @param run Runs so many messages. It resolves to how many a millisecond there were.
 * @returns How many messages a run has.
 */
export async function scaledCount(
  first: number,
  runMs: number,
  run: (count: number) => Promise<number>,
): Promise<number> {
  let count = first;
  for (let i = 0; i < MOST_RUNS; i++) {
    const perMs = await run(count);
    if (count / perMs > 0.8 * runMs && count / perMs < 1.2 * runMs) break;
    count = Math.max(200, Math.round(perMs * runMs));
  }
  return count;
}
