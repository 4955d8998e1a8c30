/**
 * The figures of a run, as they are written to JSON.
 *
 * `receive.<runtime>.<candidate>` is a ratio: 200-byte text, frames per second, the bare native listener = 1; `readable` is
 * held against the native listener into a `ReadableStream`. All else that was measured beside a ratio is under `detail`, by the same path.
 *
 * @module
 */
import type { HostName } from "./client/host.ts";
import type { Section } from "./options.ts";
import type { Machine } from "./run/machine.ts";

/** A tree of figures; `null` stands for what never came. */
export interface Figures {
  [name: string]: number | null | Figures;
}

/** Figures per runtime. */
export type PerRuntime = Partial<Record<HostName, Figures>>;

/** When and how a part was measured: a file may hold parts of several runs. */
export interface Measurement {
  readonly date: string;
  readonly rounds: number;
  /** Load average of the last minute at its beginning. */
  readonly load: number;
}

/** One run, with the parts that the file had of runs before it. */
export interface Results {
  /** When it began. */
  readonly date: string;
  /** Rounds, with one that was discarded. */
  readonly rounds: number;
  readonly machine: Machine;
  readonly versions: Record<string, string>;
  /** Each part by section and runtime. */
  measured?: Partial<Record<Section, Partial<Record<HostName, Measurement>>>>;
  /** Throughput of receiving, as ratios. */
  receive?: PerRuntime;
  /** Throughput of sending, as ratios; the cost of the rate limit in nanoseconds. */
  send?: PerRuntime;
  /** Round trips over the tcp leaf and over the bare socket: medians in milliseconds, and their ratio. */
  echo?: PerRuntime;
  /** Microseconds between the message event and the consumer, median and 99th percentile. */
  latency?: PerRuntime;
  /** A consumer that is ten times too slow. */
  overload?: PerRuntime;
  /** Milliseconds from a loss to the first frame after it, beyond the bare handshake; a thousand connections on one budget. */
  reconnect?: PerRuntime;
  /** Milliseconds without a feed after a fault, by fault and client; `null` if it did not come back. */
  recovery?: PerRuntime;
  /** Bytes of heap per idle connection; bytes of bundles. */
  footprint?: PerRuntime;
  /** The figures behind the figures. */
  detail: Record<string, Partial<Record<HostName, unknown>>>;
}
