/**
 * The whole stack, explored: every event in every state that it can be in, to a depth.
 *
 * @module
 */
import { assert } from "@std/assert";
import { platform, test } from "../support/harness.ts";
import { Exploration, explore, explored } from "./exploration.ts";
import type { Profile } from "./profile.ts";

interface Kind {
  readonly name: string;
  readonly profile: Profile;
  /** Events per history, here and on the other runtimes: one place to go deep is enough. */
  readonly depth: number;
  /** An exploration that stops early proves nothing. */
  readonly least: number;
}

const deep = platform === "deno";

const kinds: readonly Kind[] = [
  {
    name: "that waits for an answer at its start",
    profile: explored({}),
    depth: deep ? 6 : 4,
    least: deep ? 30_000 : 700,
  },
  {
    name: "without a start, whose sockets stay silent",
    profile: explored({ starting: "no hook", probe: "ping" }),
    depth: deep ? 5 : 4,
    least: deep ? 5_000 : 700,
  },
  {
    name: "with limits on attempts, and a leaf that costs two of them",
    profile: explored({
      starting: "send",
      maxAttempts: 3,
      readyTimeoutMs: 15_000,
      deadAfterMs: undefined,
      wireDials: 2,
    }),
    depth: deep ? 5 : 4,
    least: deep ? 4_000 : 500,
  },
];

for (const { name, profile, depth, least } of kinds) {
  test(
    `open() keeps all invariants in every history of ${depth} events of a connection ${name}`,
    { timeoutMs: 400_000 },
    async () => {
      const histories = await explore(depth, (choose) => new Exploration(profile).live(choose));
      console.log(`${histories} histories of ${depth} events of a connection ${name}`);
      assert(histories > least, `only ${histories} histories`);
    },
  );
}
