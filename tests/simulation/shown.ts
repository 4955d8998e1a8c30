/**
 * Trace events as words.
 *
 * @module
 */
import type { TraceEvent } from "../../mod.ts";

/** One event, without its time. */
export function shownTrace(event: TraceEvent): string {
  switch (event.type) {
    case "dial":
      return `dial ${event.attempt}`;
    case "failure":
      return `failure ${event.stage} ${event.error.code} ${event.verdict} x${event.inARow}`;
    case "retry":
      return `retry ${event.delayMs} hint ${event.hintMs}`;
    case "down":
      return `down ${event.epoch} ${event.end.code} ${event.firstSeq}-${event.lastSeq}`;
    case "lag":
      return `lag ${event.totalLagged} ${event.totalLaggedBytes}`;
    case "config":
      return "config";
    case "unrecoverable":
    case "exhausted":
      return event.type;
    case "end":
      return `end zombies ${event.zombies}`;
    default:
      return `${event.type} ${event.epoch}`;
  }
}
