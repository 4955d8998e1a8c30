// Order and completeness of what two connections bring.
import { assertEquals } from "@std/assert";
import { Splice, type Spliced } from "../../examples/adapters/splice.ts";
import { test } from "../support/harness.ts";

test("Splice still waits for what is missing when a repetition comes first", () => {
  const gaps: string[] = [];
  const splice = new Splice((symbol) => gaps.push(symbol));
  const take = (U: number, u: number, alone = false) =>
    splice.take({ e: "depthUpdate", s: "A", U, u } as Spliced, alone).map((one) => [one.U, one.u]);
  assertEquals(take(1, 10), [[1, 10]]);
  assertEquals(take(21, 30), []); // the old connection lost 11 to 20
  assertEquals(take(5, 10), []); // the new one starts with what is known: 21 must go on waiting
  assertEquals(take(11, 20), [[11, 20], [21, 30]]);
  assertEquals([splice.settled, gaps], [true, []]);
});

test("Splice tells of the hole behind a repetition when nobody is left to close it", () => {
  const gaps: string[] = [];
  const splice = new Splice((symbol) => gaps.push(symbol));
  const take = (U: number, u: number, alone = false) =>
    splice.take({ e: "depthUpdate", s: "A", U, u } as Spliced, alone).map((one) => [one.U, one.u]);
  take(1, 10);
  assertEquals(take(21, 30), []);
  assertEquals(take(5, 10, true), [[21, 30]]);
  assertEquals(gaps, ["A"]);
});
