/**
 * One direction of a faulty link: what is put in comes out late and in order, or not at all while the wire is held.
 *
 * @module
 */
import type { Clock } from "../contract/runtime.ts";

interface Item {
  readonly at: number;
  readonly arrive: () => void;
}

/** An ordered delay. Nothing overtakes: as with TCP, what comes after a late item is late too. */
export class FaultyWire {
  readonly #clock: Clock;
  readonly #held: () => boolean;
  #items: Item[] = [];
  #cancel: (() => void) | undefined;
  #running = false;

  /** `held` says whether anything comes out at the moment; after it changed, {@link run} is to be called. */
  constructor(clock: Clock, held: () => boolean) {
    this.#clock = clock;
    this.#held = held;
  }

  /** Things on their way. */
  get length(): number {
    return this.#items.length;
  }

  /** Puts something in that comes out `delayMs` from now at the earliest. */
  push(delayMs: number, arrive: () => void): void {
    const last = this.#items.at(-1);
    const at = Math.max(this.#clock.now() + delayMs, last === undefined ? 0 : last.at);
    this.#items.push({ at, arrive });
    this.run();
  }

  /** Lets out what is due, and waits for the next. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#cancel?.();
    this.#cancel = undefined;
    try {
      for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
        if (this.#held()) return;
        const waitMs = item.at - this.#clock.now();
        if (waitMs > 0) {
          this.#cancel = this.#clock.setTimer(() => this.run(), waitMs);
          return;
        }
        this.#items.shift();
        item.arrive();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Forgets what is on its way. */
  clear(): void {
    this.#items = [];
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
