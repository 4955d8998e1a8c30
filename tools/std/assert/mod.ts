/**
 * Stand-in for the part of `@std/assert` that this repository's tests use, for
 * machines that cannot reach JSR, and for Node, Bun, workerd and browsers.
 * Same names, same signatures, same verdicts; plainer messages.
 *
 * @module
 */

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Thrown by every failed assertion. */
export class AssertionError extends Error {
  /** Makes one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

function show(value: unknown): string {
  const seen = new Set<unknown>();
  try {
    return JSON.stringify(value, (_key, v: unknown) => {
      if (typeof v === "bigint") return `${v}n`;
      if (typeof v === "function" || typeof v === "symbol") return String(v);
      if (v === undefined) return "undefined";
      if (typeof v === "number" && !Number.isFinite(v)) return String(v);
      if (v instanceof Error) return `${v.name}: ${v.message}`;
      if (v instanceof Map || v instanceof Set) return [...v];
      if (ArrayBuffer.isView(v)) {
        return [...new Uint8Array(v.buffer, v.byteOffset, v.byteLength)];
      }
      if (typeof v === "object" && v !== null) {
        if (seen.has(v)) return "[seen]";
        seen.add(v);
      }
      return v;
    }) ?? String(value);
  } catch {
    return String(value);
  }
}

type Bag = Record<PropertyKey, unknown>;

function sameProto(a: object, b: object): boolean {
  const proto = (o: object) => Object.getPrototypeOf(o) ?? Object.prototype;
  return proto(a) === proto(b);
}

/** Own keys of plain objects and arrays; else also those of the classes. */
function keysOf(value: object): Set<PropertyKey> {
  const keys = new Set<PropertyKey>();
  for (
    let at: object | null = value;
    at !== null && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const key of Reflect.ownKeys(at)) keys.add(key);
  }
  return keys;
}

/** Deep equality: same prototype, same keys, same values. */
export function equal(left: unknown, right: unknown): boolean {
  const pairs = new Map<object, object>();
  const go = (a: unknown, b: unknown): boolean => {
    if (a === b || Object.is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object") return false;
    if (a === null || b === null || !sameProto(a, b)) return false;
    if (a instanceof WeakMap || a instanceof WeakSet) {
      throw new TypeError(`Cannot compare ${a.constructor.name} instances`);
    }
    if (pairs.get(a) === b) return true;
    pairs.set(a, b);
    if (a instanceof Date) return Object.is(+a, +(b as Date));
    if (
      a instanceof RegExp || a instanceof URL || a instanceof URLSearchParams
    ) return String(a) === String(b);
    if (a instanceof ArrayBuffer) {
      return go(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
    }
    if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
      const x = a as Uint8Array;
      const y = b as Uint8Array;
      return x.length === y.length && x.every((v, i) => go(v, y[i]));
    }
    if (a instanceof Map || a instanceof Set) {
      const other = b as Map<unknown, unknown> | Set<unknown>;
      const rest = [...other.entries()];
      return a.size === other.size &&
        [...a.entries()].every(([k, v]) => rest.some(([k2, v2]) => go(k, k2) && go(v, v2)));
    }
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    const keys = keysOf(a).union(keysOf(b));
    return [...keys].every((key) =>
      (key in a) === (key in b) && go((a as Bag)[key], (b as Bag)[key])
    );
  };
  return go(left, right);
}

function check(ok: boolean, text: string, msg?: string): void {
  if (!ok) throw new AssertionError(msg ? `${text}: ${msg}` : `${text}.`);
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): void {
  check(!expr, `Expected a falsy value, got ${show(expr)}`, msg);
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  check(
    equal(actual, expected),
    `Values are not equal\n  actual:   ${show(actual)}\n  expected: ${show(expected)}`,
    msg,
  );
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(
    !equal(actual, expected),
    `Expected a value other than ${show(actual)}`,
    msg,
  );
}

/** Fails unless both are the same value (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  check(
    Object.is(actual, expected),
    `Values are not strictly equal\n  actual:   ${show(actual)}\n  expected: ${show(expected)}`,
    msg,
  );
}

/** Fails if both are the same value (`Object.is`). */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  check(
    !Object.is(actual, expected),
    `Expected another value than ${show(actual)}`,
    msg,
  );
}

/** Fails on `null` and `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  check(
    actual !== undefined && actual !== null,
    `Expected actual: "${actual}" to not be null or undefined`,
    msg,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, `Expect ${show(actual)} > ${show(expected)}`, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  check(actual >= expected, `Expect ${show(actual)} >= ${show(expected)}`, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, `Expect ${show(actual)} < ${show(expected)}`, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  check(actual <= expected, `Expect ${show(actual)} <= ${show(expected)}`, msg);
}

/** Fails unless `actual instanceof expectedType`. */
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  check(
    actual instanceof expectedType,
    `Expected an instance of "${expectedType.name}", got ${show(actual)}`,
    msg,
  );
}

/** Fails unless `expected` matches. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  check(
    expected.test(actual),
    `Expected ${show(actual)} to match ${expected}`,
    msg,
  );
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  check(
    actual.includes(expected),
    `Expected ${show(actual)} to contain ${show(expected)}`,
    msg,
  );
}

/** Fails unless every value of `expected` is in `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T> & object,
  expected: ArrayLike<T> & object,
  msg?: string,
): void {
  const have = Array.from(actual);
  const missing = Array.from(expected).filter((e) => !have.some((h) => equal(h, e)));
  check(missing.length === 0, `Missing ${show(missing)}`, msg);
}

/** Fails unless both numbers are within `tolerance`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  const allowed = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  check(
    Object.is(actual, expected) || Math.abs(expected - actual) <= allowed,
    `Expected ${actual} to be within ${allowed} of ${expected}`,
    msg,
  );
}

/** Fails unless `error` is of the class and its message matches. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  check(error instanceof Error, `Expected an Error, got ${show(error)}`, msg);
  const e = error as Error;
  check(
    errorClass === undefined || e instanceof errorClass,
    `Expected error to be instance of "${errorClass?.name}", but was "${e.constructor?.name}" (${e.message})`,
    msg,
  );
  check(
    msgMatches === undefined ||
      (typeof msgMatches === "string"
        ? e.message.includes(msgMatches)
        : msgMatches.test(e.message)),
    `Expected error message to include ${String(msgMatches)}, but got ${show(e.message)}`,
    msg,
  );
}

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an error of the class; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  let thrown: { error: unknown } | undefined;
  try {
    fn();
  } catch (error) {
    thrown = { error };
  }
  if (typeof classOrMsg === "string") msg = classOrMsg;
  check(thrown !== undefined, "Expected function to throw", msg);
  if (typeof classOrMsg === "function") {
    assertIsError(thrown!.error, classOrMsg, msgIncludes, msg);
  }
  return thrown!.error;
}

/** Fails unless the promise rejects; resolves with the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Fails unless the promise rejects with the class; resolves with it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  if (typeof classOrMsg === "string") msg = classOrMsg;
  let promise: PromiseLike<unknown> | undefined;
  let thrown: { error: unknown } | undefined;
  try {
    promise = fn();
  } catch {
    check(false, "Function throws when expected to reject", msg);
  }
  check(
    typeof promise?.then === "function",
    "Function throws when expected to reject",
    msg,
  );
  try {
    await promise;
  } catch (error) {
    thrown = { error };
  }
  check(thrown !== undefined, "Expected function to reject", msg);
  if (typeof classOrMsg === "function") {
    assertIsError(thrown!.error, classOrMsg, msgIncludes, msg);
  }
  return thrown!.error;
}

/** Always fails. */
export function fail(msg?: string): never {
  throw new AssertionError(
    msg ? `Failed assertion: ${msg}` : "Failed assertion.",
  );
}

/** Marks code that cannot be reached. */
export function unreachable(msg?: string): never {
  throw new AssertionError(msg ? `Unreachable: ${msg}` : "Unreachable.");
}
