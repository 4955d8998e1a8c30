/**
 * Randomness that a seed repeats.
 *
 * @module
 */

/**
 * A generator of numbers in [0, 1): mulberry32, which is enough for tests and the same on every engine. Not for secrets.
 *
 * @param seed A whole number.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
