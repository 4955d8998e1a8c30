/**
 * Timers that can all be given back together.
 *
 * @module
 */

/** The timers of one simulator or of one connection. */
export class Timers {
  readonly #cancels: Set<() => void> = new Set();

  /** Calls back every `ms`. @returns what stops it. */
  every(ms: number, callback: () => void): () => void {
    const timer = setInterval(callback, ms);
    return this.#keep(() => clearInterval(timer));
  }

  /** Calls back once after `ms`. @returns what cancels it. */
  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(() => {
      this.#cancels.delete(cancel);
      callback();
    }, ms);
    const cancel = this.#keep(() => clearTimeout(timer));
    return cancel;
  }

  /** Cancels all of them. */
  clear(): void {
    for (const cancel of [...this.#cancels]) cancel();
  }

  #keep(stop: () => void): () => void {
    const cancel = () => {
      this.#cancels.delete(cancel);
      stop();
    };
    this.#cancels.add(cancel);
    return cancel;
  }
}
