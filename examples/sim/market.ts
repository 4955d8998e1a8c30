/**
 * A seeded order book that remembers its past, so that a test can ask what the book was at any update.
 *
 * @module
 */
import { seeded, seedOf } from "./random.ts";

/** Price in cents and quantity in thousandths: integers, so that both sides print the same text. */
export type Level = readonly [price: number, quantity: number];

/** One change: the ids it covers and the new quantities; zero deletes. */
export interface Diff {
  readonly first: number;
  readonly last: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** The book at one update. */
export interface BookState {
  readonly id: number;
  /** Best first. */
  readonly bids: readonly Level[];
  /** Best first. */
  readonly asks: readonly Level[];
}

/** Levels on each side that can be there. */
const DEPTH = 20;

/** A book of one symbol. */
export class MarketBook {
  /** Symbol in the venue's spelling. */
  readonly symbol: string;
  readonly #random: () => number;
  readonly #bids: Map<number, number> = new Map();
  readonly #asks: Map<number, number> = new Map();
  readonly #past: BookState[] = [];
  readonly #keep: number;
  readonly #middle: number;
  #id: number;

  /** Makes one whose life depends on the symbol alone. */
  constructor(symbol: string, keep: number) {
    this.symbol = symbol;
    this.#keep = keep;
    this.#random = seeded(seedOf(symbol));
    this.#middle = 1_000_000 + Math.floor(this.#random() * 1_000_000);
    this.#id = 1_000 + Math.floor(this.#random() * 1_000);
    for (let step = 1; step <= DEPTH; step++) {
      this.#bids.set(this.#middle - step, this.#quantity());
      this.#asks.set(this.#middle + step, this.#quantity());
    }
    this.#remember();
  }

  /** The book now. */
  get state(): BookState {
    return this.#past.at(-1)!;
  }

  /** The book some steps ago, or the oldest that is remembered. */
  ago(steps: number): BookState {
    return this.#past[Math.max(0, this.#past.length - 1 - steps)]!;
  }

  /** The book at an update, if it is remembered. */
  at(id: number): BookState | undefined {
    return this.#past.find((state) => state.id === id);
  }

  /** Changes one to four levels. */
  step(): Diff {
    const changes = 1 + Math.floor(this.#random() * 4);
    const bids = new Map<number, number>();
    const asks = new Map<number, number>();
    for (let change = 0; change < changes; change++) {
      const distance = 1 + Math.floor(this.#random() * DEPTH);
      const quantity = this.#random() < 0.2 ? 0 : this.#quantity();
      if (this.#random() < 0.5) bids.set(this.#middle - distance, quantity);
      else asks.set(this.#middle + distance, quantity);
    }
    const first = this.#id + 1;
    this.#id += changes;
    for (const [price, quantity] of bids) put(this.#bids, price, quantity);
    for (const [price, quantity] of asks) put(this.#asks, price, quantity);
    this.#remember();
    return { first, last: this.#id, bids: [...bids], asks: [...asks] };
  }

  #quantity(): number {
    return 1 + Math.floor(this.#random() * 5_000);
  }

  #remember(): void {
    this.#past.push({
      id: this.#id,
      bids: [...this.#bids].sort(([a], [b]) => b - a),
      asks: [...this.#asks].sort(([a], [b]) => a - b),
    });
    if (this.#past.length > this.#keep) this.#past.shift();
  }
}

function put(side: Map<number, number>, price: number, quantity: number): void {
  if (quantity === 0) side.delete(price);
  else side.set(price, quantity);
}
