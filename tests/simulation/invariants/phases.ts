/**
 * I9: only legal transitions, and what is final stays. Also the counters of I2 and I10 that only grow.
 *
 * @module
 */
import type { LifecycleSnapshot, Phase } from "../../../mod.ts";
import type { Fail } from "./fail.ts";

const LEGAL: Readonly<Record<Phase, readonly Phase[]>> = {
  connecting: ["connected", "resumed", "closed", "unrecoverable"],
  // A new session may be up within one step: there is no start to wait for. But between two sessions there is always a dial.
  connected: ["stale", "reconnecting", "closed", "unrecoverable"],
  resumed: ["stale", "reconnecting", "closed", "unrecoverable"],
  stale: ["connected", "resumed", "reconnecting", "closed", "unrecoverable"],
  reconnecting: ["connected", "resumed", "closed", "unrecoverable"],
  closed: [],
  unrecoverable: [],
};

const GROWING = [
  "epoch",
  "attempts",
  "stales",
  "totalLagged",
  "totalLaggedBytes",
  "totalDiscarded",
  "version",
] as const;

function isFinal(value: LifecycleSnapshot): boolean {
  return value.phase === "closed" || value.phase === "unrecoverable" || value.exhausted;
}

/** Compares two snapshots between which one event was handled. */
export function checkTransition(
  before: LifecycleSnapshot,
  after: LifecycleSnapshot,
  fail: Fail,
): void {
  if (before === after) return;
  const change = `${before.phase} -> ${after.phase}`;
  if (before.phase !== after.phase && !LEGAL[before.phase].includes(after.phase)) {
    fail("I9", `illegal transition ${change}`);
  }
  if (isFinal(before)) {
    const { phase, epoch, attempts, stales, exhausted, error } = before;
    const same = after.phase === phase && after.epoch === epoch && after.attempts === attempts &&
      after.stales === stales && after.exhausted === exhausted && after.error === error;
    if (!same) fail("I9", `something changed after the end: ${change}`);
  }
  for (const name of GROWING) {
    if (after[name] < before[name]) {
      fail("I10", `${name} fell from ${before[name]} to ${after[name]}`);
    }
  }
  if (after.epoch > before.epoch + 1) {
    fail("I2", `epoch jumped from ${before.epoch} to ${after.epoch}`);
  }
  const up = after.phase === "connected" || after.phase === "resumed";
  if (after.up !== (after.downSinceMs === undefined)) {
    fail("I9", `up is ${after.up} and downSinceMs ${after.downSinceMs}`);
  }
  if (after.up && !up) fail("I9", `up in phase ${after.phase}`);
  if (up && !after.up && !after.exhausted) fail("I9", `not up in phase ${after.phase}`);
  if (after.phase === "connected" && after.epoch !== 1) {
    fail("I9", `connected in epoch ${after.epoch}`);
  }
  if (after.phase === "resumed" && after.epoch < 2) fail("I9", `resumed in epoch ${after.epoch}`);
}
