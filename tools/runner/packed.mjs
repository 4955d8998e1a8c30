// The npm form of the module: packed, installed elsewhere, type-checked and used by every runtime,
// as a module and as a program.
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { pack } from "../pack.mjs";
import { cache, exportsMap, has, modules } from "./paths.mjs";
import { scriptedServer } from "./portable_suites.mjs";
import { run } from "./processes.mjs";
import { NODES, program } from "./programs.mjs";

const USE = "tools/packed_use.mts";
const box = join(cache, "packed");
const NPX = process.platform === "win32" ? "npx.cmd" : "npx";
const MODULE = "@holdfast/ws";

/** How the program of the package is started with what came with a runtime, and nothing fetched. */
function starter(name, file) {
  if (name === "bun") return { start: [file, "x", "--bun", "--no-install", MODULE] };
  // npx and the program itself take the first `node` on the path.
  const path = [dirname(file), process.env.PATH].join(delimiter);
  return { start: [NPX, "--no-install", MODULE], env: { PATH: path } };
}

/** @returns {Promise<import("./tally.mjs").Outcome>} */
async function usePacked() {
  rmSync(box, { recursive: true, force: true });
  mkdirSync(box, { recursive: true });
  const tarball = join(box, "module.tgz");
  let passed = 0;
  let skipped = 0;
  const step = async (name, file, args, { says = () => true, ...options } = {}) => {
    const { code, text } = await run(file, args, { quiet: true, limitMs: 120_000, ...options });
    if (code !== 0 || !says(text)) throw new Error(`${name} failed\n${text}`);
    passed++;
  };
  await pack(tarball);
  passed++;

  writeFileSync(join(box, "package.json"), '{ "private": true, "type": "module" }\n');
  copyFileSync(USE, join(box, "use.mts"));
  // A dependency would have to be fetched, which --offline forbids: the module has none.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const install = ["install", "--prefix", box, "--offline", "--no-audit", "--no-fund", tarball];
  await step("npm install", npm, install);

  const tsc = join(modules, "typescript", "bin", "tsc");
  if (existsSync(tsc)) {
    const options = ["--strict", "--module", "nodenext", "--target", "es2022", "--noEmit"];
    const dom = ["--lib", "es2023,esnext.disposable,dom,dom.iterable,dom.asynciterable"];
    const check = async (what, ...more) =>
      await step(what, process.execPath, [tsc, ...options, ...more, "use.mts"], { cwd: box });
    await check("tsc with the DOM", ...dom, "--types", "");
    // What a project on Node has. @types/node is installed by a name that no compiler takes up by itself.
    mkdirSync(join(box, "types"));
    symlinkSync(join(modules, "node-types"), join(box, "types", "node"), "junction");
    const node = ["--typeRoots", "types", "--types", "node"];
    await check("tsc with the types of Node", "--lib", "es2023", ...node);
  } else skipped++;

  const subpaths = Object.keys(exportsMap()).map((path) => path.replace(".", MODULE));
  const server = await scriptedServer();
  try {
    for (const name of [...NODES, "bun"]) {
      const file = program(name);
      if (file === undefined && process.env.REQUIRE_ALL === "1") {
        throw new Error(`${name} is not on this machine`);
      }
      if (file === undefined) {
        skipped++;
        continue;
      }
      await step(name, file, [join(box, "use.mts"), server.url, ...subpaths], { cwd: box });
      const { start: [command, ...before], env } = starter(name, file);
      const use = async (what, args, says) =>
        await step(`${what} on ${name}`, command, [...before, ...args], { cwd: box, env, says });
      await use("program --help", ["--help"], (text) => text.startsWith("Usage: holdfast URL"));
      const once = ["--send", "hello", "--until", "1", "--quiet"];
      const echo = new URL("echo", server.url).href;
      await use("program and an echo", [echo, ...once], (text) => text === "hello\n");
    }
  } finally {
    await server.close();
  }
  return { passed, skipped };
}

/** @type {import("./jobs.mjs").Job} */
export const packed = {
  name: "packed npm form",
  needs: ["deno"],
  async run() {
    if (!has("tests/support/scripted_main.ts")) {
      return { failed: 1, note: "tests/support/scripted_main.ts is missing" };
    }
    return await usePacked();
  },
};
