// Counting what a test framework wrote as JUnit XML.
import { existsSync, readFileSync } from "node:fs";

/** One case: closed at once, or around its failure, skip and output. Values may hold a raw ">". */
const CASE = /<testcase\b((?:"[^"]*"|[^">])*?)(?:\/>|>(.*?)<\/testcase>)/gs;

/** Node counts a file without tests as a test of that name. */
const FILE_NAME = /\bname="[^"]*_test\.ts"/;

/**
 * The counts of a report. A framework that failed without saying which test, or that ran nothing,
 * is one failure.
 *
 * @param {string} xml
 * @param {number} code the framework's exit code
 * @returns {import("./tally.mjs").Outcome}
 */
export function countsOf(xml, code) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const [, attributes = "", inside = ""] of xml.matchAll(CASE)) {
    if (/<(failure|error)\b/.test(inside)) failed++;
    else if (/<skipped\b/.test(inside)) skipped++;
    else if (!FILE_NAME.test(attributes)) passed++;
  }
  if (failed === 0 && code !== 0) return { passed, skipped, failed: 1, note: `exit code ${code}` };
  if (passed + failed + skipped === 0) return { failed: 1, note: "ran nothing" };
  return { passed, failed, skipped };
}

/**
 * The counts of a JUnit file, which may be missing.
 *
 * @param {string} path
 * @param {number} code the framework's exit code
 */
export function junitOutcome(path, code) {
  return countsOf(existsSync(path) ? readFileSync(path, "utf8") : "", code);
}
