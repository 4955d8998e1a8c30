/**
 * What a client adds between the message event and its consumer.
 *
 * @module
 */
import { candidates } from "./candidates.ts";
import { leaves } from "./holdfast.ts";
import { type Message, Meter } from "./meter.ts";
import { stampedLeaf, Stamps, stampSockets, unstampSockets } from "./stamped.ts";

/** Measure latency. */
export interface LatencyJob {
  readonly job: "latency";
  readonly candidate: string;
  readonly url: string;
  readonly count: number;
}

/** Microseconds. */
export interface LatencyResult {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A meter that also says how old each message is. */
class LatencyMeter extends Meter {
  readonly #stamps: Stamps;
  readonly #ages: Float64Array;
  #taken = 0;

  constructor(stamps: Stamps, count: number) {
    super();
    this.#stamps = stamps;
    this.#ages = new Float64Array(count);
  }

  override take(message: Message): boolean {
    const now = performance.now();
    if (super.take(message)) return true;
    this.#ages[this.#taken] = (now - this.#stamps.at(this.#taken)) * 1_000;
    this.#taken++;
    return false;
  }

  /** The first tenth warms up. */
  get result(): LatencyResult {
    const ages = this.#ages.slice(Math.floor(this.#taken / 10), this.#taken).sort();
    const at = (share: number) => ages[Math.floor(share * (ages.length - 1))] ?? NaN;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

/** Runs one. */
export async function measureLatency(job: LatencyJob): Promise<LatencyResult> {
  const { candidate, url, count } = job;
  const stamps = new Stamps(count + 1);
  const meter = new LatencyMeter(stamps, count);
  if (!candidate.startsWith("tcp.")) stampSockets(stamps);
  leaves.wrap = candidate.startsWith("tcp.") ? (leaf) => stampedLeaf(leaf, stamps) : undefined;
  try {
    await candidates[candidate]!(url, meter);
  } finally {
    unstampSockets();
    leaves.wrap = undefined;
  }
  return meter.result;
}
