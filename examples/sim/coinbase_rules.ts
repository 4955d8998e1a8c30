/**
 * The rules of the Coinbase simulator: the venue's (Advanced Trade documentation, crawled 2026-06-28; the wire as tickvault saw it),
 * and the same made short for tests.
 *
 * @module
 */

/** Durations in milliseconds. */
export interface CoinbaseRules {
  /** Without a subscribe for so long after open: closed. */
  readonly subscribeWithinMs: number;
  /** A token may be so old. */
  readonly jwtTtlMs: number;
  readonly heartbeatEveryMs: number;
  /** Without a message to send for so long: closed. Code not documented; 1000 here. */
  readonly idleCloseMs: number;
  /** Whether `sequence_num` counts per product instead of per connection. Prose and wire differ. */
  readonly sequencePerProduct: boolean;
  /** Levels of a snapshot. BTC-USD has 45,177. */
  readonly levels: number;
  readonly updateEveryMs: number;
  /** level2 products of a connection; beyond it the whole request is refused. */
  readonly productCap: number;
  /** Whether the socket is closed for that as well. Seen once. */
  readonly closesOverCap: boolean;
  readonly messageLimit: number;
  readonly messageWindowMs: number;
  readonly dialLimit: number;
  readonly dialWindowMs: number;
  /** A connection with more unread bytes is cut. */
  readonly unreadLimitBytes: number;
}

/** Real time. */
export const COINBASE_REAL: CoinbaseRules = {
  subscribeWithinMs: 5_000,
  jwtTtlMs: 120_000,
  heartbeatEveryMs: 1_000,
  idleCloseMs: 75_000,
  sequencePerProduct: false,
  levels: 45_177,
  updateEveryMs: 50,
  productCap: 30,
  closesOverCap: false,
  messageLimit: 8,
  messageWindowMs: 1_000,
  dialLimit: 8,
  dialWindowMs: 1_000,
  unreadLimitBytes: 256 * 1_048_576,
};

/** Short, for tests. */
export const COINBASE_TEST: CoinbaseRules = {
  ...COINBASE_REAL,
  subscribeWithinMs: 100,
  jwtTtlMs: 1_200,
  heartbeatEveryMs: 20,
  idleCloseMs: 1_500,
  levels: 2_000,
  updateEveryMs: 10,
  productCap: 3,
  messageWindowMs: 100,
  dialWindowMs: 100,
};
