/**
 * Whether a fault that the server says it did was met by the client, in its own terms: a fault that
 * nobody felt proves nothing.
 *
 * @module
 */
import type { SessionEnd, TraceEvent } from "../../mod.ts";
import type { FaultReport } from "./messages.ts";
import { FAULT_KINDS, type FaultKind } from "./script.ts";

/** What the client knows of its faults. */
export class Symptoms {
  /** Number of the last dial. */
  dials = 0;
  /** Sessions that went stale. */
  readonly stale: Set<number> = new Set();
  /** How sessions ended. */
  readonly ends: Map<number, SessionEnd> = new Map();
  /** The error code of dials that failed. */
  readonly failedDials: Map<number, string> = new Map();
  /** Sessions in which the reader stood still until it had lost frames. */
  readonly stalled: Set<number> = new Set();

  /** Takes a trace event. */
  note(event: TraceEvent): void {
    if (event.type === "dial") this.dials = event.attempt;
    if (event.type === "stale") this.stale.add(event.epoch);
    if (event.type === "down") this.ends.set(event.epoch, event.end);
    if (event.type === "failure" && event.stage === "dial") {
      this.failedDials.set(this.dials, event.error.code);
    }
  }
}

/** Whether the client met this fault, in this dial or session, as what it was. */
export function isShown(
  fault: FaultReport,
  symptoms: Symptoms,
  heard: (epoch: number) => number,
): boolean {
  const end = symptoms.ends.get(fault.epoch);
  switch (fault.kind) {
    case "refuse":
      return symptoms.failedDials.get(fault.dial) === "connect_failed";
    case "hang":
      return symptoms.failedDials.get(fault.dial) === "connect_timeout";
    case "reset":
      return end?.code === 1006 && end.origin === "network";
    case "close 1001":
    case "close 1008":
    case "close 1012":
      return end?.clean === true && fault.kind === `close ${end.code}`;
    case "half-open":
      // Nothing on the wire says so: the client has to find out, and to let go by itself.
      return symptoms.stale.has(fault.epoch) && end?.code === 1006 && end.origin === "local";
    case "flood":
      return heard(fault.epoch) >= fault.sent;
    case "stall":
      return symptoms.stalled.has(fault.epoch);
    default:
      return fault.kind satisfies never;
  }
}

/** The kinds of which the client met none. */
export function missingKinds(
  faults: readonly FaultReport[],
  shown: (fault: FaultReport) => boolean,
): FaultKind[] {
  const met = new Set(faults.filter(shown).map(({ kind }) => kind));
  return FAULT_KINDS.filter((kind) => !met.has(kind));
}
