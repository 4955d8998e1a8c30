/**
 * Who takes part in a history: what one connection is told, and how the application around it behaves.
 *
 * @module
 */
import type { Phase } from "../../mod.ts";
import type { SimRandom } from "./random.ts";

/** How the application reads. */
export type Reading = "frames" | "batches" | "readable" | "for await" | "nothing";

/** How the adapter starts a session. */
export type Starting = "no hook" | "nothing" | "send" | "request";

/** One connection and the application around it. */
export interface Profile {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly multiplier: number;
  readonly stableAfterMs: number | undefined;
  readonly connectTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly readyTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly maxAttempts: number | undefined;
  readonly permanentRetries: number;
  readonly renewAfterMs: number | undefined;
  readonly staleAfterMs: number;
  readonly deadAfterMs: number | undefined;
  readonly probe: "none" | "ping" | "data";
  readonly maxFrames: number;
  readonly maxBytes: number;
  readonly overflow: "dropOldest" | "fail";
  readonly maxWaitingFrames: number;
  readonly maxWaitingBytes: number;
  readonly sendTimeoutMs: number;
  readonly rateLimit:
    | { readonly limit: number; readonly windowMs: number; readonly slackMs: number }
    | undefined;
  readonly recvLayer: boolean;
  readonly sendLayer: "none" | "sync" | "async";
  readonly auth: boolean;
  readonly starting: Starting;
  readonly wireDials: number;
  /** Whether the leaf ignores that a dial is not wanted any more. */
  readonly stubborn: boolean;
  readonly link: { readonly latencyMs: number; readonly jitterMs: number } | undefined;
  readonly reading: Reading;
  /** How often a slow reader reads; `undefined` is at once. */
  readonly readEveryMs: number | undefined;
  readonly sendEveryMs: number | undefined;
  readonly holds: boolean;
  readonly tickMs: number;
  readonly observers: readonly ("fast" | "sleeping" | "throwing")[];
  readonly tracerThrows: boolean;
  readonly classifyThrows: boolean;
  /** In milliseconds; what classify asks for after some failures. */
  readonly hintMs: number;
  readonly usesConnectSignal: boolean;
}

/** Phases in which nothing follows. */
export const FINAL: ReadonlySet<Phase> = new Set<Phase>(["closed", "unrecoverable"]);

/**
 * Draws one. `pace` stretches the time between events of the application, so that histories of many connections do not have too many. Durations of liveness are multiples of four, so that its checks fall on whole milliseconds.
 */
export function profileOf(random: SimRandom, pace: number): Profile {
  const minDelayMs = random.pick([0, 100, 500, 500, 1_000]);
  const staleAfterMs = random.pick(pace > 2 ? [60_000, 120_000] : [20_000, 60_000, 120_000]);
  const probe = random.pick(["none", "ping", "data"] as const);
  const limited = random.chance(0.3);
  const jitterMs = random.pick([0, 20, 200]);
  const stubborn = random.chance(0.3);
  return {
    minDelayMs,
    maxDelayMs: Math.max(minDelayMs, random.pick([2_000, 10_000, 30_000, 60_000])) || 1,
    multiplier: random.pick([1, 1.5, 2, 2, 3]),
    stableAfterMs: random.chance(0.4) ? random.pick([1_000, 10_000, 60_000]) : undefined,
    connectTimeoutMs: random.pick([3_000, 10_000]),
    startTimeoutMs: random.pick([5_000, 20_000, 60_000]),
    readyTimeoutMs: random.chance(0.1) ? random.pick([10_000, 120_000]) : undefined,
    shutdownTimeoutMs: random.pick([500, 2_000, 10_000]),
    maxAttempts: random.chance(0.1) ? random.int(1, 12) : undefined,
    permanentRetries: random.int(0, 3),
    renewAfterMs: random.chance(0.1) ? random.pick([300_000, 1_200_000]) : undefined,
    staleAfterMs,
    deadAfterMs: probe === "none" && random.chance(0.4) ? undefined : staleAfterMs * 2,
    probe,
    maxFrames: random.pick([1, 8, 50, 16_384]),
    maxBytes: random.pick([200, 2_000, 16_777_216]),
    overflow: random.chance(0.2) ? "fail" : "dropOldest",
    maxWaitingFrames: random.pick([2, 10, 1_024]),
    maxWaitingBytes: random.pick([200, 4_194_304]),
    sendTimeoutMs: random.pick([2_000, 30_000]),
    rateLimit: limited
      ? {
        limit: random.int(1, 6),
        windowMs: random.pick([1_000, 5_000]),
        slackMs: Math.max(random.pick([0, 300]), jitterMs),
      }
      : undefined,
    recvLayer: random.chance(0.4),
    sendLayer: random.pick(["none", "none", "sync", "async"] as const),
    auth: random.chance(0.5),
    starting: random.pick(["no hook", "nothing", "send", "request", "request"] as const),
    wireDials: random.pick([1, 1, 2]),
    stubborn,
    link: !stubborn && random.chance(0.25)
      ? { latencyMs: random.pick([0, 20, 150]), jitterMs }
      : undefined,
    reading: random.pick(
      ["frames", "batches", "readable", "for await", "for await", "nothing"] as const,
    ),
    readEveryMs: random.chance(0.3) ? random.span(500, 60_000) * pace : undefined,
    sendEveryMs: random.chance(0.6) ? random.span(2_000, 60_000) * pace : undefined,
    holds: random.chance(0.5),
    tickMs: Math.min(random.span(8_000, 60_000) * pace, staleAfterMs * 0.9),
    observers: [
      ...random.chance(0.5) ? ["fast"] as const : [],
      ...random.chance(0.6) ? ["sleeping"] as const : [],
      ...random.chance(0.2) ? ["throwing"] as const : [],
    ],
    tracerThrows: random.chance(0.1),
    classifyThrows: random.chance(0.1),
    hintMs: random.pick([0, 0, 0, 5_000, 60_000]),
    usesConnectSignal: random.chance(0.5),
  };
}
