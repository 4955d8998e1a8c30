/**
 * The venue's spelling of books.
 *
 * @module
 */
import type { BookState, Diff, Level } from "./market.ts";

const spelled = (levels: readonly Level[]): [string, string][] =>
  levels.map((
    [price, quantity],
  ) => [(price / 100).toFixed(8), (quantity / 1_000).toFixed(8)]);

/** A `depthUpdate` as its own message. */
export function depthUpdate(symbol: string, diff: Diff, now: number): string {
  const { first, last, bids, asks } = diff;
  return JSON.stringify({
    e: "depthUpdate",
    E: now,
    s: symbol,
    U: first,
    u: last,
    b: spelled(bids),
    a: spelled(asks),
  });
}

/** A message of `/stream`. */
export function combined(stream: string, data: string): string {
  return `{"stream":${JSON.stringify(stream)},"data":${data}}`;
}

/** The answer of `GET /api/v3/depth`. */
export function depthBody({ id, bids, asks }: BookState, limit: number): unknown {
  return {
    lastUpdateId: id,
    bids: spelled(bids.slice(0, limit)),
    asks: spelled(asks.slice(0, limit)),
  };
}
