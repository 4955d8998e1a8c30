// What leaves the context of its cause comes in order, in a microtask, whatever one of them does.
import { assertEquals } from "@std/assert";
import { detached } from "../../src/runtime/detached.ts";
import { test } from "../support/harness.ts";

const only = ["deno", "node", "bun"] as const;
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

test(
  "detached() runs in a microtask and in order, what is added meanwhile included",
  { only },
  async () => {
    const seen: string[] = [];
    detached(() => {
      seen.push("first");
      detached(() => seen.push("added"));
      seen.push("still the first");
    });
    detached(() => seen.push("second"));
    seen.push("nothing yet");
    await Promise.resolve().then(() => {}).then(() => {});
    assertEquals(seen, ["nothing yet", "first", "still the first", "second", "added"]);
    detached(() => seen.push("later"));
    await turn();
    assertEquals(seen.at(-1), "later");
  },
);

test("detached() hands what is thrown to the platform's sink and goes on", { only }, async () => {
  const host = globalThis as { reportError?: (error: unknown) => void };
  const original = host.reportError;
  const caught: unknown[] = [];
  host.reportError = (error) => void caught.push(error);
  try {
    let after = false;
    detached(() => {
      throw "thrown";
    });
    detached(() => after = true);
    await turn();
    assertEquals([caught, after], [["thrown"], true]);
  } finally {
    if (original === undefined) delete host.reportError;
    else host.reportError = original;
  }
});
