/**
 * What was really seen over all histories of a run.
 *
 * @module
 */
import type { Phase } from "../../mod.ts";

/** Everything that goes wrong in a simulation. Each is counted when it takes effect, not when it is planned. */
export const FAULTS = [
  // Dials.
  "refused",
  "status 401",
  "status 429 with Retry-After",
  "status 503",
  "handshake hangs",
  "handshake is slow",
  "handshake at the very deadline",
  "opens late",
  "wrong subprotocol",
  "accepted, then closed",
  // Credentials.
  "auth fails",
  "auth rejected",
  "auth is slow",
  "auth hangs",
  // Start.
  "start fails",
  "start rejected",
  "start hangs",
  // Sessions.
  "reset",
  "close code",
  "protocol violation",
  "ends twice",
  "half-open",
  "silence",
  "link half-open",
  "link reset",
  "flood",
  "flood, then close",
  "ping flood",
  "frame above the byte bound",
  "leaf drops",
  "recv layer throws",
  "recv layer terminates",
  "send layer throws",
  "socket is stuck",
  "socket is slow",
  "socket is deaf",
  "abandoned socket talks",
  "abandoned socket ends",
  "peer ignores close",
  "frames during close",
  // Application.
  "consumer stalls",
  "consumer cancels",
  "reader changes",
  "reader leaves a read behind",
  "observer throws",
  "tracer throws",
  "classify throws",
  "probe throws",
  "sender aborts",
  "forceReconnect storm",
  "markHealthy",
  "shutdown",
  "shutdown twice",
  "signal aborts",
  "writable closed",
  "writable aborted",
  // Time.
  "wall clock forward",
  "wall clock back",
  "sleep",
] as const;

/** One of {@link FAULTS}. */
export type Fault = typeof FAULTS[number];

/** The phases there are. */
export const PHASES: readonly Phase[] = [
  "connecting",
  "connected",
  "stale",
  "reconnecting",
  "resumed",
  "closed",
  "unrecoverable",
];

/** Tenths of the range between the shortest and the longest first delay. */
const BINS = 10;

/** Counts over all seeds of a run. */
export class Tally {
  /** Phases that some snapshot had. */
  readonly phases: Set<Phase> = new Set();
  /** How often each fault took effect. */
  readonly faults: Map<Fault, number> = new Map();
  /** Sessions after the first of a connection. */
  reconnects = 0;
  /** Sessions. */
  sessions = 0;
  /** Connections. */
  connections = 0;
  /** Connections that gave up by an own limit. */
  exhausted = 0;
  /** Events of the longest history. */
  mostEvents = 0;
  /** Events of all histories. */
  events = 0;
  /** Simulated time of all histories, in milliseconds. */
  virtualMs = 0;
  /** Where in their range the first delays fell, in tenths: they must be all over it. */
  readonly firstDelays: number[] = new Array<number>(BINS).fill(0);

  /** A fault took effect. */
  fault(name: Fault): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  /** A first delay, as its place in its range: 0 to 1. */
  firstDelay(place: number): void {
    this.firstDelays[Math.min(BINS - 1, Math.floor(place * BINS))]!++;
  }

  /** What is missing for a run of so many seeds; a run that is long enough must have seen everything. */
  gaps(seeds: number): string[] {
    if (seeds < 1_000) return [];
    const gaps = PHASES.filter((phase) => !this.phases.has(phase)).map((phase) =>
      `phase ${phase} was never seen`
    );
    for (const fault of FAULTS) {
      if (!this.faults.has(fault)) gaps.push(`fault "${fault}" never took effect`);
    }
    const total = this.firstDelays.reduce((sum, count) => sum + count, 0);
    for (const [bin, count] of this.firstDelays.entries()) {
      // Uniform gives a tenth; a jitter that is off, or that spares the first retry, is far outside.
      if (count < total / BINS / 2 || count > total / BINS * 2) {
        gaps.push(
          `I13: ${count} of ${total} first delays fell into tenth ${bin + 1} of their range`,
        );
      }
    }
    return gaps;
  }
}
