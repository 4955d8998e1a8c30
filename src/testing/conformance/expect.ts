/**
 * The few assertions of the conformance list. Published code imports no assertion library.
 *
 * @module
 */

/** A leaf does not do what the contract demands. */
export class ConformanceError extends Error {
  /** Makes one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConformanceError";
  }
}

/** A value as a message shows it, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_key, part) => brief(part)) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}... (${text.length})` : text;
}

/** What JSON has no form for, or a very long one. */
function brief(value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  return typeof value === "bigint" || typeof value === "symbol" ? String(value) : value;
}

/** Demands that a condition holds. */
export function expect(condition: boolean, demand: string): asserts condition {
  if (!condition) throw new ConformanceError(demand);
}

/** Demands that two values are the same, arrays and byte arrays by their elements. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (!same(actual, expected)) {
    throw new ConformanceError(`${what} is ${shown(actual)} instead of ${shown(expected)}`);
  }
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const lists = Array.isArray(a) && Array.isArray(b) ||
    a instanceof Uint8Array && b instanceof Uint8Array;
  if (!lists) return false;
  const [left, right] = [a as ArrayLike<unknown>, b as ArrayLike<unknown>];
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!same(left[i], right[i])) return false;
  return true;
}

/** Demands that a call throws, and gives what it threw. */
export function expectThrows(call: () => void, what: string): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new ConformanceError(`${what} does not throw`);
}
