/**
 * Writes the page and the chart of a file of figures.
 *
 * @module
 */

/** Makes `docs/benchmarks.md` and its chart. */
export function writeReport(file: string): void {
  throw new Error(`Cannot report ${file}`);
}
