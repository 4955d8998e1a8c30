import { assertEquals, assertRejects } from "@std/assert";
import { handled, onAbort } from "../../src/contract/abort.ts";
import { test } from "../support/harness.ts";

test("onAbort() calls once at the abort, and at once if that was before", () => {
  let calls = 0;
  const controller = new AbortController();
  onAbort(controller.signal, () => calls++);
  assertEquals(calls, 0);
  controller.abort();
  controller.abort();
  assertEquals(calls, 1);
  onAbort(controller.signal, () => calls++);
  assertEquals(calls, 2);
});

test("onAbort() gives what takes the listener away", () => {
  let calls = 0;
  const controller = new AbortController();
  const forget = onAbort(controller.signal, () => calls++);
  forget();
  forget();
  controller.abort();
  assertEquals(calls, 0);
});

test("onAbort() does nothing without a signal", () => {
  onAbort(undefined, () => {
    throw new Error("called");
  })();
});

test("handled() gives the same promise, which still rejects for whoever awaits it", async () => {
  const promise = Promise.reject(new Error("x"));
  assertEquals(handled(promise) === promise, true);
  await assertRejects(() => promise, Error, "x");
});
