/**
 * I13: every delay lies between its bounds, hints are kept, counts start anew only after a stable session, and no dial comes early.
 *
 * @module
 */
import type { TraceEvent } from "../../../mod.ts";
import type { Fail } from "./fail.ts";

/** What the delays of one connection must keep to. */
export interface BackoffLimits {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly multiplier: number;
  readonly stableAfterMs: number | undefined;
  readonly renewAfterMs: number | undefined;
}

/** Follows the trace of one connection with a model of its own. */
export class BackoffCheck {
  readonly #limits: BackoffLimits;
  readonly #firstDelay: (place: number) => void;
  #failures = 0;
  #lastDelayMs = 0;
  /** No dial before. */
  #retryAt = 0;
  #notBefore = 0;
  #upSince: number | undefined;
  #startedAt = 0;
  #attached = false;
  #forced = false;

  /** `firstDelay` is told where in its range each first delay lies. */
  constructor(limits: BackoffLimits, firstDelay: (place: number) => void) {
    this.#limits = limits;
    this.#firstDelay = firstDelay;
  }

  /** No dial is due before this time because of a hint. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** The application called `forceReconnect`. */
  forced(): void {
    this.#forced = true;
  }

  /** The application called `markHealthy`, and nothing else waits to be handled. */
  markedHealthy(): void {
    if (this.#attached) this.#forgive();
  }

  /** One event of the trace. */
  follow(event: TraceEvent, fail: Fail): void {
    const now = event.atMs;
    switch (event.type) {
      case "failure":
        this.#failures++;
        return;
      case "retry":
        return this.#retry(event.delayMs, event.hintMs, now, fail);
      case "dial":
        return this.#dial(now, fail);
      case "open":
        this.#attached = true;
        return;
      case "start":
        this.#startedAt = now;
        this.#upSince = now;
        return;
      case "alive":
        this.#upSince = now;
        return;
      case "stale":
        this.#upSince = undefined;
        return;
      case "stable":
        return this.#stable(now, fail);
      case "down":
        this.#attached = false;
        this.#upSince = undefined;
        return;
      default:
        return;
    }
  }

  #forgive(): void {
    this.#failures = 0;
    this.#lastDelayMs = 0;
  }

  #retry(delayMs: number, hintMs: number, now: number, fail: Fail): void {
    const { minDelayMs, maxDelayMs, multiplier } = this.#limits;
    let cap = minDelayMs;
    for (let n = 0; n < this.#failures && cap < maxDelayMs && multiplier > 1; n++) {
      cap *= multiplier;
    }
    cap = Math.min(cap, maxDelayMs);
    if (delayMs < hintMs + minDelayMs || delayMs > Math.ceil(hintMs + cap)) {
      fail(
        "I13",
        `delay ${delayMs} after failure ${this.#failures} is not in [${hintMs} + ${minDelayMs}, ${hintMs} + ${cap}]`,
      );
    }
    if (!Number.isInteger(delayMs)) fail("I13", `delay ${delayMs} is not whole`);
    if (this.#failures === 1 && cap > minDelayMs + 10) {
      this.#firstDelay((delayMs - hintMs - minDelayMs) / (cap - minDelayMs));
    }
    this.#lastDelayMs = delayMs;
    this.#retryAt = now + delayMs;
    this.#notBefore = Math.max(this.#notBefore, now + hintMs);
  }

  #dial(now: number, fail: Fail): void {
    const { renewAfterMs } = this.#limits;
    const renewed = renewAfterMs !== undefined && now - this.#startedAt >= renewAfterMs * 0.9 - 1;
    if (now < this.#retryAt && !this.#forced && !renewed) {
      fail("I13", `dialled ${this.#retryAt - now} ms before the delay was over`);
    }
    if (now < this.#notBefore) {
      fail("I13", `dialled ${this.#notBefore - now} ms before the hint was over`);
    }
    this.#forced = false;
    this.#retryAt = 0;
  }

  #stable(now: number, fail: Fail): void {
    const stableAfterMs = this.#limits.stableAfterMs ?? Math.max(10_000, this.#lastDelayMs);
    if (this.#upSince === undefined || now - this.#upSince < stableAfterMs) {
      fail("I13", `called stable ${now - (this.#upSince ?? now)} ms after it was up`);
    }
    this.#forgive();
  }
}
