// An example is read from its top to its end by somebody who wants to copy it.
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder, root } from "../../tools/scenarios.ts";
import { test } from "../support/harness.ts";

const MOST_LINES = 150;

test("examples/adapters has five programs, and no file is longer than 150 lines", () => {
  const files = filesUnder("examples/adapters", ".ts")
    .map((file) => [file, readFileSync(join(root, file), "utf8")] as const);
  const programs = files.filter(([, text]) => text.includes("\nif (import.meta.main) {\n"));
  assertEquals(programs.length, 5);
  for (const [file, text] of files) {
    const lines = text.trimEnd().split("\n").length;
    assert(lines <= MOST_LINES, `${file} has ${lines} lines`);
  }
});
