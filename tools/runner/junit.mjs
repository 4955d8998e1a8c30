// Counting what a test framework wrote as JUnit XML.
import { existsSync, readFileSync } from "node:fs";

/** One case: closed at once, or around its failure, skip and output. Values may hold a raw ">". */
const CASE = /<testcase\b((?:"[^"]*"|[^">])*?)(?:\/>|>(.*?)<\/testcase>)/gs;

/** Node counts a file without tests as a test of that name. */
const FILE_NAME = /_test\.ts$/;

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The text of an attribute. */
function plain(text) {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|(amp|lt|gt|quot|apos));/gi,
    (_, hex, decimal, name) =>
      name !== undefined
        ? ENTITIES[name.toLowerCase()]
        : String.fromCodePoint(hex !== undefined ? parseInt(hex, 16) : Number(decimal)),
  );
}

/**
 * How each test of a report ended.
 *
 * @param {string} xml
 * @returns {import("./matrix.mjs").Result[]}
 */
export function resultsOf(xml) {
  return [...xml.matchAll(CASE)].map(([, attributes = "", inside = ""]) => ({
    name: plain(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? ""),
    outcome: /<(failure|error)\b/.test(inside)
      ? "failed"
      : /<skipped\b/.test(inside)
      ? "skipped"
      : "passed",
  }));
}

/**
 * The counts of a report. A framework that failed without saying which test, or that ran nothing,
 * is one failure.
 *
 * @param {string} xml
 * @param {number} code the framework's exit code
 * @returns {import("./tally.mjs").Outcome}
 */
export function countsOf(xml, code) {
  const results = resultsOf(xml);
  const count = (outcome) => results.filter((one) => one.outcome === outcome).length;
  const failed = count("failed");
  const skipped = count("skipped");
  const passed = count("passed") -
    results.filter((one) => one.outcome === "passed" && FILE_NAME.test(one.name)).length;
  if (failed === 0 && code !== 0) return { passed, skipped, failed: 1, note: `exit code ${code}` };
  if (passed + failed + skipped === 0) return { failed: 1, note: "ran nothing" };
  return { passed, failed, skipped };
}

/**
 * The counts of a JUnit file, which may be missing, and how each of its tests ended.
 *
 * @param {string} path
 * @param {number} code the framework's exit code
 * @param {string} platform where it ran
 * @returns {import("./tally.mjs").Outcome}
 */
export function junitOutcome(path, code, platform) {
  const xml = existsSync(path) ? readFileSync(path, "utf8") : "";
  return { ...countsOf(xml, code), results: [{ platform, tests: resultsOf(xml) }] };
}
