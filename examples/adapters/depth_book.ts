/**
 * A book of Binance spot out of a snapshot and diffs, by the venue's rules (web-socket-streams.md, text of 2025-11-12).
 *
 * @module
 */

/** Prices and quantities as the venue spells them. */
export type Levels = readonly (readonly [price: string, quantity: string])[];

/** A diff of one symbol: updates `U` to `u`. */
export interface DepthDiff {
  readonly s: string;
  readonly U: number;
  readonly u: number;
  readonly b: Levels;
  readonly a: Levels;
}

/** One book. It is right while {@link live}, up to update {@link id}. */
export class DepthBook {
  readonly bids: Map<string, string> = new Map();
  readonly asks: Map<string, string> = new Map();
  id = 0;
  live = false;
  #waiting: DepthDiff[] = [];

  /** Takes a diff. @returns whether the book misses something before it. */
  diff(depth: DepthDiff): boolean {
    if (!this.live) {
      this.#waiting.push(depth);
      if (this.#waiting.length > 10_000) this.#waiting.shift(); // shows as a gap, which is the truth
      return false;
    }
    if (depth.u <= this.id) return false;
    if (depth.U > this.id + 1) {
      this.invalidate();
      this.#waiting.push(depth);
      return true;
    }
    put(this.bids, depth.b);
    put(this.asks, depth.a);
    this.id = depth.u;
    return false;
  }

  /** Takes a snapshot and what has waited for it. @returns whether another one is needed: this one was too old. */
  snapshot(id: number, bids: Levels, asks: Levels): boolean {
    const waited = this.#waiting.filter(({ u }) => u > id);
    if (waited[0] !== undefined && waited[0].U > id + 1) return true;
    this.#waiting = [];
    [this.bids, this.asks].forEach((side) => side.clear());
    put(this.bids, bids);
    put(this.asks, asks);
    this.id = id;
    this.live = true;
    return waited.some((depth) => this.diff(depth));
  }

  /** Forgets what it was: only a snapshot makes it right again. */
  invalidate(): void {
    this.live = false;
    this.#waiting = [];
  }
}

function put(side: Map<string, string>, levels: Levels): void {
  for (const [price, quantity] of levels) {
    if (Number(quantity) === 0) side.delete(price);
    else side.set(price, quantity);
  }
}
