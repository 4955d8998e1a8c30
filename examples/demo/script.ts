/**
 * The script of the server: which faults come in which order. The same seed gives the same script.
 *
 * @module
 */
import { seeded } from "../sim/random.ts";

/** Every kind of fault. A run must show all of them. */
export const FAULT_KINDS = [
  "refuse",
  "hang",
  "reset",
  "close 1001",
  "close 1008",
  "close 1012",
  "half-open",
  "flood",
  "stall",
] as const;

/** One kind of fault. */
export type FaultKind = typeof FAULT_KINDS[number];

/** What happens to one dial instead of a session. */
export interface DialStep {
  readonly at: "dial";
  readonly kind: "refuse" | "hang";
  /** How it is refused: an HTTP status, or RST before any answer. */
  readonly how: 502 | 503 | "reset" | "silence";
}

/** What happens in one session, after some quotes: each of them ends it. */
export interface SessionStep {
  readonly at: "session";
  readonly kind: Exclude<FaultKind, "refuse" | "hang">;
  /** Its share of the time that is there for quotes. */
  readonly weight: number;
  readonly quotesPerSecond: number;
  /** Frames of a flood, or of what a stalled consumer is sent. */
  readonly frames: number;
}

/** One step of the script. */
export type Step = DialStep | SessionStep;

/** What a step takes beside its quotes, in milliseconds, the way back up included: an estimate. */
export const STEP_COST_MS: Readonly<Record<FaultKind, number>> = {
  "refuse": 250,
  "hang": 1_800,
  "reset": 250,
  "close 1001": 250,
  "close 1008": 250,
  "close 1012": 250,
  "half-open": 1_900,
  "flood": 500,
  "stall": 500,
};

/** Frames that the client's buffer holds: what is sent to a stalled consumer must be more. */
export const BUFFER_FRAMES = 4_096;

/** How many times all faults come: once per 20 seconds. */
export function roundsOf(durationS: number): number {
  return Math.max(1, Math.round(durationS / 20));
}

/** One step, made by chance. */
export function stepOf(kind: FaultKind, random: () => number): Step {
  const between = (least: number, most: number) =>
    least + Math.floor(random() * (most - least + 1));
  if (kind === "hang") return { at: "dial", kind, how: "silence" };
  if (kind === "refuse") {
    return { at: "dial", kind, how: ([502, 503, "reset"] as const)[between(0, 2)]! };
  }
  return {
    at: "session",
    kind,
    weight: between(6, 14),
    quotesPerSecond: between(5, 15) * 50,
    frames: kind === "flood"
      ? between(8_000, 16_000)
      : kind === "stall"
      ? BUFFER_FRAMES * between(2, 3)
      : 0,
  };
}

/** The whole script. */
export function scriptOf(seed: number, rounds: number): Step[] {
  const random = seeded(seed);
  const steps: Step[] = [];
  for (let round = 0; round < rounds; round++) {
    const kinds = shuffled(FAULT_KINDS, random);
    // A dial that fails before the first session is fair as well; only the very first one opens, so
    // that a viewer sees the feed before its troubles.
    if (round === 0) {
      const first = kinds.findIndex((kind) => kind !== "refuse" && kind !== "hang");
      kinds.unshift(...kinds.splice(first, 1));
    }
    for (const kind of kinds) {
      const times = kind === "refuse" ? 2 + Math.floor(random() * 2) : 1;
      for (let i = 0; i < times; i++) steps.push(stepOf(kind, random));
    }
  }
  return steps;
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
