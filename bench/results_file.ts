/**
 * The file of figures: read, and written again with what was measured since.
 *
 * @module
 */
import type { HostName } from "./client/host.ts";
import type { Section } from "./options.ts";
import type { Results } from "./results.ts";

/** Reads one. @throws {SyntaxError} If it holds something else. */
export function readResults(file: string): Results {
  const results = JSON.parse(Deno.readTextFileSync(file)) as Partial<Results> | null;
  if (typeof results?.date !== "string" || typeof results.detail !== "object") {
    throw new SyntaxError("it holds no figures of npm run bench");
  }
  return results as Results;
}

/**
 * What is written if a file has figures already: those of the parts that this run has not measured stay as they are, each with its own date. So a run
 * of one part, or one that is interrupted, takes nothing away.
 */
export function merged(older: Results, newer: Results): Results {
  // A file of before dates were kept: all its parts are of its own.
  const all = [older, newer].flatMap((results) => partsOf(results));
  const { date, rounds, machine } = newer;
  const versions = { ...older.versions, ...newer.versions };
  const whole: Results = { date, rounds, machine, versions, measured: {}, detail: {} };
  for (const { results, section, runtime } of all) {
    (whole[section] ??= {})[runtime] = results[section]![runtime]!;
    (whole.detail[section] ??= {})[runtime] = results.detail[section]?.[runtime];
    (whole.measured![section] ??= {})[runtime] = results.measured?.[section]?.[runtime] ??
      { date: results.date, rounds: results.rounds, load: results.machine.load };
  }
  return whole;
}

function partsOf(
  results: Results,
): { results: Results; section: Section; runtime: HostName }[] {
  return (Object.keys(results.detail) as Section[]).flatMap((section) =>
    (Object.keys(results[section] ?? {}) as HostName[])
      .map((runtime) => ({ results, section, runtime }))
  );
}
