/**
 * Counting in a sliding window, as a venue does.
 *
 * @module
 */

/** A log of amounts. */
export class SlidingWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #entries: { readonly atMs: number; readonly amount: number }[] = [];
  /** The highest sum that there ever was. */
  highest = 0;

  /** Allows `limit` within any `windowMs`. */
  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Adds an amount. @returns whether the sum is within the limit. */
  add(amount = 1, atMs: number = performance.now()): boolean {
    while (this.#entries[0] !== undefined && this.#entries[0].atMs <= atMs - this.#windowMs) {
      this.#entries.shift();
    }
    this.#entries.push({ atMs, amount });
    const sum = this.#entries.reduce((total, entry) => total + entry.amount, 0);
    this.highest = Math.max(this.highest, sum);
    return sum <= this.#limit;
  }
}
