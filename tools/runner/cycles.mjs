// Import cycles: modules that run each other before they are whole. Imports of types do not count.
import { entryFiles, root } from "./paths.mjs";
import { run } from "./processes.mjs";
import { program } from "./programs.mjs";
import { pathToFileURL } from "node:url";

/**
 * The cycles in a graph, each as the path that closes it, one per edge that goes back.
 *
 * @param {ReadonlyMap<string, readonly string[]>} graph what each module imports
 * @returns {string[][]}
 */
export function cyclesOf(graph) {
  const cycles = [];
  const done = new Set();
  const path = [];
  const visit = (at) => {
    const since = path.indexOf(at);
    if (since >= 0) cycles.push([...path.slice(since), at]);
    if (since >= 0 || done.has(at)) return;
    path.push(at);
    for (const next of graph.get(at) ?? []) visit(next);
    path.pop();
    done.add(at);
  };
  for (const at of graph.keys()) visit(at);
  return cycles;
}

/** What the modules behind one entry point import at run time. */
async function graphOf(entry) {
  const args = ["info", "--json", "--quiet", entry];
  const { code, text } = await run(program("deno"), args, { quiet: true });
  if (code !== 0) throw new Error(`deno info ${entry} failed\n${text}`);
  const base = pathToFileURL(`${root}/`).href;
  const nameOf = (specifier) => specifier.replace(base, "");
  return JSON.parse(text).modules.map(({ specifier, dependencies = [], error }) => {
    if (error !== undefined) throw new Error(`${specifier}: ${error}`);
    const code = dependencies.filter((one) => one.code?.specifier !== undefined && !one.isDynamic);
    return [nameOf(specifier), code.map((one) => nameOf(one.code.specifier))];
  });
}

/** @returns {Promise<import("./tally.mjs").Outcome>} */
export async function checkCycles() {
  const graph = new Map();
  for (const entry of entryFiles()) {
    for (const [module, imports] of await graphOf(entry)) graph.set(module, imports);
  }
  const cycles = cyclesOf(graph);
  return cycles.length === 0 ? { passed: 1, note: `${graph.size} modules` } : {
    failed: 1,
    note: `${cycles.length} cycles`,
    text: cycles.map((cycle) => cycle.join(" -> ")).join("\n"),
  };
}
