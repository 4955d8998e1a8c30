/**
 * A watch: the last value wins, and the producer never waits. A change costs one increment; the value is built when somebody reads it, once
 * per version.
 *
 * @module
 */
import { ignored, onAbort } from "../contract/abort.ts";
import type { Watch } from "../contract/lifecycle.ts";

/** Nobody waits: shared, as most never have a waiter, and as a drop must not cost an allocation. */
const nobody: (() => void)[] = [];

/** The consumer's side: has no way to the producer's. */
class View<T> implements Watch<T> {
  readonly #source: WatchSource<T>;

  constructor(source: WatchSource<T>) {
    this.#source = source;
  }

  get value(): T {
    return this.#source.value;
  }

  get ended(): boolean {
    return this.#source.ended;
  }

  changed(since?: number, options: { signal?: AbortSignal } = {}): Promise<boolean> {
    return this.#source.changed(since, options.signal);
  }

  waitFor(predicate: (value: T) => boolean, options: { signal?: AbortSignal } = {}): Promise<T> {
    return this.#source.waitFor(predicate, options.signal);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.#source.iterate();
  }
}

/** The producer's side of a {@link Watch}. */
export class WatchSource<T> {
  /** The consumer's side. */
  readonly watch: Watch<T> = new View(this);
  readonly #build: (version: number) => T;
  #waiters: (() => void)[] = nobody;
  #version = 0;
  #built: { readonly version: number; readonly value: T } | undefined;
  #end: { readonly error: unknown } | undefined;

  /** `build` makes the value of a version; it is called at most once per version. */
  constructor(build: (version: number) => T) {
    this.#build = build;
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
    const waiters = this.#waiters;
    this.#waiters = nobody;
    for (const wake of waiters) wake();
  }

  /** The value will not change any more; `error` is what {@link Watch.waitFor} rejects with. */
  end(error: unknown): void {
    if (this.#end !== undefined) return;
    // What the value is made of may go on changing; the value does not.
    void this.value;
    this.#end = { error };
    this.notify();
  }

  /** The newest value. */
  get value(): T {
    if (this.#built?.version !== this.#version) {
      this.#built = { version: this.#version, value: this.#build(this.#version) };
    }
    return this.#built.value;
  }

  /** Whether it was the last. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** As {@link Watch.changed}. */
  changed(since: number = this.#version, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const wake = () => {
        const newer = this.#version > since;
        if (!newer && this.#end === undefined) return this.#wait(wake);
        forget();
        resolve(newer);
      };
      const forget = onAbort(signal, () => {
        this.#waiters = this.#waiters.filter((other) => other !== wake);
        reject(signal?.reason);
      });
      wake();
    });
  }

  #wait(wake: () => void): void {
    if (this.#waiters === nobody) this.#waiters = [wake];
    else this.#waiters.push(wake);
  }

  /** As {@link Watch.waitFor}. */
  async waitFor(predicate: (value: T) => boolean, signal?: AbortSignal): Promise<T> {
    for (;;) {
      const version = this.#version;
      const { value } = this;
      const fits = predicate(value);
      ignored(fits);
      if (fits) return value;
      if (!await this.changed(version, signal)) throw this.#end?.error;
    }
  }

  /** The values, with a cursor of its own. */
  iterate(): AsyncIterableIterator<T> {
    const stop = new AbortController();
    const values = this.#values(stop.signal);
    const leave = values.return.bind(values);
    // A generator alone would keep whoever leaves waiting for the next change.
    values.return = () => {
      stop.abort();
      return leave();
    };
    return values;
  }

  async *#values(stop: AbortSignal): AsyncGenerator<T, void, undefined> {
    let seen = -1;
    for (;;) {
      if (this.#version === seen && !await this.changed(seen, stop).catch(() => false)) return;
      seen = this.#version;
      yield this.value;
    }
  }
}
