// The list of suites, and choosing from it.
import { frameworkSuites, leafSuites } from "./framework_suites.mjs";
import { portableSuites } from "./portable_suites.mjs";

/** Every suite, in the order in which they run. To add one, add it here. */
export const SUITES = [...frameworkSuites, ...portableSuites, ...leafSuites];

/** @returns {string} the names of all */
export function suiteNames() {
  return SUITES.map((suite) => suite.name).join(" ");
}

/** What was asked for makes no sense. */
export class ChoiceError extends Error {}

/**
 * The suites to run. Without names: all whose test file is there.
 *
 * @param {readonly string[]} names
 */
export function chooseSuites(names) {
  if (names.length === 0) return SUITES.filter((suite) => suite.exists());
  return names.map((name) => {
    const suite = SUITES.find((known) => known.name === name);
    if (suite === undefined) {
      throw new ChoiceError(`Unknown suite "${name}"; the suites are: ${suiteNames()}`);
    }
    if (!suite.exists()) {
      throw new ChoiceError(`Cannot run suite "${name}": ${suite.file} does not exist yet`);
    }
    return suite;
  });
}
