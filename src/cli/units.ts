/**
 * What is written in words on a command line: durations, rates, and when to end.
 *
 * @module
 */

/** What is wrong with the command line, in one sentence without its values: they may be secrets. */
export class UsageError extends Error {
  /** Says it. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** So many frames in any window of so many milliseconds. */
export interface Rate {
  /** Frames. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
}

/** When to end. */
export type Until =
  | { readonly type: "duration"; readonly ms: number }
  | { readonly type: "frames"; readonly count: number }
  | { readonly type: "text"; readonly matches: (text: string) => boolean };

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** Timers of all platforms end at 2^31 ms; a duration beyond would fire at once on some. */
const LONGEST_MS = 2_147_483_647;

/**
 * Reads `500ms`, `1.5s`, `2m`, `1h`.
 *
 * @returns milliseconds, or `undefined` if it is no duration above zero and below 24 days.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = DURATION.exec(text) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  const ms = Number(number) * unitMs[unit]!;
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}

/** Reads `5/1000` (milliseconds) or `5/1s`. @returns the rate, or `undefined` if it is none. */
export function parseRate(text: string): Rate | undefined {
  const [, frames, window] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  if (frames === undefined || window === undefined) return undefined;
  const windowMs = parseDuration(/^[\d.]+$/.test(window) ? `${window}ms` : window);
  const limit = Number(frames);
  return windowMs === undefined || !(limit >= 1 && Number.isSafeInteger(limit))
    ? undefined
    : { limit, windowMs };
}

/**
 * Reads when to end: a duration (`30s`), a number of frames (`100`), a regular expression between
 * slashes (`/"e":"trade"/`), or else a text that a frame contains.
 *
 * @throws {UsageError} If it is empty, zero frames, a duration that no timer keeps, or no valid regular expression.
 */
export function parseUntil(text: string): Until {
  const ms = parseDuration(text);
  if (ms !== undefined) return { type: "duration", ms };
  if (DURATION.test(text)) {
    throw new UsageError("--until takes a duration above zero and below 24 days");
  }
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    if (count >= 1 && Number.isSafeInteger(count)) return { type: "frames", count };
    throw new UsageError("--until takes a number of frames of at least 1");
  }
  const [, source, flags = ""] = /^\/(.+)\/([ismu]*)$/s.exec(text) ?? [];
  if (source === undefined) {
    if (text === "") throw new UsageError("--until needs a value");
    return { type: "text", matches: (data) => data.includes(text) };
  }
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, flags);
  } catch {
    throw new UsageError("--until has a regular expression that is not valid");
  }
  return { type: "text", matches: (data) => pattern.test(data) };
}
