/**
 * I5 and I6: never more than the limit in any closed window.
 *
 * @module
 */
import type { Fail, Invariant } from "./fail.ts";

/** Looks at every window, with nothing but the times of what was counted. */
export class WindowCheck {
  /** What was counted, in order. */
  readonly times: number[] = [];
  readonly #invariant: Invariant;
  readonly #limit: number;
  readonly #windowMs: number;

  /** At most `limit` in any closed window of `windowMs`. */
  constructor(invariant: Invariant, limit: number, windowMs: number) {
    this.#invariant = invariant;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** One more. */
  count(now: number, what: string, fail: Fail): void {
    this.times.push(now);
    const before = this.times.at(-1 - this.#limit);
    if (before === undefined || now - before > this.#windowMs) return;
    fail(
      this.#invariant,
      `${this.#limit + 1} ${what} within ${
        now - before
      } ms, the limit is ${this.#limit} in ${this.#windowMs} ms`,
    );
  }
}
