/**
 * Leaving the async context of whoever caused some work. Without it the first caller's trace span, request id or user would follow a connection
 * for life.
 *
 * @module
 */
import { nothing } from "../contract/abort.ts";
import { sink } from "./executor.ts";

const due: (() => void)[] = [];
let wake: () => void = nothing;

/**
 * What comes after an `await` runs in the context that the function was called in. `AsyncLocalStorage.snapshot()` would do it, too, but Deno 2.9.5 makes a
 * context of some 300 bytes for each call of it, and every promise that an idle connection waits for holds one.
 */
async function runDue(): Promise<never> {
  for (;;) {
    await new Promise<void>((resolve) => wake = resolve);
    for (let run = due.shift(); run !== undefined; run = due.shift()) {
      try {
        run();
      } catch (error) {
        sink(error);
      }
    }
  }
}

void runDue();

/**
 * Runs a function in a microtask, in the context that this module was loaded in. That context is none where the import is static; a first `import()`
 * from within a request is within that request, and on Node 22, 24, 26 and Deno 2.9.5 its context stays (Bun 1.4.5 has none there). No platform gives
 * a way back to the root, so import statically.
 */
export function detached(run: () => void): void {
  due.push(run);
  wake();
}
