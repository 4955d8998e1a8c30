// Running suites and gates, a few at a time, each to an outcome.
import process from "node:process";
import { makeTally } from "./tally.mjs";

/**
 * A suite or a gate.
 *
 * @typedef {object} Job
 * @property {string} name
 * @property {readonly string[]} [needs] programs it cannot do without
 * @property {(context: Context) => Promise<import("./tally.mjs").Outcome>} run
 */

/**
 * @typedef {object} Context
 * @property {boolean} quiet collect the output instead of showing it as it comes
 * @property {boolean} coverage collect coverage where the suite can
 * @property {(path: string) => boolean} selects which test files to run
 * @property {boolean} [matrix] print every cell of the conformance matrix
 */

/** @type {Context} */
export const plain = { quiet: false, coverage: false, selects: () => true };

async function outcomeOf(job, context, missing) {
  if (missing.length > 0) {
    const note = `not on this machine: ${missing.join(", ")}`;
    return process.env.REQUIRE_ALL === "1" ? { failed: 1, note } : { skipped: 1, note };
  }
  try {
    return await job.run(context);
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    return { failed: 1, note: String(text).split("\n")[0], text };
  }
}

/**
 * Runs jobs in order, `width` at a time, and prints the tally. A phase begins when the one before
 * it has ended.
 *
 * @param {readonly (readonly Job[])[]} phases
 * @param {Context} context
 * @param {number} width
 * @param {(name: string) => string | undefined} program finds a program that a job needs
 * @returns {Promise<number>} the exit code
 */
export async function runJobs(phases, context, width, program) {
  const tally = makeTally();
  const lane = async (waiting) => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const since = Date.now();
      if (!context.quiet) console.log(`\n== ${job.name}`);
      const missing = (job.needs ?? []).filter((name) => program(name) === undefined);
      const outcome = await outcomeOf(job, context, missing);
      const line = tally.add(job.name, outcome, Date.now() - since);
      const failed = (outcome.failed ?? 0) > 0;
      if (outcome.text !== undefined && (failed || !context.quiet)) {
        console.log(`\n== ${job.name}\n${outcome.text.trimEnd()}\n`);
      }
      if (context.quiet) console.log(line);
    }
  };
  for (const jobs of phases) {
    const waiting = [...jobs];
    await Promise.all(Array.from({ length: width }, () => lane(waiting)));
  }
  tally.print(context);
  return tally.failed ? 1 : 0;
}
