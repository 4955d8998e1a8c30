// The commands.
import { testFiles } from "./framework_suites.mjs";
import { allGates, coverage, longGates, quickGates } from "./gates.mjs";
import { demoRuntime, ensureModules } from "./install.mjs";
import { SetupError, UsageError } from "./errors.mjs";
import { plain, runJobs } from "./jobs.mjs";
import { has, root } from "./paths.mjs";
import { foreground } from "./processes.mjs";
import { program } from "./programs.mjs";
import { stdFlags } from "./std.mjs";
import { ChoiceError, chooseSuites, suiteNames, SUITES } from "./suites.mjs";

const loopback = "--allow-net=127.0.0.1,localhost,[::1]";

/** The demo starts its server as a second process of the same runtime. */
const DEMO_PERMISSIONS = [loopback, "--allow-run", "--allow-read", "--allow-env"];

async function demo(args) {
  const file = "examples/demo/main.ts";
  if (!has(file)) throw new UsageError(`Cannot run the demo: ${file} does not exist yet`);
  const runtime = await demoRuntime();
  const before = runtime.deno
    ? ["run", "--no-check", ...DEMO_PERMISSIONS]
    : ["--disable-warning=ExperimentalWarning"];
  return await foreground(runtime.file, [...before, file, ...args]);
}

/**
 * Parts of paths as test files are called here, each of which is one of some file.
 *
 * @param {readonly string[]} args
 * @throws {UsageError}
 */
export function pathsOf(args) {
  const paths = args.map((path) => path.replace(`${root}/`, "").replace(/^\.\//, ""));
  const files = testFiles();
  const missed = paths.filter((path) => !files.some((file) => file.includes(path)));
  if (missed.length > 0) throw new UsageError(`No test file matches ${missed.join(" ")}`);
  return paths;
}

/** Suites by name; what has a slash or ends in .ts selects test files whose path contains it. */
async function test(args) {
  const isPath = (arg) => arg.includes("/") || arg.endsWith(".ts");
  const matrix = args.includes("--matrix");
  args = args.filter((arg) => arg !== "--matrix");
  const flag = args.find((arg) => arg.startsWith("-"));
  if (flag !== undefined) throw new UsageError(`Unknown option "${flag}" of test`);
  const paths = pathsOf(args.filter(isPath));
  let suites;
  try {
    suites = chooseSuites(args.filter((arg) => !isPath(arg)));
  } catch (error) {
    if (error instanceof ChoiceError) throw new UsageError(error.message);
    throw error;
  }
  const selects = (file) => paths.length === 0 || paths.some((path) => file.includes(path));
  await ensureModules();
  return await runJobs([suites], { ...plain, selects, matrix }, 1, program);
}

/** Test folders that take long or need more than a moment: CI and `test` run them. */
const SLOW = /^tests\/(conformance|faults|simulation|e2e|worker|page|venues|cli|demo)\//;

/** Commands that take no arguments say so, instead of running for minutes as if there were none. */
function takesNothing(name, args) {
  if (args.length > 0) throw new UsageError(`Unknown argument "${args[0]}" of ${name}`);
}

async function ok(args) {
  takesNothing("ok", args);
  await ensureModules();
  const quiet = { ...plain, quiet: true, selects: (file) => !SLOW.test(file) };
  const suites = SUITES.filter(({ name }) => name === "docs" || name === "deno");
  return await runJobs([[...quickGates, ...suites]], quiet, 2, program);
}

async function ci(args) {
  takesNothing("ci", args);
  await ensureModules();
  const quiet = { ...plain, quiet: true, coverage: true };
  // What takes longest goes first; coverage reads what the Deno suite wrote.
  const first = [...longGates(), ...chooseSuites([]), ...allGates()];
  return await runJobs([first, [coverage]], quiet, 2, program);
}

/** A program of ours that Deno runs, with its permissions. */
function onDeno(name, summary, file, permissions) {
  return {
    name,
    summary,
    async run(args) {
      if (!has(file)) throw new UsageError(`Cannot run ${name}: ${file} does not exist yet`);
      await ensureModules();
      const deno = program("deno");
      if (deno === undefined) throw new SetupError("Deno is missing: run npm ci");
      return await foreground(deno, ["run", ...permissions, ...await stdFlags(), file, ...args]);
    },
  };
}

/** @type {readonly { name: string, summary: string, help?: () => string, run(args: string[]): Promise<number> }[]} */
export const COMMANDS = [
  { name: "demo", summary: "a feed that survives a hostile server, in under 30 s", run: demo },
  {
    name: "test",
    summary: "the suites, or those named, or the test files whose path matches",
    help: () =>
      `test [--matrix] [suite|path ...]\n\nsuites: ${suiteNames()}\npaths: whatever has a slash or ends in ` +
      ".ts selects test files, for example: test deno node24 tests/recv/\n\n" +
      "The conformance matrix of the run comes last; --matrix gives every cell of it, as Markdown\n\n" +
      "REQUIRE_ALL=1 makes a runtime that is missing a failure; STD=jsr|local says where @std is from",
    run: test,
  },
  onDeno("sim", "seeded simulation over virtual hours", "tests/simulation/main.ts", [
    "--allow-read",
    "--allow-write=.cache,tests/simulation",
  ]),
  onDeno("mutants", "planted bugs, each to be killed by named tests", "tests/mutants/main.ts", [
    loopback,
    "--allow-read",
    "--allow-write=.cache",
    "--allow-run",
    "--allow-env",
  ]),
  onDeno("bench", "speed against the bare socket and its peers", "bench/main.ts", [
    loopback,
    "--allow-read",
    "--allow-write", // --json takes any path
    "--allow-run",
    "--allow-env",
    "--allow-sys",
  ]),
  onDeno("soak", "minutes of traffic with flat resources", "tests/soak/main.ts", [
    loopback,
    "--allow-read",
    "--allow-write=.cache",
    "--allow-run",
    "--allow-env",
    "--allow-sys",
  ]),
  {
    name: "ok",
    summary: "every quick gate, before a commit",
    help: () =>
      "ok\n\nThe quick gates, the docs suite, and the Deno suite without its slow folders",
    run: ok,
  },
  {
    name: "ci",
    summary: "every gate and suite, as .ci/run does",
    help: () =>
      "ci\n\nEvery gate and suite; REQUIRE_ALL=1 makes a program that is missing a failure",
    run: ci,
  },
];

/** @returns {string} what there is */
export function usage() {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: npm run COMMAND [-- argument ...]   (or: node tools/run.mjs COMMAND ...)\n\n${
    lines.join("\n")
  }\n\nSuites of test: ${suiteNames()}`;
}
