/**
 * The breaker in front of a desk: closed while the feed is up or has not been down for long.
 *
 * It is the inverse of the transport's patience. The transport retries a transient loss for ever and says since when it is down; how long
 * that may take before orders stop is the risk layer's decision, and so it is made here.
 *
 * @module
 */
import type { LifecycleSnapshot } from "../../mod.ts";

/** Follows a lifecycle. */
export class Breaker {
  readonly #haltAfterMs: number;
  readonly #onChange: (closed: boolean, why: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed: boolean | undefined;

  /** Opens when the feed is down for `haltAfterMs`; `onChange` hears every change once. */
  constructor(haltAfterMs: number, onChange: (closed: boolean, why: string) => void) {
    this.#haltAfterMs = haltAfterMs;
    this.#onChange = onChange;
  }

  /** Takes the lifecycle's value. */
  watch({ up, phase, downSinceMs = 0 }: LifecycleSnapshot): void {
    clearTimeout(this.#timer);
    if (up) return this.#set(true, phase);
    const leftMs = this.#haltAfterMs - (performance.now() - downSinceMs);
    const why = `down for ${this.#haltAfterMs} ms`;
    this.#timer = setTimeout(() => this.#set(false, why), Math.max(0, leftMs));
  }

  /** Opens for good. */
  end(why: string): void {
    clearTimeout(this.#timer);
    this.#set(false, why);
  }

  #set(closed: boolean, why: string): void {
    if (this.#closed === closed) return;
    this.#closed = closed;
    this.#onChange(closed, why);
  }
}
