/**
 * `npm run bench`: speed against the bare socket and the peers, on Deno, Node and Bun. `--help` says what it can be told.
 *
 * @module
 */
import type { HostName } from "./client/host.ts";
import { type BenchOptions, HELP, OptionError, optionsOf } from "./options.ts";
import { writeReport } from "./report/write.ts";
import { table } from "./report/table.ts";
import type { Results } from "./results.ts";
import { machine, versions } from "./run/machine.ts";
import { runtimeProgram, startServer } from "./run/programs.ts";
import { runSection } from "./run/sections.ts";

const encoder = new TextEncoder();

/** Progress: on the error stream, so that the table stands alone. */
function note(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${new Date().toISOString().slice(11, 19)} ${text}\n`));
}

async function measure(options: BenchOptions): Promise<Results> {
  const runtimes: HostName[] = [];
  for (const runtime of options.runtimes) {
    if (runtimeProgram(runtime) !== undefined) runtimes.push(runtime);
    else note(`${runtime} is not installed, and not measured`);
  }
  const server = await startServer();
  try {
    const results: Results = {
      date: new Date().toISOString(),
      rounds: options.rounds,
      machine: machine(),
      versions: await versions(runtimes),
      detail: {},
    };
    // Now, and not after the first section, is when it should fail.
    if (options.json !== undefined) withFile(options.json, (file) => write(file, results));
    for (const section of options.only) {
      for (const runtime of runtimes) {
        await runSection(section, { runtime, server, rounds: options.rounds, note, results });
        // Written as it grows: a run takes long, and what was measured should survive what goes wrong later.
        if (options.json !== undefined) write(options.json, results);
      }
    }
    return results;
  } finally {
    await server.child.end();
  }
}

/** Does something with a file; that it cannot be had is the command line's fault. */
function withFile(file: string, use: (file: string) => void): void {
  try {
    use(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
    throw new OptionError(`Cannot use ${file}: ${error.message}`);
  }
}

function write(file: string, results: Results): void {
  Deno.writeTextFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

async function main(): Promise<number> {
  const options = optionsOf(Deno.args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.report !== undefined) {
    withFile(options.report, writeReport);
    return 0;
  }
  const results = await measure(options);
  console.log(table(results));
  return 0;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  Deno.exitCode = 2;
}
