/**
 * Binance spot: market streams, and the WebSocket API with its user data.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset, variant } from "./preset.ts";
import { from, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { binanceDocs, brokenLimits, ours } = SOURCES;

/**
 * Market streams. Put stream names into the url: a reconnect then costs no message of the 5 per second. For illiquid symbols raise
 * `staleAfterMs` and `deadAfterMs` to 30 and 45 seconds.
 */
export const binanceStreams: Preset = frozen({
  name: "binance-streams",
  urls: [
    from(binanceDocs, "wss://stream.binance.com:9443/stream", "?streams=a/b, or /ws/a"),
    from(binanceDocs, "wss://data-stream.binance.vision/stream", "market data only"),
  ],
  connectTimeoutMs: from(ours, 10_000),
  minDelayMs: from(ours, 1_000),
  maxDelayMs: from(ours, 60_000, "bans start at 2 minutes"),
  stableAfterMs: from(ours, 70_000, "longer than the 60 s in which a pong may be missed"),
  attemptBudget: from(
    binanceDocs,
    { attempts: 100, windowMs: 300_000 },
    "a third of the 300 that an address has in 5 minutes",
  ),
  staleAfterMs: from(ours, 10_000, "must exceed the slowest subscribed cadence"),
  deadAfterMs: from(ours, 20_000),
  probe: from(binanceDocs, {
    afterMs: 5_000,
    text: '{"method":"LIST_SUBSCRIPTIONS","id":{n}}',
    countFrom: 900_001,
  }),
  sendRateLimit: from(
    brokenLimits,
    { limit: 5, windowMs: 1_000, reserve: 1, slackMs: 200, spacingMs: 300 },
    "5 per second are documented and count pongs; in practice bursts were closed with 1008",
  ),
  buffer: from(
    ours,
    { maxFrames: 16_384, maxBytes: 33_554_432 },
    "more than 10 s of 1,000 messages per second: each lag costs REST weight",
  ),
  permanentRetries: from(ours, 3),
  renewAfterMs: from(
    binanceDocs,
    84_600_000,
    "23.5 h of the documented 24; up to a tenth earlier, so that a fleet does not do it at once",
  ),
  failures: [
    from(brokenLimits, {
      closeCodes: [1008],
      reasonHas: "too many",
      verdict: "transient",
      minDelayMs: 120_000,
    }),
    from(binanceDocs, { statuses: [429], verdict: "transient", minDelayMs: 60_000 }),
    from(
      binanceDocs,
      { statuses: [418], verdict: "transient", minDelayMs: 120_000 },
      "a ban of 2 minutes to 3 days; Retry-After says which",
    ),
    from(
      binanceDocs,
      { statuses: [403], verdict: "transient", minDelayMs: 300_000 },
      "the firewall, not credentials: market streams have none",
    ),
    from(
      ours,
      { statuses: [400, 404, 451], verdict: "permanent" },
      "451 is the block by country (binance-connector-python issue 201)",
    ),
  ],
  overlap: from(
    binanceDocs,
    true,
    "no cap on concurrent connections is documented; concluded, not tested",
  ),
});

/** The WebSocket API, which carries user data since the listen key of spot is gone (2026-02-20). */
export const binanceWsApi: Preset = variant(binanceStreams, {
  name: "binance-wsapi",
  urls: [from(binanceDocs, "wss://ws-api.binance.com:443/ws-api/v3")],
  staleAfterMs: from(ours, 30_000, "user data is quiet; the probe's answer is what is heard"),
  deadAfterMs: from(ours, 45_000),
  probe: from(
    binanceDocs,
    { afterMs: 20_000, text: '{"id":{n},"method":"ping"}', countFrom: 900_001 },
    "weight 1; its answers must not look like those to the application's own requests",
  ),
  buffer: from(ours, { maxFrames: 8_192, maxBytes: 16_777_216 }),
});

/** Verdicts for Binance: 1008 is transient with a cooldown, bans wait, a block by country is permanent. */
export const classifyBinance: Classify = classifyBy(binanceStreams.failures);
