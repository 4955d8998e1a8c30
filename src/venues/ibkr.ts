/**
 * Interactive Brokers, Client Portal Web API.
 *
 * @module
 */
import type { Classify } from "../../mod.ts";
import { frozen, type Preset, variant } from "./preset.ts";
import { from, SOURCES } from "./sources.ts";
import { classifyBy } from "./verdicts.ts";

const { ibkrReference, ibkrCampus, ibind, ours } = SOURCES;

/**
 * The local gateway. Beside this preset an adapter owes the venue: `tic` at least once a minute whatever is heard, a POST to `/tickle`
 * about once a minute, and each `smd` line asked for again every 10 minutes, because it ends after 15 without a word.
 */
export const ibkrGateway: Preset = frozen({
  name: "ibkr-gateway",
  urls: [from(ibkrReference, "wss://localhost:5000/v1/api/ws", "its certificate is self-signed")],
  connectTimeoutMs: from(ibind, 5_000),
  minDelayMs: from(ours, 1_000, "each dial costs a tickle"),
  maxDelayMs: from(ours, 30_000),
  stableAfterMs: from(ours, 15_000, "longer than one heartbeat of the server, 10 s"),
  attemptBudget: from(ours, { attempts: 10, windowMs: 60_000 }, "each dial costs a tickle"),
  staleAfterMs: from(ours, 25_000, "two and a half heartbeats"),
  deadAfterMs: from(ours, 45_000),
  probe: from(ibkrReference, { afterMs: 15_000, text: "tic" }, "answered four times over"),
  sendRateLimit: from(
    ours,
    { limit: 5, windowMs: 625 },
    "no limit on messages is documented; this is 8 per second in bursts of 5",
  ),
  buffer: from(
    ours,
    { maxFrames: 4_096, maxBytes: 4_194_304 },
    "100 lines are 200 messages and 40 kB per second: some 20 s",
  ),
  permanentRetries: from(ours, 3),
  failures: [
    from(ours, { statuses: [400, 401, 403, 404], verdict: "permanent" }, "a new tickle each try"),
    from(
      ibkrCampus,
      { statuses: [429], verdict: "transient", minDelayMs: 900_000 },
      "the penalty box; another page of the venue says 10 minutes",
    ),
  ],
  overlap: from(ibkrReference, false, "one brokerage session per user name"),
});

/** The public endpoint, with OAuth. Needs the query parameter `oauth_token` on each dial. */
export const ibkrOauth: Preset = variant(ibkrGateway, {
  name: "ibkr-oauth",
  urls: [from(ibkrReference, "wss://api.ibkr.com/v1/api/ws", "with ?oauth_token=TOKEN")],
  connectTimeoutMs: from(ours, 10_000),
});

/** Verdicts for IBKR: refused credentials are permanent, the penalty box waits 15 minutes. */
export const classifyIbkr: Classify = classifyBy(ibkrGateway.failures);
