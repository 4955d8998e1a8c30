/**
 * Keeps the table in docs/rfc6455.md honest.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "../support/harness.ts";
import { READER_CASES } from "./reader_cases.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Every test of this folder that has a name of its own. */
function testNames(): Set<string> {
  const names = new Set(READER_CASES.map(({ name }) => name));
  for (const file of readdirSync(at(".")).filter((name) => name.endsWith("_test.ts"))) {
    const source = readFileSync(at(file), "utf8");
    for (const [, name] of source.matchAll(/\btest\(\s*"((?:[^"\\]|\\.)*)"/g)) names.add(name!);
  }
  return names;
}

interface Row {
  readonly section: string;
  readonly test: string;
}

function rows(markdown: string): Row[] {
  const found: Row[] = [];
  for (const line of markdown.split("\n")) {
    const row = /^\| ([45678]\.[0-9.]+) +\|.*\| `(.+)` +\|$/.exec(line);
    if (row) found.push({ section: row[1]!, test: row[2]! });
  }
  return found;
}

test("docs/rfc6455.md names only tests that exist, and leaves out no section with a MUST", () => {
  const table = rows(readFileSync(at("../../docs/rfc6455.md"), "utf8"));
  const names = testNames();
  assertEquals(table.filter((row) => !names.has(row.test)), []);
  const sections = new Set(table.map(({ section }) => section));
  // Of sections 5 to 8 those that demand something of a client (5.7 has examples, 7.1.3 and 7.3 definitions).
  const demanding =
    "5.1 5.2 5.3 5.4 5.5 5.5.1 5.5.2 5.5.3 5.6 5.8 6.1 6.2 7.1.1 7.1.2 7.1.4 7.1.5 7.1.6 7.1.7 7.2.1 7.4.1 7.4.2 8.1";
  assertEquals(demanding.split(" ").filter((section) => !sections.has(section)), []);
  assert(table.length > 50, `only ${table.length} rows were understood`);
});
