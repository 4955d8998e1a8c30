/**
 * What the end-to-end tests share: the entry point of the runtime that runs them, and waiting for a condition without time.
 *
 * @module
 */
import type { open } from "../../mod.ts";
import { platform } from "../support/harness.ts";

/** `open` of this runtime: with headers, and with HTTP statuses as far as the runtime shows them. */
export async function nativeOpen(): Promise<typeof open> {
  const module = `../../src/runtime/${platform}.ts`;
  return (await import(module) as { open: typeof open }).open;
}

/** Conditions that are looked at again whenever something happened. */
export class Signal {
  readonly #waiters: Set<() => void> = new Set();

  /** Something happened. */
  ring(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Resolves as soon as the condition holds. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = () => {
        try {
          if (!condition()) return;
          resolve();
        } catch (error) {
          reject(error);
        }
        this.#waiters.delete(waiter);
      };
      this.#waiters.add(waiter);
    });
  }
}
