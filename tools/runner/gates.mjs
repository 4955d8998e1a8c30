// The gates: each passes or fails as a whole.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { coverageFolder } from "./framework_suites.mjs";
import { checkCycles } from "./cycles.mjs";
import { checkLinks } from "./links.mjs";
import { packed } from "./packed.mjs";
import { entryFiles, filesUnder, has, modules, root } from "./paths.mjs";
import { run } from "./processes.mjs";
import { program } from "./programs.mjs";
import { checkSizes } from "./sizes.mjs";
import { stdFlags } from "./std.mjs";

/** The verdict of one program: its output only if it fails. */
async function verdict(file, args, limitMs) {
  const { code, text } = await run(file, args, { quiet: true, limitMs });
  return code === 0 ? { passed: 1 } : { failed: 1, note: `exit code ${code}`, text };
}

/** A gate that is one call of Deno. */
function deno(name, args, { std = false, limitMs } = {}) {
  return {
    name,
    needs: ["deno"],
    async run() {
      const list = typeof args === "function" ? args() : args;
      return await verdict(program("deno"), [...list, ...(std ? await stdFlags() : [])], limitMs);
    },
  };
}

/** A type check of the published source with the libraries of one kind of platform. */
/** Entry points of a server runtime: they need that runtime's types, and Deno checks them with its own. */
const SERVER = /(^|\/)src\/(runtime\/(deno|node|bun)\.ts|cli\/)/;

function types(name, lib) {
  return {
    name,
    async run() {
      const tsc = join(modules, "typescript", "bin", "tsc");
      if (!existsSync(tsc)) {
        const note = "not on this machine: typescript";
        return process.env.REQUIRE_ALL === "1" ? { failed: 1, note } : { skipped: 1, note };
      }
      const files = entryFiles().filter((file) => !SERVER.test(file)).map((file) =>
        join(root, file)
      );
      const config = JSON.parse(readFileSync(join(root, "tools", "tsconfig.json"), "utf8"));
      const flags = Object.entries({ ...config.compilerOptions, lib: lib.split(",") })
        .flatMap((
          [option, value],
        ) => [`--${option}`, Array.isArray(value) ? value.join(",") : `${value}`]);
      return await verdict(process.execPath, [tsc, ...flags, ...files], 120_000);
    },
  };
}

const fmt = deno("fmt", ["fmt", "--check"]);
/** Deno's rules, and the import and platform rules of tools/check_imports.ts. */
const lint = deno("lint, import rules", ["lint"]);
const check = deno("deno check", ["check", "--quiet"], { std: true });
const docLint = deno("doc lint", () => ["doc", "--quiet", "--lint", ...entryFiles()]);
const publish = deno("publish dry run", ["publish", "--dry-run", "--allow-dirty"]);
const benches = deno("bench compiles", ["bench", "--no-run"], { std: true });
const cycles = { name: "no import cycles", needs: ["deno"], run: checkCycles };
const links = { name: "links, code words", run: checkLinks };
const sizes = { name: "sizes", needs: ["esbuild"], run: checkSizes };

/** Reads what the Deno suite of the same run wrote. */
export const coverage = deno("coverage", () => [
  "coverage",
  coverageFolder,
  "--include=/(src/|mod\\.ts$)",
  "--exclude=/(tests|tools|examples|bench)/",
  "--exclude=/src/runtime/(node|bun|workerd)",
  "--exclude=/src/worker/",
  // The command line's tests run it in processes of its own, where coverage does not see it.
  "--exclude=/src/cli/(main|follow|input|output|report|platform)",
]);

const simulation = deno("simulation", [
  "run",
  "--allow-read",
  "tests/simulation/main.ts",
  "--seeds",
  "10000",
], { limitMs: 900_000 });

/** What is checked in seconds, before every commit. */
export const quickGates = [fmt, lint, check, docLint, cycles, links];

/** What CI checks beside the suites. */
export function allGates() {
  const hasBench = filesUnder("bench", "bench.ts").length > 0;
  return [
    ...quickGates,
    publish,
    types("types: DOM", "ES2024,ESNext.Disposable,DOM,DOM.Iterable,DOM.AsyncIterable"),
    types(
      "types: web worker",
      "ES2024,ESNext.Disposable,WebWorker,WebWorker.Iterable,WebWorker.AsyncIterable",
    ),
    sizes,
    packed,
    ...(hasBench ? [benches] : []),
  ];
}

/** Gates that take minutes. */
export function longGates() {
  return has("tests/simulation/main.ts") ? [simulation] : [];
}
