// The matrix says what a run has shown, and nothing that it has not.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { resultsOf } from "../../tools/runner/junit.mjs";
import { Matrix } from "../../tools/runner/matrix.mjs";
import { test } from "../support/harness.ts";

const passed = (name: string) => ({ name, outcome: "passed" as const });
const failed = (name: string) => ({ name, outcome: "failed" as const });
const skipped = (name: string) => ({ name, outcome: "skipped" as const });

const deno = [
  passed("deno leaf: opens"),
  passed("deno leaf: proves (deviates: opens without it)"),
  skipped("web leaf: opens (skipped: deno has no wss)"),
  failed("web leaf: proves (deviates: opens without it)"),
  passed("tcp(): opens"),
  passed("tcp(): something else of its own"),
  passed("another test"),
];

test("resultsOf() gives every test of a report its name as it was and its outcome", () => {
  const xml = `<testcase name="a &amp; &#8220;b&quot; &lt;c>"/>
    <testcase name="d"><failure message="x"/></testcase>
    <testcase name="e"><skipped/></testcase>`;
  assertEquals(resultsOf(xml), [
    passed('a & \u201cb" <c>'),
    failed("d"),
    skipped("e"),
  ]);
});

test("Matrix is empty when no case of the list has run", () => {
  const matrix = new Matrix();
  matrix.add("deno", [passed("another test"), passed("tcp(): opens")]);
  assert(matrix.empty);
});

test("Matrix.compact() counts passes, deviations, what is beyond reach, failures and absences", () => {
  const matrix = new Matrix();
  matrix.add("deno", deno);
  matrix.add("workerd", [passed("workerd leaf: opens")]);
  const text = matrix.compact();
  assertMatch(text, /^Conformance: 2 cases/);
  assertMatch(text, /^native +1\+1\/0 +- .*- +1\+0\/0 1 not run +- +-$/m);
  assertMatch(text, /^web +0\+0\/1 1 FAILED +-/m);
  assertMatch(text, /^tcp +1\+0\/0 1 not run +-/m);
  assertMatch(text, /^worker +- +- .*-$/m);
});

test("Matrix.compact() shows a leaf that it does not know, and where it fails", () => {
  const matrix = new Matrix();
  matrix.add("deno", [passed("deno leaf: opens"), failed("new leaf: opens")]);
  const text = matrix.compact();
  assertMatch(text, /^new +0\+0\/0 1 FAILED/m);
  assertMatch(text, /^ {4}FAILS: new \(deno\)$/m);
});

test("Matrix.compact() names each case that is not met, why and where, and no other", () => {
  const matrix = new Matrix();
  matrix.add("deno", deno);
  matrix.add("bun", [passed("bun leaf: proves (deviates: opens without it)")]);
  const text = matrix.compact();
  assertMatch(text, /^1 cases pass wherever they ran/m);
  assertMatch(
    text,
    /^ {2}proves\n {4}opens without it: native \(deno, bun\)\n {4}FAILS: web \(deno\)$/m,
  );
  assert(!/^ {2}opens$/m.test(text), text);
});

test("Matrix.markdown() has every cell, and a note for every deviation", () => {
  const matrix = new Matrix();
  matrix.add("deno", deno);
  matrix.add("firefox", [
    skipped("worker leaf: opens (skipped: worker on firefox has no headers)"),
  ]);
  assertEquals(matrix.markdown().split("\n"), [
    "| demand | native on deno | web on deno | tcp on deno | worker on firefox |",
    "| --- | --- | --- | --- | --- |",
    "| opens | yes | untried | yes | n/a |",
    "| proves | no (1) | **fails** | not run | not run |",
    "",
    "1. opens without it",
  ]);
});

test("Matrix keeps a failure when a test of the same name passes later", () => {
  const matrix = new Matrix();
  matrix.add("deno", [failed("deno leaf: opens"), passed("deno leaf: opens")]);
  assertMatch(matrix.compact(), /1 FAILED/);
});
