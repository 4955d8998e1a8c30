/**
 * An abort signal whose listeners are counted. Portable: browsers and edge workers run this, too.
 *
 * @module
 */

/** An abort signal that knows how many listen to it. */
export function countedSignal(): {
  readonly controller: AbortController;
  readonly listeners: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    const once = typeof args[2] === "object" && args[2].once === true;
    listeners.add(args[1]);
    // The platform takes such a one away when it has called it.
    if (once && !signal.aborted) add("abort", () => listeners.delete(args[1]), { once });
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1]);
    remove(...args);
  };
  return { controller, listeners: () => listeners.size };
}
