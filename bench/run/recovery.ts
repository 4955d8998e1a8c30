/**
 * Who comes back after which fault, and after how long.
 *
 * @module
 */
import type { RecoveryResult } from "../client/recovery.ts";
import { FAULTS } from "../server/faults.ts";
import type { LineChild } from "./child.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { median } from "./statistics.ts";

const CANDIDATES = ["connect", "tcp", "rews", "partysocket", "atproto", "effect"];

/** Each takes as long as its slowest client, which is the limit if one never comes back. */
const ROUNDS = 3;
const LIMIT_MS = 10_000;

/** Measures it. */
export async function measureRecoveries(run: SectionRun): Promise<Measured> {
  const { runtime, server, note } = run;
  const origin = `ws://127.0.0.1:${server.port}`;
  const rounds: Record<string, RecoveryResult>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    note(`recovery on ${runtime}: round ${round + 1} of ${ROUNDS}`);
    const clients: LineChild[] = [];
    try {
      for (const _ of CANDIDATES) clients.push((await startClient(runtime)).client);
      const results = await Promise.all(CANDIDATES.map((candidate, i) => {
        const key = `${runtime}-${round}-${candidate}`;
        return clients[i]!.ask<RecoveryResult>({
          job: "recovery",
          candidate,
          origin,
          key,
          limitMs: LIMIT_MS,
        });
      }));
      rounds.push(Object.fromEntries(CANDIDATES.map((candidate, i) => [candidate, results[i]!])));
    } finally {
      for (const client of clients) await client.end();
    }
  }
  const figures = Object.fromEntries(FAULTS.map((fault) => [
    fault,
    Object.fromEntries(CANDIDATES.map((candidate) => [
      candidate,
      recovered(rounds.map((results) => results[candidate]![fault])),
    ])),
  ]));
  return { figures, detail: { limitMs: LIMIT_MS, rounds } };
}

/** The median, or `null` where one round did not come back. */
export function recovered(times: readonly (number | null)[]): number | null {
  const back = times.filter((time) => time !== null);
  return back.length < times.length ? null : Math.round(median(back));
}
