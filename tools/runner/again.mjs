// What failed, by name, and the command that runs it again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder, root } from "./paths.mjs";

/** Names in a file of tests; what a template puts in may be anything. */
const REGISTERED = /\btest\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g;

/** Whether a file registers a test of this name, as far as it is written down there. */
function registers(text, name) {
  for (const [, plain, template] of text.matchAll(REGISTERED)) {
    if (plain !== undefined && plain.replace(/\\(.)/g, "$1") === name) return true;
    const parts = template?.split(/\$\{[^}]*\}/).map((part) => part.replace(/\W/g, "\\$&"));
    if (parts?.some((part) => part.length > 3) && new RegExp(`^${parts.join(".*")}$`).test(name)) {
      return true;
    }
  }
  return false;
}

/** The file of a test. Reports name the harness, which registers every one of them. */
function fileOf(name) {
  const bare = name.replace(/ \(skipped: .*\)$/s, "");
  return filesUnder("tests", "_test.ts").find((file) =>
    bare.endsWith(file) || registers(readFileSync(join(root, file), "utf8"), bare)
  );
}

/** How many are named: with more, something is wrong that the first of them tells. */
const MOST = 20;

/**
 * Lines that name what failed, and say how to run it again.
 *
 * @param {readonly { suite: string, test: string }[]} failed
 * @returns {string[]}
 */
export function again(failed) {
  const lines = failed.slice(0, MOST).map(({ suite, test }) => `failed on ${suite}: ${test}`);
  if (failed.length > MOST) lines.push(`and ${failed.length - MOST} more`);
  const suites = [...new Set(failed.map(({ suite }) => suite))];
  const files = new Set(failed.slice(0, MOST).map(({ test }) => fileOf(test)));
  // Without a file of each the command would leave one out.
  const paths = files.has(undefined) ? [] : [...files];
  return [...lines, `again: npm test -- ${[...suites, ...paths].join(" ")}`];
}
