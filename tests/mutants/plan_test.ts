/**
 * The list of planted bugs keeps up with the source: each patch still fits, and every invariant has one.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/harness.ts";
import { applied, edit, type Mutant, PatchError } from "./mutant.ts";
import { MUTANTS } from "./plan.ts";

const only = ["deno"] as const;

function read(file: string): string {
  return readFileSync(file, "utf8");
}

test("every mutant fits the source, and changes it", { only }, () => {
  for (const mutant of MUTANTS) {
    const texts = applied(mutant, read);
    assert(texts.size > 0, mutant.name);
    for (const [file, text] of texts) assert(text !== read(file), mutant.name);
  }
});

test("every mutant has a name of its own and names what must kill it", { only }, () => {
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const { name, killers } of MUTANTS) {
    assert(killers.length > 0, `${name} has no killer`);
    for (const killer of killers) {
      if (!("file" in killer)) continue;
      // Names that a table makes are found by the part that is written down.
      assert(read(killer.file).length > 0, `${name}: ${killer.file}`);
    }
  }
});

test("there is a mutant for each invariant, and thirty at least", { only }, () => {
  assert(MUTANTS.length >= 30);
  const broken = new Set(MUTANTS.flatMap(({ breaks }) => breaks));
  assertEquals(broken.size, 16, `only ${[...broken]}`);
});

test("applied() refuses a patch that does not fit exactly once", { only }, () => {
  const mutant: Mutant = {
    name: "mutant",
    mistake: "none",
    breaks: [],
    edits: edit("a.ts", "one", "two"),
    killers: [],
  };
  assertEquals(applied(mutant, () => "one\n").get("a.ts"), "two\n");
  assertThrows(() => applied(mutant, () => "one one"), PatchError, "occurs 2 times");
  assertThrows(() => applied(mutant, () => "zero"), PatchError, "occurs 0 times");
  const twice: Mutant = { ...mutant, edits: [...mutant.edits, ...edit("a.ts", "two", "three")] };
  assertEquals(applied(twice, () => "one").get("a.ts"), "three");
});
