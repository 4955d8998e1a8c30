/**
 * Writes the page and the chart of a file of figures.
 *
 * @module
 */
import type { Results } from "../results.ts";
import { chart } from "./chart.ts";
import { page } from "./page.ts";

/** Makes `docs/benchmarks.md` and its chart. */
export function writeReport(file: string): void {
  const results = JSON.parse(Deno.readTextFileSync(file)) as Results;
  Deno.writeTextFileSync("docs/benchmarks.md", page(results));
  Deno.writeTextFileSync("docs/benchmarks.svg", chart(results));
}
