/**
 * Bybit, version 5.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset } from "./preset.ts";
import { from, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { bybitDocs, ours } = SOURCES;

/**
 * Public streams. The venue wants a ping every 20 s and closes after 10 minutes without; the probe only fires in silence, so on a busy
 * stream the adapter sends `{"op":"ping"}` by a timer of its own. The shape of the pong differs between products.
 */
export const bybitV5: Preset = frozen({
  name: "bybit-v5",
  urls: [from(bybitDocs, "wss://stream.bybit.com/v5/public/spot")],
  connectTimeoutMs: from(ours, 10_000),
  minDelayMs: from(ours, 1_000),
  maxDelayMs: from(ours, 60_000),
  stableAfterMs: from(ours, 30_000, "longer than one ping"),
  attemptBudget: from(
    bybitDocs,
    { attempts: 150, windowMs: 300_000 },
    "under a third of the 500 that a domain takes in 5 minutes",
  ),
  staleAfterMs: from(ours, 30_000),
  deadAfterMs: from(ours, 45_000),
  probe: from(
    bybitDocs,
    { afterMs: 20_000, text: '{"req_id":"{n}","op":"ping"}', countFrom: 900_001 },
    "the venue asks for it every 20 s, whatever is heard",
  ),
  sendRateLimit: from(ours, { limit: 5, windowMs: 1_000 }),
  buffer: from(ours, { maxFrames: 16_384, maxBytes: 33_554_432 }),
  permanentRetries: from(ours, 2),
  failures: [],
  overlap: from(ours, false, "nothing is documented"),
});

/** Verdicts for Bybit: the default ones. */
export const classifyBybit: Classify = classifyBy(bybitV5.failures);
