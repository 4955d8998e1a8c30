import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { handled, onAbort, raced } from "../../src/contract/abort.ts";
import { test } from "../support/harness.ts";

interface Noted {
  on(name: string, listener: (reason: unknown) => void): void;
  off(name: string, listener: (reason: unknown) => void): void;
}

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

test("raced() leaves no rejection behind when what it runs aborts the signal and throws", async () => {
  const unhandled: unknown[] = [];
  const note = (event: Event) => {
    event.preventDefault();
    unhandled.push((event as PromiseRejectionEvent).reason);
  };
  const process = (globalThis as { process?: Noted }).process;
  const noted = (reason: unknown) => void unhandled.push(reason);
  // Deno has both: its own event is the one that is asked first.
  const events = "Deno" in globalThis || process === undefined;
  if (events) globalThis.addEventListener("unhandledrejection", note);
  else process.on("unhandledRejection", noted);
  try {
    const abort = new AbortController();
    const thrown = new Error("thrown");
    const outcome = raced(abort.signal, () => {
      abort.abort(new Error("aborted"));
      throw thrown;
    });
    assertStrictEquals(await outcome.catch((error: unknown) => error), thrown);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(unhandled, []);
  } finally {
    if (events) globalThis.removeEventListener("unhandledrejection", note);
    else process.off("unhandledRejection", noted);
  }
});
