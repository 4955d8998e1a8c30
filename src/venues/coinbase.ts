/**
 * Coinbase Advanced Trade.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset, variant } from "./preset.ts";
import { from, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { coinbaseDocs, coinbaseEndpoints, coinbaseObserved, nautilus, ours } = SOURCES;

/**
 * Market data. The token is part of each subscribe message and lives 120 s; nothing needs a reconnect to renew it. The first subscribe
 * must be there within 5 s.
 */
export const coinbaseMarket: Preset = frozen({
  name: "coinbase-market",
  urls: [from(coinbaseEndpoints, "wss://advanced-trade-ws.coinbase.com")],
  connectTimeoutMs: from(ours, 10_000),
  minDelayMs: from(nautilus, 500, "there 250 ms"),
  maxDelayMs: from(nautilus, 30_000),
  stableAfterMs: from(ours, 30_000, "longer than the deadline of the first subscribe, 5 s"),
  attemptBudget: from(
    coinbaseDocs,
    { attempts: 60, windowMs: 60_000 },
    "one of the 8 per second that an address has",
  ),
  staleAfterMs: from(ours, 5_000, "five heartbeats"),
  deadAfterMs: from(ours, 15_000),
  probe: from(
    coinbaseDocs,
    { afterMs: 2_500, text: '{"type":"subscribe","channel":"heartbeats"}' },
    "a repeated subscribe is acknowledged",
  ),
  sendRateLimit: from(
    coinbaseDocs,
    { limit: 2, windowMs: 500 },
    "half of the 8 per second, which are counted per address over all sockets",
  ),
  buffer: from(
    coinbaseObserved,
    { maxFrames: 8_192, maxBytes: 134_217_728 },
    "a level2 snapshot of BTC-USD is 4.5 MiB and comes first, so it is the oldest: " +
      "maxBytes must hold the snapshots of one subscribe; 8 MiB do without level2",
  ),
  permanentRetries: from(ours, 3),
  failures: [
    from(ours, { statuses: [400, 401, 403, 404, 451], verdict: "permanent" }),
    from(
      coinbaseObserved,
      { closeCodes: [3000, 3003], verdict: "permanent" },
      "3003 is the block by country, seen on the International host",
    ),
    from(coinbaseDocs, { statuses: [429], verdict: "transient", minDelayMs: 10_000 }),
  ],
  overlap: from(ours, true),
});

/** Orders and fills. Each subscribe needs a token. */
export const coinbaseUser: Preset = variant(coinbaseMarket, {
  name: "coinbase-user",
  urls: [from(coinbaseEndpoints, "wss://advanced-trade-ws-user.coinbase.com")],
  buffer: from(ours, { maxFrames: 8_192, maxBytes: 16_777_216 }),
  overlap: from(ours, false),
});

/** Verdicts for Coinbase: a restart (1001) is transient, a block by country permanent. */
export const classifyCoinbase: Classify = classifyBy(coinbaseMarket.failures);
