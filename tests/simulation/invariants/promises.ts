/**
 * I7: what was handed out settles.
 *
 * @module
 */
import type { Fail } from "./fail.ts";

interface Pending {
  readonly what: string;
  readonly since: number;
  /** Until when it settles at the latest; grows with time that timers sleep through. */
  by: number;
}

/** Follows promises. */
export class PromiseCheck {
  readonly #pending: Set<Pending> = new Set();

  /** Follows a promise; it settles within `withinMs` if given, at the end otherwise. What it rejects with is nobody's business here. */
  follow<T>(promise: Promise<T>, what: string, since: number, withinMs = Infinity): Promise<T> {
    const pending: Pending = { what, since, by: since + withinMs };
    this.#pending.add(pending);
    const settled = () => void this.#pending.delete(pending);
    promise.then(settled, settled);
    return promise;
  }

  /** Timers slept. */
  slept(ms: number): void {
    for (const pending of this.#pending) pending.by += ms;
  }

  /** When all is quiet at that time. */
  check(now: number, fail: Fail): void {
    for (const { what, since, by } of this.#pending) {
      if (now > by) fail("I7", `${what} of ${since} was due at ${by} and is pending`);
    }
  }

  /** At the end. */
  checkEnd(fail: Fail): void {
    for (const { what, since } of this.#pending) fail("I7", `${what} of ${since} never settled`);
  }
}
