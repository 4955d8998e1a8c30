/**
 * A level2 book in the venue's spelling.
 *
 * @module
 */
import { seeded, seedOf } from "./random.ts";

/** One line of `updates`. */
export interface CoinbaseUpdate {
  readonly side: "bid" | "offer";
  readonly event_time: string;
  readonly price_level: string;
  readonly new_quantity: string;
}

/** The book of one product. */
export class CoinbaseBook {
  readonly #random: () => number;
  /** Keys are side and price: `bid 68900.00`. */
  readonly #levels: Map<string, string> = new Map();
  readonly #perSide: number;

  /** Makes one with so many levels. */
  constructor(product: string, levels: number) {
    this.#random = seeded(seedOf(product));
    this.#perSide = Math.ceil(levels / 2);
    for (let at = 1; at <= levels; at++) {
      const side = at % 2 === 0 ? "bid" : "offer";
      this.#levels.set(`${side} ${this.#price(side, Math.ceil(at / 2))}`, this.#quantity());
    }
  }

  /** Side and price to quantity. */
  get levels(): ReadonlyMap<string, string> {
    return this.#levels;
  }

  /** All of it, as a snapshot lists it. */
  snapshot(): CoinbaseUpdate[] {
    return [...this.#levels].map(([key, quantity]) =>
      update(key, quantity, "1970-01-01T00:00:00Z")
    );
  }

  /** Changes one or two levels. */
  step(now: string): CoinbaseUpdate[] {
    return Array.from({ length: this.#random() < 0.5 ? 1 : 2 }, () => {
      const side = this.#random() < 0.5 ? "bid" : "offer";
      const distance = 1 + Math.floor(this.#random() * this.#perSide);
      const quantity = this.#random() < 0.2 ? "0" : this.#quantity();
      const key = `${side} ${this.#price(side, distance)}`;
      if (quantity === "0") this.#levels.delete(key);
      else this.#levels.set(key, quantity);
      return update(key, quantity, now);
    });
  }

  #price(side: "bid" | "offer", distance: number): string {
    return ((6_890_050 + (side === "bid" ? -distance : distance)) / 100).toFixed(2);
  }

  #quantity(): string {
    return (0.00000001 + this.#random() * 5).toFixed(8);
  }
}

function update(key: string, quantity: string, time: string): CoinbaseUpdate {
  const [side, price] = key.split(" ") as ["bid" | "offer", string];
  return { side, event_time: time, price_level: price, new_quantity: quantity };
}
