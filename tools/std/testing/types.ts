/**
 * Stand-in for the part of `@std/testing/types` that this repository uses.
 *
 * @module
 */

/** `true` when both types are the same. */
export type IsExact<T, U> = (<G>() => G extends T ? 1 : 2) extends (<G>() => G extends U ? 1 : 2)
  ? true
  : false;

/** Fails to type-check unless the argument's type holds. */
export function assertType<T extends boolean>(_expectTrue: T): void {}
