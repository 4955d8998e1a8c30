/**
 * An executor that steps when the test says so.
 *
 * @module
 */
import type { Spawn, Task } from "../contract/runtime.ts";

/** What a {@link MockSpawn} can be told. */
export interface MockSpawnOptions {
  /** Whether what the test does not step is stepped by itself, a few promise callbacks later. @default {false} */
  readonly auto?: boolean;
}

/** Runs tasks one event at a time. */
export class MockSpawn implements Spawn {
  readonly #tasks: Set<Task> = new Set();
  /** Those that were woken, or have just come, oldest first: like a native executor it waits to be woken. */
  readonly #ready: Set<Task> = new Set();
  readonly #auto: boolean;
  #waiting = false;

  /** Makes one without tasks. */
  constructor({ auto = false }: MockSpawnOptions = {}) {
    this.#auto = auto;
  }

  /** Starts a task: from now on it is stepped. */
  spawn(_name: string, task: Task): void {
    this.#tasks.add(task);
    this.#ready.add(task);
    task.onWork(() => {
      if (this.#tasks.has(task)) this.#ready.add(task);
      if (!this.#auto || this.#waiting) return;
      this.#waiting = true;
      Promise.resolve().then(() => {
        this.#waiting = false;
        this.run();
      });
    });
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

  /** Handles one event of the task that was woken first. @returns whether there was one. */
  step(): boolean {
    for (const task of this.#ready) {
      if (task.pending === 0) {
        this.#ready.delete(task);
        continue;
      }
      if (!task.step()) {
        this.#tasks.delete(task);
        this.#ready.delete(task);
      }
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
