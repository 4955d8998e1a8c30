/**
 * Tokens in a sliding window, exactly: a token comes back `windowMs` after it was spent, and not before.
 *
 * A classic refill bucket of 5 per second lets 9 or 10 through within one second, and venues ban for that. Here no closed window of
 * `windowMs` ever holds more than `limit` spends: the log of spends is kept, `limit` numbers long.
 *
 * @module
 */

/** What a window allows. */
export interface WindowLimits {
  /** Spends within any closed window, at most. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** Least time between two spends. @default {0} */
  readonly spacingMs?: number;
}

/** A sliding log of spends. */
export class TokenWindow {
  readonly #limits: WindowLimits;
  /** Times of the last spends, oldest first. */
  readonly #spent: number[] = [];

  /** Makes one with all tokens there. */
  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** How long until `cost` tokens can be spent, in milliseconds; 0 is now. A whole number, so that a timer of it is not early. */
  waitMs(now: number, cost = 1): number {
    const { limit, windowMs, spacingMs = 0 } = this.#limits;
    const last = this.#spent.at(-1);
    const spaced = last === undefined ? 0 : last + spacingMs - now;
    // The spend that must have left the window. Closed at both ends: exactly `windowMs` later it is still inside.
    const oldest = this.#spent.length + cost > limit
      ? this.#spent[this.#spent.length + cost - limit - 1]
      : undefined;
    const back = oldest === undefined ? 0 : oldest + windowMs - now;
    const freed = oldest === undefined || back < 0 ? 0 : Math.floor(back) + 1;
    return Math.max(freed, spaced <= 0 ? 0 : Math.ceil(spaced));
  }

  /** Spends `cost` tokens; only when {@link waitMs} is 0. */
  spend(now: number, cost = 1): void {
    for (let i = 0; i < cost; i++) this.#spent.push(now);
    const { limit } = this.#limits;
    if (this.#spent.length > limit) this.#spent.splice(0, this.#spent.length - limit);
  }

  /** Takes back `count` of the spends of that time. */
  refund(time: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.#spent.lastIndexOf(time);
      if (at < 0) return;
      this.#spent.splice(at, 1);
    }
  }
}
