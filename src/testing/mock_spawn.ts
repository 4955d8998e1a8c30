/**
 * An executor that steps when the test says so.
 *
 * @module
 */
import type { Spawn, Task } from "../contract/runtime.ts";

/** Runs tasks one event at a time. */
export class MockSpawn implements Spawn {
  readonly #tasks: Set<Task> = new Set();

  /** Starts a task: from now on it is stepped. */
  spawn(_name: string, task: Task): void {
    this.#tasks.add(task);
    task.onWork(() => {});
  }

  /** Tasks that have not ended. */
  get tasks(): number {
    return this.#tasks.size;
  }

  /** Events that wait, over all tasks. */
  get pending(): number {
    let pending = 0;
    for (const task of this.#tasks) pending += task.pending;
    return pending;
  }

  /** Handles one event of the first task that has one. @returns whether there was one. */
  step(): boolean {
    for (const task of this.#tasks) {
      if (task.pending === 0) continue;
      if (!task.step()) this.#tasks.delete(task);
      return true;
    }
    return false;
  }

  /** Steps until nothing is pending. @returns how many events there were. */
  run(): number {
    let events = 0;
    while (this.step()) events++;
    return events;
  }
}
