/**
 * One client of the soak test, watched from outside until it ends.
 *
 * @module
 */
import type { Child } from "../faults/child.ts";
import { openSockets, residentBytes } from "../faults/resources.ts";
import type { SoakLeaf } from "./leaves.ts";
import type { Sample, Series } from "./sample.ts";

/** The last report of a client. */
export interface End extends Sample {
  /** Broken promises. */
  readonly violations: readonly string[];
}

/** All that was seen of a client. */
export interface Watched {
  readonly leaf: SoakLeaf;
  readonly samples: readonly Sample[];
  /** Descriptors of sockets, counted at the process. */
  readonly descriptors: Series;
  /** Bytes in RAM. */
  readonly resident: Series;
  /** Absent if the client ended without one. */
  readonly end: End | undefined;
  /** Descriptors of sockets behind the end. */
  readonly left: number;
  /** What the client wrote when it failed. */
  readonly problem: string | undefined;
}

/** Watches until the end, which leaves the client to be closed. */
export async function watch(
  leaf: SoakLeaf,
  client: Child,
  { show }: { readonly show: (sample: Sample, descriptors: number) => void },
): Promise<Watched> {
  const samples: Sample[] = [];
  const descriptors: [number, number][] = [];
  const resident: [number, number][] = [];
  let end: End | undefined;
  for await (const event of client.lines()) {
    if (event.event === "end") {
      end = event as unknown as End;
      break;
    }
    if (event.event !== "sample") continue;
    const sample = event as unknown as Sample;
    const open = openSockets(client.pid) ?? 0;
    samples.push(sample);
    descriptors.push([sample.atMs, open]);
    resident.push([sample.atMs, residentBytes(client.pid)]);
    show(sample, open);
  }
  const problem = end === undefined
    ? `the client ended: ${client.errors.slice(-2_000)}`
    : undefined;
  return {
    leaf,
    samples,
    descriptors,
    resident,
    end,
    left: openSockets(client.pid) ?? 0,
    problem,
  };
}
