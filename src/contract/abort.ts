/**
 * Listening to an `AbortSignal` without leaving a listener behind.
 *
 * @module
 */

/**
 * Calls `callback` once when the signal aborts, at once if it has.
 *
 * @returns what takes the listener away again; to be called in every case.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    callback();
    return () => {};
  }
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

/** Marks what a callback returned as handled, should it be a promise: the callback's author did not expect anybody to await it. */
export function ignored(returned: unknown): void {
  if (typeof returned !== "object" || returned === null || !("then" in returned)) return;
  void handled(Promise.resolve(returned));
}

/** Marks a promise as handled: who wants its rejection awaits it; who does not is not killed by it. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
