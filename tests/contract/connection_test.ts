import { assertThrows } from "@std/assert";
import { checkClose } from "../../src/contract/connection.ts";
import { test } from "../support/harness.ts";

test("checkClose() lets through what an application may close with", () => {
  for (const code of [1000, 3000, 3999, 4000, 4999]) checkClose(code, "bye");
  checkClose(1000, "");
  checkClose(1000, "a".repeat(123));
  checkClose(1000, "€".repeat(41));
});

test("checkClose() refuses the codes that are not an application's", () => {
  const wrong = [0, 999, 1001, 1005, 1006, 1008, 1015, 2999, 5000, 3000.5, -1, NaN, Infinity];
  for (const code of wrong) assertThrows(() => checkClose(code, ""), RangeError, "Cannot close");
  assertThrows(() => checkClose("1000" as unknown as number, ""), RangeError);
});

test("checkClose() measures the reason in UTF-8 and does not show it", () => {
  const message = (reason: string) =>
    assertThrows(() => checkClose(1000, reason), RangeError).message;
  for (const reason of ["s".repeat(124), "€".repeat(42), "😀".repeat(31)]) {
    if (message(reason).includes(reason)) throw new Error("the reason is in the message");
  }
});
