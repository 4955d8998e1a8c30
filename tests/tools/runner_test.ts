// The runner decides what green means, so the parts that decide are tested.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { cyclesOf } from "../../tools/runner/cycles.mjs";
import { countsOf } from "../../tools/runner/junit.mjs";
import { anchorOf, linkProblems, wordProblems } from "../../tools/runner/links.mjs";
import { chooseSuites } from "../../tools/runner/suites.mjs";
import { test } from "../support/harness.ts";

test("countsOf() counts what passed, failed and was skipped", () => {
  const xml = `<testsuites><testcase name="f => g" classname="a"/>
    <testcase name="b"><skipped type="skipped"/></testcase>
    <testcase name="c" failure="&lt;skipped >"><failure message="]]>">&lt;skipped</failure></testcase>
    <testcase name="d"></testcase></testsuites>`;
  assertEquals(countsOf(xml, 1), { passed: 2, failed: 1, skipped: 1 });
});

test("countsOf() makes a failure of a framework that failed without naming a test", () => {
  const said = countsOf(`<testcase name="a"/>`, 134);
  assertEquals([said.passed, said.failed], [1, 1]);
});

test("countsOf() makes a failure of a suite that ran nothing", () => {
  assertEquals(countsOf("", 0).failed, 1);
  assertEquals(countsOf(`<testcase name="tests/empty_test.ts" time="0"/>`, 0).failed, 1);
});

test("chooseSuites() refuses a name that it does not know and lists those it knows", () => {
  assertThrows(() => chooseSuites(["nodd24"]), Error, "deno docs node22");
});

test("chooseSuites() finds suites by name in the order given", () => {
  assertEquals(chooseSuites(["bun", "deno"]).map(({ name }) => name), ["bun", "deno"]);
});

const pages: Readonly<Record<string, string>> = {
  "README.md": "# One\n\n## One `code()`, two\n\n## One\n\n```md\n# Not a heading\n```\n",
  "docs/a.md": "",
};
const read = (page: string) => (path: string): string | undefined =>
  path === "docs/page.md" ? page : pages[path];

test("linkProblems() accepts links and anchors that lead somewhere", () => {
  const page = "[a](a.md) [b](../README.md#one-1) [c](../README.md#one-code-two)\n" +
    "# Here\n[d](#here) [e](https://x.example/#y) `[f](nowhere.md)`\n\n[g]: ./a.md\n";
  assertEquals(linkProblems("docs/page.md", read(page)), []);
});

test("linkProblems() reports a missing page, a missing heading and one inside a code block", () => {
  const page = "[a](b.md)\n\n[b](../README.md#two)\n[c](../README.md#not-a-heading)\n[d]: c.md\n";
  const problems = linkProblems("docs/page.md", read(page));
  assertEquals(problems.map((problem) => problem.split(": ")[0]), [
    "docs/page.md:1",
    "docs/page.md:3",
    "docs/page.md:4",
    "docs/page.md:5",
  ]);
});

test("anchorOf() makes the anchors that GitHub makes", () => {
  assertEquals(anchorOf("`a.b()` & C: the [way](x.md) of it"), "ab--c-the-way-of-it");
});

test("wordProblems() reports a name that the source does not have", () => {
  const page =
    "Use `dropOldestBuffer()`, `stats().received`, `staleAfterMs`, not `staleAfterMS`.\n";
  const known = new Set(["dropOldestBuffer", "staleAfterMs"]);
  const problems = wordProblems("docs/page.md", page, known);
  assertEquals(problems.length, 1);
  assert(problems[0]?.includes("staleAfterMS"));
});

test("cyclesOf() finds each cycle and nothing in a graph without one", () => {
  const tree = new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]]);
  assertEquals(cyclesOf(tree), []);
  const loop = new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b", "c"]]]);
  assertEquals(cyclesOf(loop), [["b", "c", "b"], ["c", "c"]]);
});
