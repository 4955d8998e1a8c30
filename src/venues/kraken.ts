/**
 * Kraken, WebSocket v2.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset } from "./preset.ts";
import { from, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { krakenDocs, ours } = SOURCES;

/** Market data. A subscription that was acknowledged can stay silent: only a watchdog per topic in the adapter notices. */
export const krakenV2: Preset = frozen({
  name: "kraken-v2",
  urls: [from(krakenDocs, "wss://ws.kraken.com/v2")],
  connectTimeoutMs: from(ours, 10_000),
  minDelayMs: from(ours, 1_000),
  maxDelayMs: from(ours, 60_000),
  stableAfterMs: from(ours, 15_000),
  attemptBudget: from(
    krakenDocs,
    { attempts: 100, windowMs: 600_000 },
    "two thirds of some 150 in 10 minutes, beyond which the address is banned for 10",
  ),
  staleAfterMs: from(ours, 10_000, "a heartbeat per second, but only once subscribed"),
  deadAfterMs: from(ours, 20_000),
  probe: from(krakenDocs, {
    afterMs: 5_000,
    text: '{"method":"ping","req_id":{n}}',
    countFrom: 900_001,
  }),
  sendRateLimit: from(ours, { limit: 5, windowMs: 1_000 }),
  buffer: from(ours, { maxFrames: 16_384, maxBytes: 33_554_432 }),
  permanentRetries: from(ours, 3),
  failures: [
    from(ours, { statuses: [400, 401, 403, 404], verdict: "permanent" }),
    from(
      krakenDocs,
      { closeCodes: [1013], verdict: "transient", minDelayMs: 5_000 },
      "market data unavailable; after maintenance not more often than every 5 s",
    ),
    from(krakenDocs, { statuses: [429], verdict: "transient", minDelayMs: 600_000 }),
  ],
  overlap: from(ours, false, "nothing is documented"),
});

/** Verdicts for Kraken: 1013 waits 5 s, the ban 10 minutes. */
export const classifyKraken: Classify = classifyBy(krakenV2.failures);
