/**
 * OKX, version 5.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset } from "./preset.ts";
import { from, type Sourced, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { okxDocs, ours } = SOURCES;

/**
 * Public streams. There is no `sendRateLimit`: the venue counts requests (see {@link okxRequests}), and a limit on frames of 480 per hour
 * would hold back the bare `ping` that keeps the socket open.
 */
export const okxV5: Preset = frozen({
  name: "okx-v5",
  urls: [from(okxDocs, "wss://ws.okx.com:8443/ws/v5/public")],
  connectTimeoutMs: from(ours, 10_000),
  minDelayMs: from(ours, 1_000),
  maxDelayMs: from(ours, 60_000),
  stableAfterMs: from(ours, 35_000, "longer than the 30 s after which silence is closed"),
  attemptBudget: from(
    okxDocs,
    { attempts: 60, windowMs: 60_000 },
    "one of the 3 per second that an address has",
  ),
  staleAfterMs: from(ours, 25_000),
  deadAfterMs: from(ours, 40_000),
  probe: from(okxDocs, { afterMs: 20_000, text: "ping" }, "bare text, within 30 s of silence"),
  buffer: from(ours, { maxFrames: 16_384, maxBytes: 33_554_432 }),
  permanentRetries: from(ours, 1),
  failures: [
    from(
      okxDocs,
      { closeCodes: [4001, 4002, 4003, 4008, 4009], verdict: "permanent" },
      "login, request and limits; 4004 to 4007 are transient",
    ),
  ],
  overlap: from(ours, false, "nothing is documented"),
});

/** Subscribe, unsubscribe and login requests that one connection may make. */
export const okxRequests: Sourced<{ readonly limit: number; readonly windowMs: number }> = frozen(
  from(okxDocs, { limit: 480, windowMs: 3_600_000 }),
);

/** Verdicts for OKX: codes that say the request is wrong are permanent. */
export const classifyOkx: Classify = classifyBy(okxV5.failures);
