/**
 * The rules of the Binance simulator: the venue's (binance-spot-api-docs at a5e0bc3, 2026-07-21), and the same made short for tests.
 *
 * @module
 */

/** Durations in milliseconds. */
export interface BinanceRules {
  /** A ping with a random payload goes out so often. */
  readonly pingEveryMs: number;
  /** Without the right pong for so long: 1008 "Pong timeout". */
  readonly pongTimeoutMs: number;
  /** Messages of a client in any window, pings and pongs included; beyond it 1008 "Too many requests". */
  readonly inboundLimit: number;
  readonly inboundWindowMs: number;
  /** After that, further connections are closed the same way for so long. How long is reported, not documented. */
  readonly penaltyMs: number;
  /** Dials of one address in any window; beyond it 429, and when that is ignored 418. */
  readonly connectLimit: number;
  readonly connectWindowMs: number;
  /** 429 answers that are ignored before the ban. */
  readonly warningsBeforeBan: number;
  readonly banMs: number;
  /** A connection's age limit. The close code at its end is not documented; 1001 here. */
  readonly ageMs: number;
  /** `serverShutdown` goes out so long before the end. The venue promises no lead. */
  readonly shutdownLeadMs: number;
  readonly maxStreams: number;
  readonly depthEveryMs: number;
  readonly tradeEveryMs: number;
  /** REST weight in any window. */
  readonly weightLimit: number;
  readonly weightWindowMs: number;
  /** Updates of a book that are remembered. */
  readonly history: number;
}

/** Real time. */
export const BINANCE_REAL: BinanceRules = {
  pingEveryMs: 20_000,
  pongTimeoutMs: 60_000,
  inboundLimit: 5,
  inboundWindowMs: 1_000,
  penaltyMs: 120_000,
  connectLimit: 300,
  connectWindowMs: 300_000,
  warningsBeforeBan: 3,
  banMs: 120_000,
  ageMs: 86_400_000,
  shutdownLeadMs: 0,
  maxStreams: 1_024,
  depthEveryMs: 100,
  tradeEveryMs: 1_000,
  weightLimit: 6_000,
  weightWindowMs: 60_000,
  history: 2_048,
};

/** Short, for tests. Pongs alone have long: the simulator shares its thread with the client, and a busy machine stops both. */
export const BINANCE_TEST: BinanceRules = {
  ...BINANCE_REAL,
  pingEveryMs: 200,
  pongTimeoutMs: 10_000,
  inboundWindowMs: 100,
  penaltyMs: 1_000,
  connectLimit: 12,
  connectWindowMs: 1_000,
  banMs: 2_000,
  ageMs: 3_000,
  maxStreams: 16,
  depthEveryMs: 5,
  tradeEveryMs: 50,
  weightLimit: 60,
  weightWindowMs: 1_000,
};
