/**
 * Leaving the async context of whoever caused some work, where `AsyncLocalStorage` exists.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs a function in the context that this module was loaded in, which is none. Without it the first caller's trace span, request id or user
 * would follow a connection for life.
 */
export const detached: (run: () => void) => void = AsyncLocalStorage.snapshot();
