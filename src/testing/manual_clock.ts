/**
 * A clock that moves when the test says so.
 *
 * @module
 */
import { type Clock, MAX_TIMER_MS } from "../contract/runtime.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  /** Cancelled timers stay in the heap until they come up. */
  set: boolean;
}

/** Time in the hands of a test. */
export class ManualClock implements Clock {
  #now = 0;
  #wallOffset = 1_750_000_000_000;
  #order = 0;
  /** A binary heap: a simulation sets and fires millions. */
  readonly #heap: Timer[] = [];
  #set = 0;
  #turns: (() => void)[] = [];

  /** Monotonic time in milliseconds; starts at 0. */
  now(): number {
    return this.#now;
  }

  /** Time of day in milliseconds. */
  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /** Sets a timer. */
  setTimer(callback: () => void, delayMs: number): () => void {
    // As platforms do, what is no number is no delay.
    const at = this.#now + (delayMs > 0 ? Math.min(delayMs, MAX_TIMER_MS) : 0);
    const timer: Timer = { at, order: ++this.#order, callback, set: true };
    this.#push(timer);
    this.#set++;
    return () => {
      if (timer.set) this.#set--;
      timer.set = false;
    };
  }

  /** Calls back at the next {@link runTurns}. */
  turn(callback: () => void): void {
    this.#turns.push(callback);
  }

  /** Timers that are set. After a shutdown there is none. */
  get timers(): number {
    return this.#set;
  }

  /** Callbacks that wait for the next turn. */
  get turns(): number {
    return this.#turns.length;
  }

  /** When the next timer is due, or `undefined`. */
  get nextAt(): number | undefined {
    return this.#next()?.at;
  }

  /** Runs what waits for the next turn. @returns how many there were. */
  runTurns(): number {
    const turns = this.#turns;
    this.#turns = [];
    for (const turn of turns) turn();
    return turns.length;
  }

  /** Moves time to the next timer that is due within `limitMs` from now, and fires it. @returns whether there was one. */
  fireNext(limitMs: number): boolean {
    const timer = this.#next();
    if (timer === undefined || timer.at > this.#now + limitMs) return false;
    this.#now = Math.max(this.#now, timer.at);
    this.#pop();
    timer.set = false;
    this.#set--;
    timer.callback();
    return true;
  }

  /**
   * Moves time without firing anything: what a blocked event loop, or a suspended machine, looks like.
   *
   * @throws {RangeError} If that is not forward.
   */
  skip(ms: number): void {
    if (!(Number.isFinite(ms) && ms >= 0)) {
      throw new RangeError(`Cannot move time by ${ms} ms: it must be a finite number, 0 or more`);
    }
    this.#now += ms;
  }

  /** Moves the time of day alone: somebody set the clock, or the machine slept and monotonic time did not count it. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  #next(): Timer | undefined {
    for (;;) {
      const timer = this.#heap[0];
      if (timer === undefined || timer.set) return timer;
      this.#pop();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Timers of one moment fire in the order in which they were set. */
function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || one.at === other.at && one.order < other.order;
}
