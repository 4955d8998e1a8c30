/**
 * Listening to an `AbortSignal` without leaving a listener behind.
 *
 * @module
 */

/** What takes nothing away. One for all: an idle connection has many places for a function, and most stay empty. */
export const nothing = (): void => {};

/**
 * Calls `callback` once when the signal aborts, at once if it has.
 *
 * @returns what takes the listener away again; to be called in every case.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    callback();
    return nothing;
  }
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

/**
 * What `run` gives, unless the signal aborts before: then it rejects with the signal's reason at once, whether or not `run` listens to it.
 *
 * @throws What `run` throws, or what its promise rejects with.
 */
export async function raced<T>(signal: AbortSignal, run: () => T | PromiseLike<T>): Promise<T> {
  signal.throwIfAborted();
  let forget = nothing;
  // Handled, as nobody waits for it when `run` throws; and it may abort before that.
  const aborted = handled(
    new Promise<never>((_, reject) => {
      forget = onAbort(signal, () => reject(signal.reason));
    }),
  );
  try {
    return await Promise.race([run(), aborted]);
  } finally {
    forget();
  }
}

/** Marks what a callback returned as handled, should it be a promise: the callback's author did not expect anybody to await it. */
export function ignored(returned: unknown): void {
  if (isThenable(returned)) void handled(Promise.resolve(returned));
}

/** Whether a callback returned a promise, its own or another library's. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as PromiseLike<unknown>).then === "function";
}

/** A promise that rejects, marked as handled. */
export function rejected(reason: unknown): Promise<never> {
  return handled(Promise.reject(reason));
}

/** Marks a promise as handled: who wants its rejection awaits it; who does not is not killed by it. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing);
  return promise;
}
