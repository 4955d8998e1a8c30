/**
 * Steps tasks: the part of `Spawn` that is the same everywhere.
 *
 * @module
 */
import { nothing } from "../contract/abort.ts";
import type { Spawn, Task } from "../contract/runtime.ts";

/** What differs between platforms. */
export interface ExecutorHost {
  /** Runs a function in a microtask, outside the async context of whoever caused it. @default {queueMicrotask, within it} */
  readonly detached?: (run: () => void) => void;
  /** Told of each task with a promise of its end. @default {nobody is} */
  readonly started?: (ended: Promise<void>) => void;
}

/** Hands an error to the platform's sink for uncaught ones. */
export function sink(error: unknown): void {
  if (typeof reportError === "function") return reportError(error);
  setTimeout(() => {
    throw error;
  }, 0);
}

/**
 * Makes a `Spawn` that steps a task in a microtask of its own, until nothing is pending. Never from within `wake`: whoever caused the work must not
 * find the actor's effects on its stack.
 */
export function executor({ detached = queueMicrotask, started }: ExecutorHost = {}): Spawn {
  return {
    spawn(_name: string, task: Task): void {
      let waiting = false;
      let ended = nothing;
      started?.(new Promise((resolve) => ended = resolve));
      const drain = () => {
        waiting = false;
        let alive = true;
        while (alive && task.pending > 0) {
          try {
            alive = task.step();
          } catch (error) {
            sink(error);
          }
        }
        if (!alive) ended();
      };
      task.onWork(() => {
        if (waiting) return;
        waiting = true;
        detached(drain);
      });
    },
  };
}
