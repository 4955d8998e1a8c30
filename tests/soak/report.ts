/**
 * What a watched client comes to.
 *
 * @module
 */
import { judge, type Judgement, noTotals, type Sample, type Series } from "./sample.ts";
import type { Watched } from "./watch.ts";

/**
 * Growth that is still called flat. Two minutes have some 15,000 sessions of the platform's own leaf alone (Deno 2.9.5,
 * two cores), so that a leak of 250 bytes per session is above it; a longer run finds a smaller one.
 */
const ALLOWED_HEAP_BYTES = 2 * 2 ** 20;
/** Counts go up and down with what the actors do; a leak of one per reconnect is thousands. */
const ALLOWED_COUNT = 20;

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** With commas. */
export const thousands = (count: number): string => Math.round(count).toLocaleString("en");

/** One sample, for who watches. */
export function line(leaf: string, sample: Sample, descriptors: number): string {
  const { atMs, heapBytes, timers, sockets, zombies, totals } = sample;
  const { opened, received, lagged } = totals;
  return `${String(Math.round(atMs / 1_000)).padStart(6)} s  ${leaf.padEnd(10)}  ` +
    `${thousands(opened)} sessions, ${thousands(received)} frames received, ` +
    `${thousands(lagged)} lagged; heap ${mebibytes(heapBytes)}, ${timers} timers, ` +
    `${sockets} sockets (${zombies} abandoned), ${descriptors} descriptors`;
}

function shown({ name, flat, growth, perMinute, middle }: Judgement): string {
  const [amount, slope, usual] = name === "heap"
    ? [mebibytes(growth), `${(perMinute / 1024).toFixed(0)} KiB`, mebibytes(middle)]
    : [growth.toFixed(1), perMinute.toFixed(1), middle.toFixed(0)];
  return `${flat ? "flat" : "GREW"}  ${name}: median ${usual}, ${amount} over the time after the ` +
    `warm-up (${slope} per minute)`;
}

/** What one client comes to. */
export interface Report {
  /** In the order in which they are printed; the last one has the totals. */
  readonly lines: readonly string[];
  /** What failed. */
  readonly failures: readonly string[];
}

/** Judges a client. */
export function reportOf(watched: Watched): Report {
  const { leaf, samples, descriptors, resident, end, left, problem } = watched;
  const failures: string[] = problem === undefined ? [] : [problem];
  const series = (of: (sample: Sample) => number): Series =>
    samples.map((sample) => [sample.atMs, of(sample)]);
  const judgements = [
    judge("heap", series(({ heapBytes }) => heapBytes), ALLOWED_HEAP_BYTES),
    judge("timers", series(({ timers }) => timers), ALLOWED_COUNT),
    judge("listeners", series(({ listeners }) => listeners), ALLOWED_COUNT),
    judge("sockets", series(({ sockets }) => sockets), ALLOWED_COUNT),
    judge("descriptors", descriptors, ALLOWED_COUNT),
  ];
  for (const { name, flat } of judgements) {
    if (!flat) failures.push(samples.length < 8 ? `${name}: too few samples` : `${name} grew`);
  }
  if (end !== undefined) {
    failures.push(...end.violations.slice(0, 10));
    const { timers, listeners, sockets, connections } = end;
    for (const [name, count] of Object.entries({ timers, listeners, sockets, connections })) {
      if (count !== 0) failures.push(`${count} ${name} at the end`);
    }
    if (left > 0) failures.push(`${left} descriptors of sockets at the end`);
    const { opened, received, leafDropped, delivered, lagged, discarded, buffered } = end.totals;
    if (received + leafDropped !== delivered + lagged + discarded + buffered) {
      failures.push(`conservation: ${JSON.stringify(end.totals)}`);
    }
    if (opened === 0 || delivered === 0) failures.push("nothing was soaked");
  }
  const { opened, received, leafDropped, delivered, lagged, discarded, buffered } =
    (end ?? samples.at(-1))?.totals ?? noTotals();
  const dropped = leafDropped > 0 ? ` + ${thousands(leafDropped)} dropped by the leaf` : "";
  const lines = [
    ...judgements.map(shown),
    `      resident: ${mebibytes(judge("", resident, 0).middle)} median, not judged`,
    `${leaf}: ${failures.length > 0 ? "FAIL" : "PASS"} ${thousands(opened)} sessions, ` +
    `${thousands(received)} frames${dropped} = ${thousands(delivered)} ` +
    `delivered + ${thousands(lagged)} lagged + ${thousands(discarded)} discarded + ` +
    `${thousands(buffered)} left unread, ` +
    `heap ${(judgements[0]!.perMinute / 1024).toFixed(0)} KiB per minute, ` +
    `timers ${end?.timers ?? "?"}, listeners ${end?.listeners ?? "?"}, descriptors ${left}`,
  ];
  return { lines, failures };
}
