/**
 * The command line: connects to any WebSocket url, prints what comes, sends what it is given, and says what happens to the connection.
 *
 * ```sh
 * deno run --allow-net jsr:@holdfast/ws/cli wss://echo.example/ --send hello --until 1
 * ```
 *
 * On Node it is `npx @holdfast/ws URL`, on Bun `bunx --bun @holdfast/ws URL`. Imported, this module does nothing until {@link main} is called. All options
 * are in `--help` and in `docs/cli.md`.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isTransportError, type ReconnectingConnection } from "../../mod.ts";
import { startDemoServer } from "./demo_server.ts";
import { type CliFlags, parseFlags } from "./flags.ts";
import { EXIT, Follow } from "./follow.ts";
import { HELP } from "./help.ts";
import { connectionOptions, inFlags, urlOf } from "./options.ts";
import { nativeOpen } from "./platform.ts";
import { Report } from "./report.ts";
import { UsageError } from "./units.ts";
import { VERSION } from "./version.ts";

/**
 * Runs the command line.
 *
 * @param args What follows the program's name. @default {the process's own}
 * @returns the exit code: 0 ended as asked, 1 gave up, 2 the command line was wrong, 130 interrupted, 141 nobody reads the output any more,
 * 143 terminated.
 */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<number> {
  try {
    const flags = parseFlags(args);
    switch (flags.action) {
      case "help":
        console.log(HELP);
        return EXIT.ok;
      case "version":
        console.log(VERSION);
        return EXIT.ok;
      case "run":
        return await run(flags);
      default:
        return flags.action satisfies never;
    }
  } catch (error) {
    const wrong = error instanceof UsageError;
    console.error(`holdfast: ${error instanceof Error ? error.message : String(error)}`);
    if (wrong) console.error("holdfast --help lists the options");
    return wrong ? EXIT.usage : EXIT.gaveUp;
  }
}

async function run(flags: CliFlags): Promise<number> {
  const open = await nativeOpen();
  const report = new Report(flags.quiet);
  const demo = flags.demo ? await startDemoServer() : undefined;
  const start = (): ReconnectingConnection => {
    try {
      return open(demo?.url ?? urlOf(flags), connectionOptions(flags, report));
    } catch (error) {
      // What the library refuses before any work is something that the command line said.
      const refused = error instanceof TypeError || isTransportError(error);
      throw refused ? new UsageError(inFlags(error.message)) : error;
    }
  };
  try {
    return await new Follow(start(), flags, report).untilEnd();
  } finally {
    await demo?.close();
  }
}

/** Whether this file is what was started: Node 22 does not tell, so its path is compared. */
function isProgram(): boolean {
  const { main } = import.meta as { readonly main?: boolean };
  if (main !== undefined) return main;
  const started = process.argv[1];
  if (started === undefined || !import.meta.url.startsWith("file:")) return false;
  try {
    return realpathSync(started) === fileURLToPath(import.meta.url);
  } catch {
    return false; // what was started is no file: code given by --eval, for example
  }
}

if (isProgram()) {
  void main().then((code) => {
    // A socket whose end the platform has not noticed yet would keep the process.
    process.exitCode = code;
    process.stderr.write("", () => process.exit(code));
  });
}
