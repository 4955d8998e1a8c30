// Runs suites again and again while other processes keep every core busy: a test that depends on
// luck shows it. `node tools/stress.mjs --help` says how.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cache, root } from "./runner/paths.mjs";

const HELP = `node tools/stress.mjs [--runs N] [--load N] [suite|path ...]

Runs the suites N times (20) under load and counts the runs that failed; without a name, all suites.
--runs N   how often (20)
--load N   how many processes burn a core meanwhile (one for each core)
The output of a failed run is kept in .cache/stress/. Last line: "stress: N runs, K failed".`;

function fail(message) {
  console.error(`${message}\n\n${HELP}`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: "string", default: "20" },
        load: { type: "string", default: String(availableParallelism()) },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

function count(name, text, least) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    fail(`Cannot use --${name} ${text}: expected an integer of at least ${least}`);
  }
  return value;
}

/** Starts one of our scripts with the runtime that runs this one. */
function start(file, args, stdio) {
  const before = "Deno" in globalThis ? ["run", "-A"] : [];
  return spawn(process.execPath, [...before, join("tools", file), ...args], { cwd: root, stdio });
}

/** The suites that run now. */
let child;

/** One run of the suites: its exit code, and all that it printed. */
function suites(names) {
  return new Promise((resolve, reject) => {
    child = start("run.mjs", ["test", ...names], ["ignore", "pipe", "pipe"]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk) => text += chunk);
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, text }));
  });
}

const { values, positionals } = read();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const runs = count("runs", values.runs, 1);
const load = count("load", values.load, 0);

const burners = Array.from({ length: load }, () => start("burn.mjs", [], "ignore"));
const stop = () => {
  for (const burner of burners) burner.kill("SIGKILL");
};
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stop();
    child?.kill("SIGTERM"); // it ends what it started
    process.exit(130);
  });
}
process.once("SIGHUP", () => {
  stop();
  child?.kill("SIGTERM");
  process.kill(process.pid, "SIGHUP");
});

const kept = join(cache, "stress");
mkdirSync(kept, { recursive: true });
let failed = 0;
try {
  for (let i = 1; i <= runs; i++) {
    const since = Date.now();
    const { code, text } = await suites(positionals);
    if (code === 2) {
      // Not a failure of a test: it cannot run what was asked for.
      stop();
      console.error(text.trimEnd());
      process.exit(2);
    }
    const seconds = ((Date.now() - since) / 1_000).toFixed(0);
    console.log(`run ${i}/${runs}  ${text.trimEnd().split("\n").at(-1)}  ${seconds} s`);
    if (code === 0) continue;
    failed++;
    const file = join(kept, `run_${i}.log`);
    writeFileSync(file, text);
    console.log(`         its output: ${file}`);
  }
} finally {
  stop();
}
console.log(`stress: ${runs} runs, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
