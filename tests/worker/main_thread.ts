/**
 * What a worker file of a test says to the main thread without the library: Web workers and Node alike.
 *
 * @module
 */

interface Scope {
  readonly postMessage?: (message: unknown) => void;
  readonly process?: {
    readonly getBuiltinModule?: (
      name: string,
    ) => { readonly parentPort?: { postMessage(message: unknown): void } };
  };
}

/** Says anything. */
export function say(message: unknown): void {
  const scope = globalThis as Scope;
  if (scope.postMessage !== undefined) return scope.postMessage(message);
  scope.process?.getBuiltinModule?.("node:worker_threads").parentPort?.postMessage(message);
}

/** Keeps this worker from ending by itself. */
export function stay(): void {
  setInterval(() => {}, 1_000_000);
}
