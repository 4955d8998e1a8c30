/**
 * A watch: the last value wins, and the producer never waits. A change costs one increment; the value is built when somebody reads it, once
 * per version.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { Watch } from "../contract/lifecycle.ts";

/** The producer's side of a {@link Watch}. */
export class WatchSource<T> {
  /** The consumer's side. */
  readonly watch: Watch<T>;
  readonly #build: (version: number) => T;
  readonly #waiters: Set<() => void> = new Set();
  #version = 0;
  #built: { readonly version: number; readonly value: T } | undefined;
  #end: { readonly error: unknown } | undefined;

  /** `build` makes the value of a version; it is called at most once per version. */
  constructor(build: (version: number) => T) {
    this.#build = build;
    // deno-lint-ignore no-this-alias -- the watch is another object with getters of its own
    const source = this;
    this.watch = {
      get value(): T {
        return source.#value();
      },
      get ended(): boolean {
        return source.#end !== undefined;
      },
      changed: (since = source.#version, options = {}) => source.#changed(since, options.signal),
      waitFor: (predicate, options = {}) => source.#waitFor(predicate, options.signal),
      [Symbol.asyncIterator]: () => source.#iterate(),
    };
  }

  /** The value has changed. */
  bump(): void {
    this.advance();
    this.notify();
  }

  /** The value has changed, and whoever waits hears of it at the next {@link notify}. */
  advance(): void {
    if (this.#end !== undefined) return;
    this.#version++;
  }

  /** Wakes whoever waits. */
  notify(): void {
    this.#wake();
  }

  /** The value will not change any more; `error` is what {@link Watch.waitFor} rejects with. */
  end(error: unknown): void {
    if (this.#end !== undefined) return;
    // What the value is made of may go on changing; the value does not.
    this.#value();
    this.#end = { error };
    this.#wake();
  }

  #value(): T {
    if (this.#built?.version !== this.#version) {
      this.#built = { version: this.#version, value: this.#build(this.#version) };
    }
    return this.#built.value;
  }

  #wake(): void {
    if (this.#waiters.size === 0) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  #changed(since: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#version > since) return Promise.resolve(true);
    if (this.#end !== undefined) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const wake = () => {
        const newer = this.#version > since;
        if (!newer && this.#end === undefined) return void this.#waiters.add(wake);
        forget();
        resolve(newer);
      };
      const forget = onAbort(signal, () => {
        this.#waiters.delete(wake);
        reject(signal?.reason);
      });
      this.#waiters.add(wake);
    });
  }

  async #waitFor(predicate: (value: T) => boolean, signal: AbortSignal | undefined): Promise<T> {
    for (;;) {
      const version = this.#version;
      const value = this.#value();
      if (predicate(value)) return value;
      if (!await this.#changed(version, signal)) throw this.#end?.error;
    }
  }

  #iterate(): AsyncIterableIterator<T> {
    const stop = new AbortController();
    const values = this.#values(stop.signal);
    const iterator: AsyncIterableIterator<T> = {
      next: () => values.next(),
      // A generator alone would keep whoever leaves waiting for the next change.
      return: () => {
        stop.abort();
        return values.return();
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async *#values(stop: AbortSignal): AsyncGenerator<T, void, undefined> {
    let seen = -1;
    for (;;) {
      if (this.#version === seen && !await this.#changed(seen, stop).catch(() => false)) return;
      seen = this.#version;
      yield this.#value();
    }
  }
}
