/**
 * The demo: a hostile market-data server in a process of its own, and a feed that holds. Runs on
 * Deno, Node 22.18 or later, and Bun.
 *
 * ```sh
 * npm run demo -- --seed 7 --duration 20
 * ```
 *
 * @module
 */
import process from "node:process";
import { FlagError, HELP, parseFlags } from "./flags.ts";
import { run } from "./run.ts";

/** The exit code of the command line. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  try {
    // Loaded only then: it serves a page, and plays no script.
    if (args.join() === "--page") return await (await import("../page/serve.ts")).runPage();
    const flags = parseFlags(args);
    if (!flags.help) return await run(flags);
    console.log(HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    console.error(`demo: ${error.message} (see --help)`);
    return 2;
  }
}

// Nobody reads it any more, as after `head`.
process.stdout.on("error", () => process.exit(141));
process.exitCode = await main();
