/**
 * Randomness of the simulation, with the few shapes that a plan needs. Whole numbers only: what goes through `Math.log` differs between engines.
 *
 * @module
 */
import { seededRandom } from "../../src/testing/mod.ts";

/** Draws that a seed repeats, on every engine alike. */
export class SimRandom {
  readonly #next: () => number;

  /** `stream` tells several sources of one seed apart. */
  constructor(seed: number, stream = 0) {
    this.#next = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(stream, 0x85ebca6b));
    this.#next();
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** One of them. */
  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }

  /** A duration between `least` and `most` that is short more often than long: each doubling is as likely as the next. */
  span(least: number, most: number): number {
    let doublings = 0;
    for (let size = least; size * 2 <= most; size *= 2) doublings++;
    const low = least * 2 ** this.int(0, doublings);
    return Math.min(most, this.int(low, low * 2));
  }

  /** For what takes a function. */
  readonly fraction: () => number = () => this.#next();
}
