/**
 * The seams to the world: clock, task executor, randomness. Everything outside `src/runtime/` receives them as values.
 *
 * @module
 */
import type { WsConnector } from "./connector.ts";

/** A long-lived actor that something else steps. */
export interface Task {
  /** Events that wait to be handled. */
  readonly pending: number;
  /** Handles one event, synchronously. @returns `false` when the task has ended. */
  step(): boolean;
  /** Sets what is called when `pending` leaves zero. */
  onWork(wake: () => void): void;
}

/**
 * Starts tasks. An implementation steps until nothing is pending, then waits for `wake`; it detaches the task from the async context of
 * whoever called, and hands an error that escapes a step to the runtime's error sink. It returns nothing: shutdown is cooperative.
 */
export interface Spawn {
  /** Starts a task. */
  spawn(name: string, task: Task): void;
}

/** Time. */
export interface Clock {
  /** Monotonic time in milliseconds (the terms of `performance.now()`). */
  now(): number;
  /** Time of day in milliseconds since the epoch; it may jump. */
  wallNow(): number;
  /** Calls back once after `delayMs` (clamped below 2^31, where platforms would fire at once). @returns what cancels it. */
  setTimer(callback: () => void, delayMs: number): () => void;
  /** Calls back at the next macrotask: after the events that are already waiting. */
  turn(callback: () => void): void;
}

/** All that the stack needs of a platform, except sockets. */
export interface Seams {
  /** Time. */
  readonly clock: Clock;
  /** Task executor. */
  readonly spawn: Spawn;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A platform: its seams and its leaf. */
export interface Runtime extends Seams {
  /** The leaf. */
  readonly connector: WsConnector;
}

/** Longest delay that a timer takes: 2^31 - 1 ms, some 24.8 days. Beyond it every platform fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;
