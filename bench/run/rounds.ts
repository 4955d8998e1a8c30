/**
 * Rounds in which everybody takes turns.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { LineChild } from "./child.ts";
import { startClient } from "./programs.ts";
import { scaledCount } from "./scale.ts";
import { rotated } from "./statistics.ts";

/**
 * Processes of each candidate, one after another. What a process is like (when its collector runs, what its compiler guessed) stays as long as it
 * lives: rounds of one alone would differ by less than a second one differs from them.
 */
const MOST_PROCESSES = 3;

/*
 * Each turn begins with half a run that does not count. While the others have theirs a process is idle, and after eight seconds of that V8 gives memory
 * back (`Mark-Compact (reduce)` of --trace-gc): a candidate that keeps a batch alive, and had 200 ms before, needed 265 on Node 24 then.
 */

/** About how long one run of one candidate takes, in milliseconds. */
const RUN_MS = 250;

/** What is done in the rounds. */
export interface RoundsRun<Result> {
  readonly runtime: HostName;
  readonly candidates: readonly string[];
  /** Rounds and one that is discarded, which is so in each process. */
  readonly rounds: number;
  /** Messages of the first run of a process. */
  readonly firstCount: number;
  /** Runs so many messages. */
  readonly run: (client: LineChild, candidate: string, count: number) => Promise<Result>;
  /** Messages per millisecond of a run. */
  readonly speedOf: (result: Result) => number;
  /** Tells of the progress. */
  readonly note: (text: string) => void;
}

/** What came of one candidate. */
export interface RoundsResult<Result> {
  /** Of the rounds that count. */
  readonly kept: Result[];
  /** Of these and of those that were discarded. */
  readonly all: Result[];
}

/** How many rounds each process has, without the one that is discarded. */
export function shares(rounds: number): number[] {
  const measured = rounds - 1;
  const processes = Math.min(MOST_PROCESSES, measured);
  return Array.from(
    { length: processes },
    (_, i) => Math.floor((measured + processes - 1 - i) / processes),
  );
}

/** Runs them. */
export async function inRounds<Result>(
  work: RoundsRun<Result>,
): Promise<Map<string, RoundsResult<Result>>> {
  const { runtime, candidates, rounds, firstCount, run, speedOf, note } = work;
  const results = new Map<string, RoundsResult<Result>>(
    candidates.map((name) => [name, { kept: [], all: [] }]),
  );
  let round = 0;
  for (const share of shares(rounds)) {
    const clients = new Map<string, { client: LineChild; count: number }>();
    try {
      for (const candidate of candidates) {
        const { client } = await startClient(runtime);
        const entry = { client, count: 0 };
        clients.set(candidate, entry);
        entry.count = await scaledCount(
          firstCount,
          RUN_MS,
          async (count) => speedOf(await run(client, candidate, count)),
        );
      }
      for (let i = 0; i <= share; i++, round++) {
        note(
          i === 0
            ? "a round that is discarded"
            : `round ${results.get(candidates[0]!)!.kept.length + 1} of ${rounds - 1}`,
        );
        for (const candidate of rotated(candidates, round)) {
          const { client, count } = clients.get(candidate)!;
          const { kept, all } = results.get(candidate)!;
          all.push(await run(client, candidate, Math.ceil(count / 2)));
          const result = await run(client, candidate, count);
          all.push(result);
          if (i > 0) kept.push(result);
        }
      }
    } finally {
      for (const { client } of clients.values()) await client.end();
    }
  }
  return results;
}
