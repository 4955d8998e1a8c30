// Faults between two processes in a network namespace, by packet filter (scenarios 20, 21, 22, 59).
// They need Linux, unshare, iptables and the right to use them; skipped by name where not.
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { platform, test } from "../support/harness.ts";
import { Child } from "./child.ts";
import { eachLeaf } from "./each_leaf.ts";
import { type FaultLeaf, NATIVE } from "./leaves.ts";
import type { NetworkFault, Seen } from "./netns_faults.ts";

/** A namespace of its own for users, too, so that no root is needed where the kernel allows it. */
const WITHIN = ["unshare", "--map-root-user", "--net"];

const NEEDED = "iptables -A INPUT -p tcp -m statistic --mode random --probability 0.1 -j DROP && " +
  "iptables -A INPUT -p tcp -m limit --limit 1/second -j ACCEPT && " +
  "iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset && ip link set lo up";

function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const [command, ...args] = [...WITHIN, "sh", "-c", NEEDED];
  const { status, error, stderr } = spawnSync(command!, args, { encoding: "utf8" });
  if (status === 0) return undefined;
  const reason = error?.message ?? stderr.trim().split("\n").at(-1) ?? "";
  return `no namespace with iptables here: ${reason}`;
}

const skip = whyNot();

async function seenOf(fault: NetworkFault, { name }: FaultLeaf): Promise<Seen> {
  const std = ["--import-map=tools/std/import_map.json"];
  const program = new Child(new URL("./netns_main.ts", import.meta.url), {
    within: WITHIN,
    args: [name, fault],
    ...(platform === "deno" ? { flags: ["run", "--quiet", "-A", ...std] } : {}),
  });
  try {
    return await program.until(({ event }) => event === "seen") as unknown as Seen;
  } finally {
    program.kill("SIGKILL");
    await program.ended;
  }
}

const slow = { skip, timeoutMs: 60_000 };

for (
  const [fault, scenario] of [
    ["cut both ways", "scenario 20"],
    ["cut while sending", "scenario 21"],
    ["cut from the server", "scenario 22"],
    ["cut to the server", "scenario 22"],
  ] as const
) {
  eachLeaf.test(
    `a feed whose line is ${fault} is stale, abandoned and healed in time (${scenario})`,
    slow,
    async (leaf) => {
      const { staleAfterMs, downAfterMs, upAfterMs, opened, gaps } = await seenOf(fault, leaf);
      // One way only from the client leaves the ticks: TCP itself stops them when nobody confirms.
      assert(staleAfterMs !== undefined && downAfterMs !== undefined, "stale, then down");
      // Timers may fire 1 ms early.
      assertGreaterOrEqual(staleAfterMs, 499);
      assertGreaterOrEqual(downAfterMs, 999);
      assert(downAfterMs < 10_000, `down after ${downAfterMs} ms`);
      assertEquals(opened, 0, "no session opens through a cut line");
      assert(upAfterMs < 10_000, `up again after ${upAfterMs} ms`);
      assertEquals(gaps, 0);
    },
  );
}

eachLeaf.test(
  "a feed reset by a middlebox is down at once, and up when that stops (scenario 59)",
  slow,
  async (leaf) => {
    const { upAfterMs, failures, gaps } = await seenOf("reset by a middlebox", leaf);
    assert(failures.includes("session_lost"), failures.join());
    assert(upAfterMs < 10_000, `up again after ${upAfterMs} ms`);
    assertEquals(gaps, 0);
  },
);

for (
  const [fault, line] of [
    ["packet loss", "a line that loses every tenth packet"],
    ["throttled", "a line that carries 25 packets a second"],
  ] as const
) {
  test(`a feed behind ${line} gets everything in its one session (scenario 59)`, slow, async () => {
    const { opened, failures, gaps } = await seenOf(fault, NATIVE);
    assertEquals({ opened, failures, gaps }, { opened: 0, failures: [], gaps: 0 });
  });
}
