// Where things are in the repository.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What `npm ci` brings. */
export const modules = join(root, "node_modules");

/** Everything that a run leaves behind; git ignores it. */
export const cache = join(root, ".cache");

/**
 * The module's entry points: subpath to file, as deno.json exports them.
 *
 * @returns {Record<string, string>}
 */
export function exportsMap() {
  return JSON.parse(readFileSync(join(root, "deno.json"), "utf8")).exports;
}

/**
 * The files of all entry points, each once.
 *
 * @returns {string[]}
 */
export function entryFiles() {
  return [...new Set(Object.values(exportsMap()))];
}

/**
 * Every file under `folder` whose name ends in `suffix`, sorted, as paths from the repository.
 *
 * @param {string} folder
 * @param {string} suffix
 * @returns {string[]}
 */
export function filesUnder(folder, suffix) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(suffix) && !name.includes("node_modules/"))
    .sort();
}

/**
 * Whether the repository has this file yet.
 *
 * @param {string} path from the repository
 */
export function has(path) {
  return existsSync(join(root, path));
}
