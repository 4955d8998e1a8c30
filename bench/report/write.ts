/**
 * Writes the page and the chart of a file of figures.
 *
 * @module
 */
import { readResults } from "../results_file.ts";
import { chart } from "./chart.ts";
import { page } from "./page.ts";

const PAGE = "docs/benchmarks.md";
const CHART = "docs/benchmarks.svg";

/** Makes the page and its chart in `docs`, formatted as the gates want them. */
export function writeReport(file: string): void {
  const results = readResults(file);
  Deno.writeTextFileSync(PAGE, page(results));
  Deno.writeTextFileSync(CHART, chart(results));
  const formatting = new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PAGE, CHART] });
  const { success, stderr } = formatting.outputSync();
  if (!success) throw new Error(`Cannot format the report: ${new TextDecoder().decode(stderr)}`);
}
