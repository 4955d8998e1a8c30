/**
 * One section on one runtime: measures, and puts the figures where they belong.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { Section } from "../options.ts";
import type { Figures, Results } from "../results.ts";
import type { BenchServer } from "./programs.ts";
import { measureEchoes } from "./echo.ts";
import { measureFootprints } from "./footprint.ts";
import { measureLatencies } from "./latency.ts";
import { measureSends } from "./send.ts";
import { measureOverloads } from "./overload.ts";
import { measureReconnects } from "./reconnect.ts";
import { measureRecoveries } from "./recovery.ts";
import { measureReceive, RECEIVE_GROUPS, type ReceiveFigure } from "./receive.ts";

/** What a section is given. */
export interface SectionRun {
  readonly runtime: HostName;
  readonly server: BenchServer;
  readonly rounds: number;
  /** Tells of the progress. */
  readonly note: (text: string) => void;
  /** Takes the figures. */
  readonly results: Results;
}

/** Runs one. */
export async function runSection(section: Section, run: SectionRun): Promise<void> {
  const { runtime, results } = run;
  const { figures, detail } = await SECTION_RUNS[section](run);
  (results[section] ??= {})[runtime] = figures;
  (results.detail[section] ??= {})[runtime] = detail;
}

/** What came of one. */
export interface Measured {
  readonly figures: Figures;
  readonly detail: unknown;
}

const SECTION_RUNS: Readonly<Record<Section, (run: SectionRun) => Promise<Measured>>> = {
  receive,
  latency: measureLatencies,
  send: measureSends,
  echo: measureEchoes,
  overload: measureOverloads,
  reconnect: measureReconnects,
  recovery: measureRecoveries,
  footprint: measureFootprints,
};

async function receive({ runtime, server, rounds, note }: SectionRun): Promise<Measured> {
  const detail: Record<string, Record<string, ReceiveFigure>> = {};
  for (const group of RECEIVE_GROUPS) {
    detail[group.name] = await measureReceive(runtime, group, { server, rounds, note });
  }
  const { text200, ...others } = detail;
  return {
    figures: { ...ratiosOf(text200!), ...mapped(others, ratiosOf) },
    detail,
  };
}

function mapped<T, U>(values: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

/** Ratios by name; `tcp.forAwait` is `forAwait` of `tcp`. */
export function ratiosOf(figures: Readonly<Record<string, ReceiveFigure>>): Figures {
  const tree: Figures = {};
  const tcp: Figures = {};
  for (const [name, { ratio }] of Object.entries(figures)) {
    const value = Number(ratio.median.toFixed(3));
    if (name.startsWith("tcp.")) tcp[name.slice(4)] = value;
    else tree[name] = value;
  }
  return Object.keys(tcp).length === 0 ? tree : { ...tree, tcp };
}
