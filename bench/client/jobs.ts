/**
 * The jobs that a client process knows.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { candidates } from "./candidates.ts";
import type { Counted } from "./controls.ts";
import { type EchoJob, measureEcho } from "./echo.ts";
import { type FootprintJob, measureFootprint } from "./footprint.ts";
import { peakRss } from "./heap.ts";
import { type LatencyJob, measureLatency } from "./latency.ts";
import { type LimiterJob, measureLimiter } from "./limiter.ts";
import { Meter, type Reading } from "./meter.ts";
import { measureOverload, type OverloadJob } from "./overload.ts";
import {
  measureReconnect,
  measureRestart,
  type ReconnectJob,
  type RestartJob,
} from "./reconnect.ts";
import { measureRecovery, type RecoveryJob } from "./recovery.ts";
import { measureSend, type SendJob } from "./send.ts";

/** What a client process is asked to do. */
export type Job =
  | ReceiveJob
  | LatencyJob
  | SendJob
  | EchoJob
  | LimiterJob
  | OverloadJob
  | ReconnectJob
  | RestartJob
  | RecoveryJob
  | FootprintJob;

/** Receive one feed. */
export interface ReceiveJob {
  readonly job: "receive";
  readonly candidate: string;
  readonly url: string;
  /** Whether the consumer reads the messages as JSON. */
  readonly parse: boolean;
}

/** What came of a {@link ReceiveJob}. */
export interface ReceiveResult extends Reading, Counted {
  /** The most memory that the process has had so far, in bytes. */
  readonly peakRss: number;
  /** Processor time of all its threads, in milliseconds. */
  readonly cpuMs: number;
}

async function receive({ candidate, url, parse }: ReceiveJob): Promise<ReceiveResult> {
  const run = candidates[candidate];
  if (run === undefined) throw new Error(`No such candidate: ${candidate}`);
  const meter = new Meter(parse);
  const before = cpuUsage();
  const counted = await run(url, meter);
  const { user, system } = cpuUsage(before);
  return {
    ...meter.reading,
    dropped: counted?.dropped ?? 0,
    peakRss: peakRss(),
    cpuMs: (user + system) / 1_000,
  };
}

/** Runs one. */
export async function runJob(job: Job): Promise<unknown> {
  switch (job.job) {
    case "receive":
      return await receive(job);
    case "latency":
      return await measureLatency(job);
    case "send":
      return await measureSend(job);
    case "echo":
      return await measureEcho(job);
    case "limiter":
      return await measureLimiter();
    case "overload":
      return await measureOverload(job);
    case "reconnect":
      return await measureReconnect(job);
    case "restart":
      return await measureRestart(job);
    case "recovery":
      return await measureRecovery(job);
    case "footprint":
      return await measureFootprint(job);
    default:
      return job satisfies never;
  }
}
