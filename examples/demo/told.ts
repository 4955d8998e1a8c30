/**
 * Trace events in words, and as a level.
 *
 * @module
 */
import type { SessionEnd, TraceEvent } from "../../mod.ts";
import type { Level } from "./timeline.ts";

/** How a session ended; `shutDown`: because we wanted it to. */
export function endInWords({ code, origin }: SessionEnd, shutDown: boolean): string {
  if (shutDown) return `shut down, close ${code}`;
  switch (origin) {
    case "server":
      return `close ${code} by the server`;
    case "local":
      return "silent, abandoned";
    case "network":
    case "protocol":
    case "handshake":
      return `lost, ${code} (${origin})`;
    default:
      return origin satisfies never;
  }
}

/** The level from this event on, if it changes one. */
export function levelAfter(event: TraceEvent): Level | undefined {
  switch (event.type) {
    case "start":
    case "alive":
      return "up";
    case "stale":
      return "stale";
    case "down":
    case "end":
      return "down";
    default:
      return undefined;
  }
}

/** A line for people, about what they would want to know; `shutDown`: we have asked for the end. */
export function lineOf(event: TraceEvent, shutDown: boolean): string | undefined {
  switch (event.type) {
    case "start":
      return `session ${event.epoch} up, subscribed`;
    case "stale":
    case "alive":
      return `session ${event.epoch} ${event.type}`;
    case "down":
      return `session ${event.epoch} ${endInWords(event.end, shutDown)}`;
    case "failure":
      return event.stage === "dial" ? `dial failed: ${event.error.code}` : undefined;
    case "lag":
      return `lagged ${event.totalLagged} frames so far`;
    default:
      return undefined;
  }
}
