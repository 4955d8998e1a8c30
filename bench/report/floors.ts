/**
 * What the speed must be, as data: the page and whoever wants to know hold the figures against it.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { Results } from "../results.ts";
import { flattened } from "./table.ts";

/** One bound: a section's figure by its path, per runtime. */
export interface Floor {
  readonly section: "receive" | "send" | "echo" | "overload" | "reconnect" | "footprint";
  readonly path: string;
  /** Whether the figure must not be below the bound, or not above it. */
  readonly sense: "at least" | "at most";
  readonly bound: Readonly<Partial<Record<HostName, number>>>;
}

const everywhere = (bound: number) => ({ deno: bound, node: bound, bun: bound });

/** The bounds. */
export const FLOORS: readonly Floor[] = [
  floor("receive", "forAwait", { deno: 0.72, node: 0.82, bun: 0.58 }),
  floor("receive", "batches", { deno: 0.8, node: 0.88, bun: 0.8 }),
  floor("receive", "readable", { deno: 0.85, node: 0.85, bun: 0.8 }),
  floor("receive", "tcp.forAwait", { deno: 1.8, node: 2.5, bun: 1.1 }),
  floor("receive", "tcp.batches", { deno: 3, node: 4, bun: 1.5 }),
  floor("receive", "wss200.tcp.forAwait", { deno: 1.5, node: 2, bun: 1.05 }),
  floor("receive", "text1400.tcp.forAwait", { deno: 1.1, node: 1.3, bun: 0.85 }),
  floor("receive", "text64k.tcp.forAwait", { deno: 0.7, node: 1.3, bun: 0.5 }),
  floor("send", "tcp", { deno: 4, node: 15, bun: 10 }),
  ceiling("send", "limiterNs.on", everywhere(300)),
  ...["at1025", "at4096", "at16384"].flatMap((size) => [
    ceiling("echo", `${size}.tcpMs`, everywhere(5)),
    ceiling("echo", `${size}.ratio`, everywhere(1.15)),
  ]),
  ceiling("reconnect", "beyondHandshakeMs", everywhere(1)),
  ceiling("reconnect", "fleet.mostPerWindow", everywhere(100)),
  ceiling("reconnect", "fleet.overBound", everywhere(0.05)),
  floor("overload", "countsExact", everywhere(1)),
  floor("overload", "newestKept", everywhere(1)),
  // `maxBytes`, one frame, one batch and 8 MiB, as in bench/run/overload.ts.
  ceiling("overload", "heldBytes", everywhere(16_798_216)),
  // Of a ping every 250 ms for 10 s.
  floor("overload", "pongs", everywhere(39)),
  ceiling("footprint", "beyondBareSocket", everywhere(6_144)),
  // The same on all, as Node packs them.
  ceiling("footprint", "bundle.connect() of mod.ts", { node: 12_000 }),
  ceiling("footprint", "bundle.contract and the leaf of ./web alone", { node: 3_000 }),
];

function floor(section: Floor["section"], path: string, bound: Floor["bound"]): Floor {
  return { section, path, sense: "at least", bound };
}

function ceiling(section: Floor["section"], path: string, bound: Floor["bound"]): Floor {
  return { section, path, sense: "at most", bound };
}

/** One bound held against a figure. */
export interface Verdict {
  readonly floor: Floor;
  readonly runtime: HostName;
  readonly value: number;
  readonly bound: number;
  readonly met: boolean;
}

/** Holds all figures that there are against their bounds. */
export function verdicts(results: Results): Verdict[] {
  const found: Verdict[] = [];
  for (const each of FLOORS) {
    for (const [runtime, bound] of Object.entries(each.bound) as [HostName, number][]) {
      const tree = results[each.section]?.[runtime];
      const value = tree === undefined ? undefined : flattened(tree).get(each.path);
      if (typeof value !== "number") continue;
      const met = each.sense === "at least" ? value >= bound : value <= bound;
      found.push({ floor: each, runtime, value, bound, met });
    }
  }
  return found;
}
