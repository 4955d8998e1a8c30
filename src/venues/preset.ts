/**
 * What a preset is, and how it becomes options.
 *
 * @module
 */
import {
  attemptBudget,
  type ConnectionOptions,
  type LivenessOptions,
  sendRateLimit,
} from "../../mod.ts";
import type { Sourced } from "./sources.ts";
import { classifyBy, type FailureRule } from "./verdicts.ts";

/** The venue's own keepalive, sent when nothing was heard for a while. */
export interface ProbeText {
  /** How long nothing was heard, in milliseconds. */
  readonly afterMs: number;
  /** The message; `{n}` in it becomes a number that grows with every probe. */
  readonly text: string;
  /** The first number. @default {1} */
  readonly countFrom?: number;
}

/** What may be sent, as {@link sendRateLimit} takes it. */
export interface SendAllowance {
  /** Frames in any window, at most. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** Frames left for pongs that the platform sends by itself. @default {0} */
  readonly reserve?: number;
  /** Added to the window for what the network compresses, in milliseconds. @default {0} */
  readonly slackMs?: number;
  /** Least time between two frames, in milliseconds. @default {0} */
  readonly spacingMs?: number;
}

/** What is known of one endpoint of a venue, every value with its source and date. */
export interface Preset {
  /** Its name, as the command line takes it. */
  readonly name: string;
  /** Where it is. */
  readonly urls: readonly Sourced<string>[];
  /** Deadline of one dial in milliseconds. */
  readonly connectTimeoutMs: Sourced<number>;
  /** Shortest delay between dials in milliseconds. */
  readonly minDelayMs: Sourced<number>;
  /** Longest delay between dials in milliseconds. */
  readonly maxDelayMs: Sourced<number>;
  /** How long a session must be up before delays start anew, in milliseconds. */
  readonly stableAfterMs: Sourced<number>;
  /** Dials in any window. */
  readonly attemptBudget: Sourced<{ readonly attempts: number; readonly windowMs: number }>;
  /** Nothing heard for so long: stale, in milliseconds. */
  readonly staleAfterMs: Sourced<number>;
  /** Nothing heard for so long: dead, in milliseconds. */
  readonly deadAfterMs: Sourced<number>;
  /** The venue's own keepalive. */
  readonly probe: Sourced<ProbeText>;
  /** What may be sent; absent where the venue says nothing that a limit on frames could keep. */
  readonly sendRateLimit?: Sourced<SendAllowance>;
  /** How much the reader may lag behind. */
  readonly buffer: Sourced<{ readonly maxFrames: number; readonly maxBytes: number }>;
  /** Tries after a permanent failure. */
  readonly permanentRetries: Sourced<number>;
  /** Reconnect proactively after so long, in milliseconds; absent where the venue has no maximum age. */
  readonly renewAfterMs?: Sourced<number>;
  /** What close codes and statuses mean here. */
  readonly failures: readonly Sourced<FailureRule>[];
  /** Whether a second connection may be opened before the first is closed. */
  readonly overlap: Sourced<boolean>;
}

/** Parts of a preset that another one starts from. */
export type PresetChanges = Partial<Omit<Preset, "name">> & Pick<Preset, "name">;

/** A preset that differs from another in some values. */
export function variant(base: Preset, changes: PresetChanges): Preset {
  return frozen({ ...base, ...changes });
}

/** Makes a preset that nobody can change by accident. */
export function frozen<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null && !Object.isFrozen(part)) frozen(part);
  }
  return Object.freeze(value);
}

/** The probe's message, numbered anew for each connection. */
function probeOf({ afterMs, text, countFrom = 1 }: ProbeText): LivenessOptions["probe"] & object {
  if (!text.includes("{n}")) return { afterMs, frame: text };
  let next = countFrom;
  return { afterMs, frame: () => text.replace("{n}", String(next++)) };
}

/**
 * Makes options of a preset: plain `ConnectionOptions`, to be used as they are or changed.
 *
 * Each call makes an attempt budget and a send rate limit of its own. Where the venue counts per address, call it once and give the
 * same `attemptBudget` to all connections.
 *
 * @param preset One of this module's presets, or one of your own.
 * @param changes Options that win over the preset's; `backoff`, `liveness` and `buffer` are merged member by member.
 * @returns options for `connect` and `open`.
 *
 * @example
 * ```ts
 * import { presetOptions, PRESETS } from "@holdfast/ws/venues";
 *
 * const options = presetOptions(PRESETS["binance-streams"], { liveness: { staleAfterMs: 30_000, deadAfterMs: 45_000 } });
 * console.log(options.liveness?.deadAfterMs, options.buffer?.maxFrames); // 45000 16384
 * ```
 *
 * @example Without the proactive reconnect
 * ```ts
 * import { presetOptions, PRESETS } from "@holdfast/ws/venues";
 *
 * const { renewAfterMs: _, ...options } = presetOptions(PRESETS["binance-streams"]);
 * console.log("renewAfterMs" in options); // false
 * ```
 */
export function presetOptions(preset: Preset, changes: ConnectionOptions = {}): ConnectionOptions {
  const { backoff, liveness, buffer, ...rest } = changes;
  return {
    connectTimeoutMs: preset.connectTimeoutMs.value,
    attemptBudget: attemptBudget(preset.attemptBudget.value),
    permanentRetries: preset.permanentRetries.value,
    classify: classifyBy(preset.failures),
    ...preset.sendRateLimit && { sendRateLimit: sendRateLimit(preset.sendRateLimit.value) },
    ...preset.renewAfterMs && { renewAfterMs: preset.renewAfterMs.value },
    ...rest,
    backoff: {
      minDelayMs: preset.minDelayMs.value,
      maxDelayMs: preset.maxDelayMs.value,
      multiplier: 2,
      stableAfterMs: preset.stableAfterMs.value,
      ...backoff,
    },
    liveness: {
      staleAfterMs: preset.staleAfterMs.value,
      deadAfterMs: preset.deadAfterMs.value,
      probe: probeOf(preset.probe.value),
      ...liveness,
    },
    buffer: { ...preset.buffer.value, ...buffer },
  };
}
