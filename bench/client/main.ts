/**
 * One client of the benchmark, in a process of its own: takes jobs as lines of JSON and answers each with a line of JSON.
 *
 * A process serves one candidate in all rounds, so that no candidate runs code that another one has warmed up, or spoilt.
 *
 * @module
 */
import process, { stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { hostVersion } from "./host.ts";
import { type Job, runJob } from "./jobs.ts";

function answer(value: object): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}

async function main(): Promise<void> {
  answer({ version: hostVersion });
  const lines = createInterface({ input: stdin });
  // Whoever asked has gone, perhaps in the middle of a job that would then have no end.
  lines.once("close", () => process.exit(0));
  for await (const line of lines) {
    try {
      answer({ result: await runJob(JSON.parse(line) as Job) });
    } catch (error) {
      answer({ error: error instanceof Error ? error.stack ?? error.message : String(error) });
    }
  }
  process.exit(0);
}

await main();
