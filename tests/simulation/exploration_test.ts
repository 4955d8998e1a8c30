/**
 * The whole stack, explored: every event in every state that it can be in, to a depth.
 *
 * @module
 */
import { assert } from "@std/assert";
import { test } from "../support/harness.ts";
import { Exploration, explore, explored } from "./exploration.ts";

const DEPTH = 5;

const kinds = {
  "that waits for an answer at its start": explored({}),
  "without a start": explored({ starting: "no hook" }),
  "with a budget of attempts, and a deadline for the first session": explored({
    starting: "send",
    maxAttempts: 3,
    readyTimeoutMs: 15_000,
    deadAfterMs: undefined,
    wireDials: 2,
  }),
};

for (const [name, profile] of Object.entries(kinds)) {
  test(
    `stack() keeps all invariants in every history of ${DEPTH} events of a connection ${name}`,
    { timeoutMs: 300_000 },
    async () => {
      const histories = await explore(DEPTH, (choose) => new Exploration(profile).live(choose));
      console.log(`${histories} histories of ${DEPTH} events of a connection ${name}`);
      // An exploration that stops early proves nothing.
      assert(histories > 10_000, `only ${histories} histories`);
    },
  );
}
