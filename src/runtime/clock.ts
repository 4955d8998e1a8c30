/**
 * The platform's clock.
 *
 * @module
 */
import { type Clock, MAX_TIMER_MS } from "../contract/runtime.ts";

interface Host {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly clearImmediate?: (handle: unknown) => void;
}

const { setImmediate, clearImmediate } = globalThis as Host;

/**
 * Time as the platform tells it. Timers keep the process alive on Deno, Node and Bun, as a connection that waits for its next dial should;
 * they are all cancelled at shutdown.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(callback, delayMs) {
    if (delayMs <= 0 && setImmediate !== undefined && clearImmediate !== undefined) {
      // No timer is shorter than a millisecond on Deno and Node; a redial without delay should be.
      const handle = setImmediate(callback);
      return () => clearImmediate(handle);
    }
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  turn: setImmediate === undefined
    ? (callback) => void setTimeout(callback, 0)
    : (callback) => void setImmediate(callback),
};
