// The one entry point for people and CI: `node tools/run.mjs COMMAND`, what the scripts of
// package.json and the tasks of deno.json call, but for pack.mjs and stress.mjs. It needs Node 20 or later and npm, or Deno, and
// nothing else; `npm ci` brings the rest. What the commands do is in tools/runner/.
import process from "node:process";
import { COMMANDS, usage } from "./runner/commands.mjs";
import { SetupError, UsageError } from "./runner/errors.mjs";
import { root } from "./runner/paths.mjs";

process.chdir(root);
const [name = "help", ...args] = process.argv.slice(2);

/** @returns {Promise<number>} the exit code */
async function main() {
  if (["help", "--help", "-h"].includes(name)) {
    console.log(usage());
    return 0;
  }
  const command = COMMANDS.find((known) => known.name === name);
  if (command === undefined) throw new UsageError(`Unknown command "${name}"`);
  // What follows `--help` of a program of ours is that program's own business.
  if (args.includes("--help") && command.help !== undefined) {
    console.log(command.help());
    return 0;
  }
  return await command.run(args);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage()}`);
    process.exitCode = 2;
  } else if (error instanceof SetupError) {
    console.error(error.message);
    process.exitCode = 1;
  } else throw error;
}
