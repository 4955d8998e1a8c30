/**
 * What is measured during a soak, and how a series is judged.
 *
 * @module
 */
import type { ReconnectingConnection } from "../../mod.ts";

/** Running totals over all connections. */
export interface Totals {
  readonly opened: number;
  readonly attempts: number;
  readonly received: number;
  /** By a leaf with a buffer of its own. */
  readonly leafDropped: number;
  readonly delivered: number;
  readonly lagged: number;
  readonly discarded: number;
  /** Not delivered yet, or never, where a reader left before the end. */
  readonly buffered: number;
  readonly sent: number;
  readonly stales: number;
}

/** What a client holds at one moment, after its garbage was collected. */
export interface Sample {
  /** Since the start. */
  readonly atMs: number;
  readonly heapBytes: number;
  /** Timers of our clock that are set. */
  readonly timers: number;
  /** Listeners on the signal that all connections share. */
  readonly listeners: number;
  /** Connections that have not ended. */
  readonly connections: number;
  /** Sockets whose end the platform has not reported. */
  readonly sockets: number;
  /** Those of them that were abandoned, as the connections count them. */
  readonly zombies: number;
  readonly totals: Totals;
}

/** Nothing yet. */
export function noTotals(): Totals {
  return {
    opened: 0,
    attempts: 0,
    received: 0,
    leafDropped: 0,
    delivered: 0,
    lagged: 0,
    discarded: 0,
    buffered: 0,
    sent: 0,
    stales: 0,
  };
}

/** A connection's counts on top. */
export function addTotals(totals: Totals, connection: ReconnectingConnection): Totals {
  const { epoch, attempts, stales } = connection.lifecycle.value;
  const { received, leafDropped, delivered, totalLagged, totalDiscarded, buffered, sent } =
    connection.stats();
  return {
    opened: totals.opened + epoch,
    attempts: totals.attempts + attempts,
    received: totals.received + received,
    leafDropped: totals.leafDropped + leafDropped,
    delivered: totals.delivered + delivered,
    lagged: totals.lagged + totalLagged,
    discarded: totals.discarded + totalDiscarded,
    buffered: totals.buffered + buffered,
    sent: totals.sent + sent,
    stales: totals.stales + stales,
  };
}

/** One value over time. */
export type Series = readonly (readonly [atMs: number, value: number])[];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The slope of a series per minute: the median of the slopes between all pairs of points (Theil and
 * Sen), which a few outliers do not move.
 */
export function slopePerMinute(series: Series): number {
  const slopes: number[] = [];
  for (let i = 0; i < series.length; i++) {
    for (let j = i + 1; j < series.length; j++) {
      const [[at, value], [later, other]] = [series[i]!, series[j]!];
      if (later > at) slopes.push((other - value) / (later - at) * 60_000);
    }
  }
  return median(slopes);
}

/** The part of a series behind its warm-up: caches, compiled code and pools have filled by then. */
export function settled(series: Series): Series {
  const end = series.at(-1)?.[0] ?? 0;
  return series.filter(([at]) => at >= end / 3);
}

/** How a series went. */
export interface Judgement {
  readonly name: string;
  readonly flat: boolean;
  /** From first to last, as the slope says. */
  readonly growth: number;
  readonly perMinute: number;
  readonly middle: number;
}

/**
 * Judges a series behind its warm-up.
 *
 * @param name What it is called.
 * @param series The points.
 * @param allowed Growth over the time that is looked at which is still called flat.
 */
export function judge(name: string, series: Series, allowed: number): Judgement {
  const points = settled(series);
  const perMinute = slopePerMinute(points);
  const minutes = ((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0)) / 60_000;
  const growth = perMinute * minutes;
  return {
    name,
    flat: points.length >= 5 && growth <= allowed,
    growth,
    perMinute,
    middle: median(points.map(([, value]) => value)),
  };
}
