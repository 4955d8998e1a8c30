/**
 * The figures as a table of plain text.
 *
 * @module
 */
import type { Figures, Results } from "../results.ts";

/** Every figure of every section, one line each, one column per runtime. */
export function table(results: Results): string {
  const lines: string[] = [];
  for (
    const section of [
      "receive",
      "send",
      "echo",
      "latency",
      "overload",
      "reconnect",
      "recovery",
      "footprint",
    ] as const
  ) {
    const tree = results[section];
    if (tree === undefined) continue;
    const runtimes = Object.keys(tree) as (keyof typeof tree)[];
    const flat = runtimes.map((runtime) => flattened(tree[runtime]!));
    const names = [...new Set(flat.flatMap((figures) => [...figures.keys()]))];
    const width = Math.max(section.length, ...names.map(({ length }) => length));
    lines.push(
      "",
      [section.padEnd(width), ...runtimes.map((name) => name.padStart(12))].join("  "),
    );
    for (const name of names) {
      const cells = flat.map((figures) => shown(figures.get(name)).padStart(12));
      lines.push([name.padEnd(width), ...cells].join("  "));
    }
  }
  return lines.slice(1).join("\n");
}

/** The leaves of a tree, by their path. */
export function flattened(tree: Figures, path = ""): Map<string, number | null> {
  const flat = new Map<string, number | null>();
  for (const [name, value] of Object.entries(tree)) {
    if (value === null || typeof value === "number") flat.set(path + name, value);
    else for (const [inner, leaf] of flattened(value, `${path}${name}.`)) flat.set(inner, leaf);
  }
  return flat;
}

function shown(value: number | null | undefined): string {
  if (value === undefined) return "";
  if (value === null) return "never";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return value.toFixed(Math.abs(value) < 10 ? 3 : 1);
}
