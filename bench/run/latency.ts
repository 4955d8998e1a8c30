/**
 * What each form adds between the message event and the consumer, at two rates.
 *
 * @module
 */
import type { LatencyResult } from "../client/latency.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { median, rotated } from "./statistics.ts";

/** Messages per second, and how many of them. */
const RATES = [{ rate: 1_000, count: 1_500 }, { rate: 20_000, count: 30_000 }];

const CANDIDATES = [
  "native",
  "nativeReadable",
  "forAwait",
  "batches",
  "readable",
  "rews",
  "partysocket",
  "tcp.forAwait",
  "tcp.batches",
];

/** Rounds of each; a round takes some 1.5 s. */
const ROUNDS = 3;

/** Measures it. */
export async function measureLatencies(run: SectionRun): Promise<Measured> {
  const { runtime, server, note } = run;
  const samples = new Map<string, LatencyResult[]>();
  for (let round = 0; round < ROUNDS; round++) {
    note(`latency on ${runtime}: round ${round + 1} of ${ROUNDS}`);
    for (const candidate of rotated(CANDIDATES, round)) {
      const { client } = await startClient(runtime);
      try {
        for (const { rate, count } of RATES) {
          const url = `ws://127.0.0.1:${server.port}/paced?rate=${rate}&count=${count}&bytes=200`;
          const result = await client.ask<LatencyResult>({ job: "latency", candidate, url, count });
          const key = `at${rate}.${candidate}`;
          samples.set(key, [...samples.get(key) ?? [], result]);
        }
      } finally {
        await client.end();
      }
    }
  }
  const figures: Record<string, Record<string, { p50: number; p99: number }>> = {};
  for (const { rate } of RATES) {
    figures[`at${rate}`] = Object.fromEntries(CANDIDATES.map((candidate) => {
      const all = samples.get(`at${rate}.${candidate}`)!;
      return [candidate.replace("tcp.", "tcp_"), {
        p50: round1(median(all.map(({ p50 }) => p50))),
        p99: round1(median(all.map(({ p99 }) => p99))),
      }];
    }));
  }
  return { figures, detail: Object.fromEntries(samples) };
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
