/**
 * What the chart shows: the last minute, as spans of phases and as samples.
 *
 * @module
 */
import type { ConnectionStats, LifecycleSnapshot, Phase } from "../../mod.ts";

/** How long the chart looks back, in milliseconds. */
export const WINDOW_MS = 60_000;

/** One phase of one session, until the next span begins. */
export interface Span {
  readonly fromMs: number;
  readonly phase: Phase;
  readonly epoch: number;
}

/** The counts at one moment, since the sample before. */
export interface Sample {
  readonly atMs: number;
  /** Frames per second. */
  readonly rate: number;
  /** Frames that wait for the reader. */
  readonly buffered: number;
  /** Frames lost since the sample before. */
  readonly lagged: number;
}

/** The last minute. */
export class History {
  /** Oldest first; the first one may have begun before the window. */
  readonly spans: Span[] = [];
  /** Oldest first. */
  readonly samples: Sample[] = [];
  #before:
    | { readonly atMs: number; readonly received: number; readonly totalLagged: number }
    | undefined;

  /** Notes a phase. */
  phase(atMs: number, { phase, epoch }: Pick<LifecycleSnapshot, "phase" | "epoch">): void {
    const last = this.spans.at(-1);
    if (last?.phase === phase && last.epoch === epoch) return;
    this.spans.push({ fromMs: atMs, phase, epoch });
  }

  /** Notes the counts. @returns the sample, once there are two to compare. */
  count(
    atMs: number,
    { received, buffered, totalLagged }: Pick<
      ConnectionStats,
      "received" | "buffered" | "totalLagged"
    >,
  ): Sample | undefined {
    const before = this.#before;
    this.#before = { atMs, received, totalLagged };
    if (before === undefined || atMs <= before.atMs) return undefined;
    const sample = {
      atMs,
      rate: (received - before.received) * 1_000 / (atMs - before.atMs),
      buffered,
      lagged: totalLagged - before.totalLagged,
    };
    this.samples.push(sample);
    this.#forget(atMs - WINDOW_MS);
    return sample;
  }

  #forget(beforeMs: number): void {
    // One sample and one span from before the window reach into it.
    while (this.samples.length > 1 && this.samples[1]!.atMs < beforeMs) this.samples.shift();
    while (this.spans.length > 1 && this.spans[1]!.fromMs < beforeMs) this.spans.shift();
  }
}

/** How a phase looks: by height as well as by colour. */
export type Level = "up" | "stale" | "down" | "closed";

/** The level of a phase. */
export function levelOf(phase: Phase): Level {
  switch (phase) {
    case "connected":
    case "resumed":
      return "up";
    case "stale":
      return "stale";
    case "connecting":
    case "reconnecting":
      return "down";
    case "closed":
    case "unrecoverable":
      return "closed";
    default:
      return phase satisfies never;
  }
}
