// Bringing what is missing, and saying so.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { SetupError } from "./errors.mjs";
import { cache, modules, root } from "./paths.mjs";
import { foreground } from "./processes.mjs";
import { denoPackage, onDeno, onPath, program, stripsTypes } from "./programs.mjs";

const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/**
 * What a lock wants that is not installed as it wants it: other platforms' packages do not count.
 *
 * @typedef {Readonly<Record<string, { version?: string, optional?: boolean, link?: boolean }>>} Packages
 * @param {Packages} wanted
 * @param {Packages} installed
 * @returns {string[]}
 */
export function missingFrom(wanted, installed) {
  return Object.entries(wanted).flatMap(([path, { version, optional, link }]) =>
    version === undefined || !path.startsWith("node_modules/") || optional || link ||
      installed[path]?.version === version
      ? []
      : [`${path.slice("node_modules/".length)} ${version}`]
  );
}

const packagesOf = (path) => JSON.parse(readFileSync(path, "utf8")).packages;

/** Runs `npm ci` unless its result is there. On Deno alone, what Deno can run is run. */
export async function ensureModules() {
  const installed = join(modules, ".package-lock.json");
  if (existsSync(installed)) {
    const missing = missingFrom(packagesOf(join(root, "package-lock.json")), packagesOf(installed));
    if (missing.length > 0) {
      console.log(`node_modules is out of date, run npm ci: it lacks ${missing.join(", ")}`);
    }
    return;
  }
  if (onDeno) {
    console.log(
      "node_modules is missing: only Deno's own suites run here (npm ci brings the rest)",
    );
    return;
  }
  console.log("node_modules is missing: running npm ci (runtimes and tools, about 1 GB)");
  const code = await foreground(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  if (code !== 0) throw new SetupError(`npm ci failed with exit code ${code}`);
}

/** The pinned version of a package. */
function pinned(name) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return lock.packages[`node_modules/${name}`]?.version;
}

/**
 * A runtime for the demo, the cheapest one that there is: the one running this, one that is
 * installed, or else Deno alone, as one npm package.
 *
 * @returns {Promise<{ file: string, deno: boolean }>}
 */
export async function demoRuntime() {
  if (stripsTypes) return { file: process.execPath, deno: onDeno };
  const deno = program("deno");
  if (deno !== undefined) return { file: deno, deno: true };
  const node = program("node24") ?? program("node26") ?? program("node22");
  if (node !== undefined) return { file: node, deno: false };
  const box = join(cache, "demo");
  const file = join(box, "node_modules", denoPackage, "deno");
  if (!existsSync(file)) await installDeno(box);
  return { file, deno: true };
}

async function installDeno(box) {
  const version = pinned(denoPackage);
  if (version === undefined) {
    throw new SetupError(
      `No Deno package for ${process.platform} ${process.arch}: install Node 22.18 or later`,
    );
  }
  const wanted = `${denoPackage}@${version}`;
  console.log(
    `Node ${process.versions.node} cannot run TypeScript and no other runtime is installed: ` +
      `fetching ${wanted} from npm into .cache/demo (one package, 92 MB on disk)`,
  );
  mkdirSync(box, { recursive: true });
  const code = await foreground(
    onPath(npm) ?? npm,
    [
      "install",
      "--prefix",
      box,
      "--no-save",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      wanted,
    ],
  );
  if (code !== 0) throw new SetupError(`npm install of ${wanted} failed with exit code ${code}`);
}
