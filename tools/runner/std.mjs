// Where `@std` comes from: JSR where it answers, else the stand-ins in tools/std.
import process from "node:process";
import { SetupError } from "./errors.mjs";
import { run } from "./processes.mjs";
import { program } from "./programs.mjs";

const local = ["--import-map=tools/std/import_map.json"];
let asked;

async function ask() {
  const wish = process.env.STD ?? "auto";
  if (!["auto", "jsr", "local"].includes(wish)) {
    throw new SetupError(`Cannot use STD=${wish}: it is one of auto, jsr, local`);
  }
  const answers = async () => {
    const args = ["info", "--quiet", "jsr:@std/assert@^1"];
    return (await run(program("deno"), args, { quiet: true, limitMs: 10_000 })).code === 0;
  };
  const real = wish === "jsr" || (wish === "auto" && await answers());
  console.log(`@std: ${real ? "from JSR" : "the stand-ins in tools/std"} (STD=${wish})`);
  return real ? [] : local;
}

/**
 * Deno's flags for `@std`. JSR is asked once per run.
 *
 * @returns {Promise<readonly string[]>}
 */
export function stdFlags() {
  return asked ??= ask();
}
