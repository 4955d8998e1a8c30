// The suites that a runtime's own test framework runs: Deno, Node, Bun.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { junitOutcome } from "./junit.mjs";
import { cache, entryFiles, filesUnder, has } from "./paths.mjs";
import { run } from "./processes.mjs";
import { NODES, program } from "./programs.mjs";
import { stdFlags } from "./std.mjs";

/** These need more than a runtime and are suites of their own. */
const OWN_SUITES = {
  ws: ["tests/conformance/ws_test.ts"],
  worker: ["tests/conformance/worker_test.ts", "tests/rfc6455/tcp_worker_test.ts"],
};

/** No general suite may take longer. */
const LIMIT_MS = 900_000;

/** A suite of its own takes a minute; a process of it that does not end must not cost the whole run. */
const OWN_LIMIT_MS = 300_000;

/**
 * What tests may do on Deno: loopback, this repository, and starting peers in other processes.
 * Writing is for what a run leaves behind.
 */
const DENO_PERMISSIONS = [
  "--allow-net=127.0.0.1,localhost,[::1]",
  "--allow-read",
  "--allow-write=.cache",
  "--allow-run",
  "--allow-env",
  "--allow-sys",
];

/** Raw coverage of the Deno suite. */
export const coverageFolder = join(cache, "coverage");

/** Every test file of the general suites. */
export function testFiles() {
  const own = Object.values(OWN_SUITES).flat();
  return filesUnder("tests", "_test.ts").filter((file) => !own.includes(file));
}

async function framework(name, file, argsFor, context) {
  // A suite is called after its runtime, or ends in it.
  const platform = name.split("_").at(-1);
  mkdirSync(cache, { recursive: true });
  // Of this run alone: Node writes as it goes, and another run may be on its way beside this one.
  const folder = mkdtempSync(join(cache, `${name}-`));
  try {
    const report = join(folder, "report.xml");
    const { quiet, limitMs = LIMIT_MS } = context;
    const { code, text, note } = await run(file, argsFor(report), { quiet, limitMs });
    const outcome = junitOutcome(report, code, platform);
    if (note !== undefined) outcome.note = note;
    return quiet ? { ...outcome, text } : outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function denoRun(name, args, context) {
  const std = await stdFlags();
  const flags = (report) => ["test", ...DENO_PERMISSIONS, `--junit-path=${report}`, ...std];
  return framework(name, program("deno"), (report) => [...flags(report), ...args], context);
}

const RUN = {
  deno: (name, files, context) => denoRun(name, files, context),
  bun: (name, files, context) =>
    framework(name, program("bun"), (report) => [
      "test",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`), // without the dot each is a pattern
    ], context),
};
for (const node of NODES) {
  RUN[node] = (name, files, context) =>
    framework(name, program(node), (report) => [
      "--disable-warning=ExperimentalWarning",
      "--test",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      ...files,
    ], context);
}

function general(name) {
  return {
    name,
    needs: [name],
    exists: () => true,
    run(context) {
      const files = testFiles().filter(context.selects);
      if (files.length === 0) return Promise.resolve({ failed: 1, note: "no test file" });
      if (name !== "deno" || !context.coverage) return RUN[name](name, files, context);
      rmSync(coverageFolder, { recursive: true, force: true });
      const coverage = [`--coverage=${coverageFolder}`, "--coverage-raw-data-only"];
      return denoRun(name, [...coverage, ...files], context);
    },
  };
}

/** The files of a suite of its own on several runtimes, with the counts of all together. */
function special(name, runtimes) {
  const files = OWN_SUITES[name];
  return {
    name,
    needs: ["deno"],
    exists: () => files.every(has),
    file: files[0],
    async run(context) {
      const sum = { passed: 0, failed: 0, skipped: 0, text: "", results: [] };
      const notes = [];
      const own = { ...context, limitMs: OWN_LIMIT_MS };
      for (const runtime of runtimes) {
        if (program(runtime) === undefined) {
          sum[process.env.REQUIRE_ALL === "1" ? "failed" : "skipped"]++;
          notes.push(`${runtime} not on this machine`);
          continue;
        }
        if (!context.quiet) console.log(`-- ${name} on ${runtime}`);
        const one = await RUN[runtime](`${name}_${runtime}`, files, own);
        for (const key of ["passed", "failed", "skipped"]) sum[key] += one[key] ?? 0;
        sum.text += one.text ?? "";
        sum.results.push(...one.results ?? []);
        notes.push(`${runtime} ${one.passed ?? 0}/${one.failed ?? 0}/${one.skipped ?? 0}`);
      }
      return { ...sum, text: context.quiet ? sum.text : undefined, note: notes.join(", ") };
    },
  };
}

/** The code in the documentation, run. */
const docs = {
  name: "docs",
  needs: ["deno"],
  exists: () => true,
  run(context) {
    // An example is run where it stands, not where it is exported from again.
    const sources = filesUnder("src", ".ts");
    const files = [...new Set(["mod.ts", ...entryFiles(), ...sources, "README.md"])];
    return denoRun("docs", ["--doc", ...files.filter(has), ...filesUnder("docs", ".md")], context);
  },
};

/** @type {readonly (import("./jobs.mjs").Job & { exists(): boolean, file?: string })[]} */
export const frameworkSuites = [
  general("deno"),
  docs,
  ...NODES.map(general),
  general("bun"),
];

/** The suites of leaves that need something of their own beside the runtime. */
export const leafSuites = [
  special("ws", ["deno", "node24", "bun"]),
  special("worker", ["deno", "node24", "bun"]),
];
