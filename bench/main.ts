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
import { merged, readResults } from "./results_file.ts";
import { machine, versions } from "./run/machine.ts";
import { runtimeProgram, startServer } from "./run/programs.ts";
import { runSection } from "./run/sections.ts";

const encoder = new TextEncoder();

/** Progress: on the error stream, so that the table stands alone. */
function note(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${new Date().toISOString().slice(11, 19)} ${text}\n`));
}

/** What was measured, and how many parts failed. */
async function measure(options: BenchOptions): Promise<{ results: Results; failures: number }> {
  const runtimes: HostName[] = [];
  for (const runtime of options.runtimes) {
    if (runtimeProgram(runtime) !== undefined) runtimes.push(runtime);
    else note(`${runtime} is not installed, and not measured`);
  }
  if (runtimes.length === 0) throw new OptionError("None of the runtimes is installed: npm ci");
  const save = options.json === undefined ? () => {} : keeper(options.json);
  const server = await startServer();
  let failures = 0;
  try {
    const results: Results = {
      date: new Date().toISOString(),
      rounds: options.rounds,
      machine: machine(),
      versions: await versions(runtimes),
      measured: {},
      detail: {},
    };
    // Now, and not after the first section, is when it should fail.
    save(results);
    for (const section of options.only) {
      for (const runtime of runtimes) {
        const measurement = {
          date: new Date().toISOString(),
          rounds: options.rounds,
          load: machine().load,
        };
        try {
          await runSection(section, { runtime, server, rounds: options.rounds, note, results });
        } catch (error) {
          // A run takes long: what one part failed with is no reason to do without all others.
          failures++;
          note(`${section} on ${runtime} FAILED: ${error instanceof Error ? error.stack : error}`);
          continue;
        }
        (results.measured![section] ??= {})[runtime] = measurement;
        // Written as it grows: what was measured should survive what goes wrong later.
        save(results);
      }
    }
    return { results, failures };
  } finally {
    await server.child.end();
  }
}

/** Writes figures into a file, beside those that it has of other parts. */
function keeper(file: string): (results: Results) => void {
  let older: Results | undefined;
  withFile(file, () => {
    try {
      if (Deno.statSync(file).isFile) older = readResults(file); // /dev/stdout is none
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  });
  return (results) => {
    const whole = older === undefined ? results : merged(older, results);
    withFile(file, () => Deno.writeTextFileSync(file, `${JSON.stringify(whole, null, 2)}\n`));
  };
}

const { NotFound, IsADirectory, NotADirectory, PermissionDenied } = Deno.errors;

/** Does something with a file; that it cannot be had is the command line's fault. */
function withFile(file: string, use: (file: string) => void): void {
  try {
    use(file);
  } catch (error) {
    const known = [NotFound, IsADirectory, NotADirectory, PermissionDenied, SyntaxError];
    if (!known.some((type) => error instanceof type)) throw error;
    throw new OptionError(`Cannot use ${file}: ${(error as Error).message}`);
  }
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
  const { results, failures } = await measure(options);
  console.log(table(results));
  return failures === 0 ? 0 : 1;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  Deno.exitCode = 2;
}
