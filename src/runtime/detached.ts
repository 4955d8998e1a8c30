/**
 * Leaving the async context of whoever caused some work, where `AsyncLocalStorage` exists.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs a function in the context that this module was loaded in. Without it the first caller's trace span, request id or user would follow a
 * connection for life. That context is none where the import is static; a first `import()` from within a request is within that request, and on
 * Node 22, 24, 26 and Deno 2.9.5 its context stays (Bun 1.4.5 has none there). No platform gives a way back to the root, so import statically.
 */
export const detached: (run: () => void) => void = AsyncLocalStorage.snapshot();
