// Shutting down at peers that say nothing, and what is left of the process then (scenarios 51, 52).
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { platform } from "../support/harness.ts";
import { Child, startPeer } from "./child.ts";
import { withFeed } from "./feed.ts";
import { eachLeaf, type LeafUnderFault } from "./each_leaf.ts";

/** Why a leaf cannot end a socket at once, if it cannot. The one over TCP can, everywhere. */
function deviationOf({ connector, isTcp }: LeafUnderFault): string | undefined {
  assert(!isTcp || connector.capabilities.terminate);
  return connector.capabilities.terminate
    ? undefined
    : "https://github.com/denoland/deno/issues/36337";
}

eachLeaf.test("shutdown() settles within its bound at a peer that never answers (scenario 51)", async (leaf) => {
  const { child, url } = await startPeer();
  await withFeed(child, leaf.feed(`${url}ignore-close`), async (feed) => {
    await feed.up();
    const started = performance.now();
    await feed.connection.control.shutdown({ timeoutMs: 300, code: 4000, reason: "enough" });
    const tookMs = performance.now() - started;
    assertGreaterOrEqual(tookMs, 299);
    assert(tookMs < 3_000, `it took ${tookMs} ms`);
    assertEquals(feed.connection.lifecycle.value.phase, "closed");
    const { code, reason } = await child.until(({ event }) => event === "close");
    assertEquals({ code, reason }, { code: 4000, reason: "enough" });
    if (deviationOf(leaf) !== undefined) return assertEquals(feed.connection.stats().zombies, 1);
    // Destroyed, not only forgotten: the peer, which answers nothing, sees the end.
    await child.until(({ event }) => event === "end");
    await feed.gone();
  });
});

eachLeaf.test("shutdown() settles within its bound at a process that was stopped (scenario 51)", async (leaf) => {
  const { child, url } = await startPeer();
  await withFeed(child, leaf.feed(url), async (feed) => {
    await feed.up();
    child.kill("SIGSTOP");
    const started = performance.now();
    await feed.connection.control.shutdown({ timeoutMs: 200 });
    assert(performance.now() - started < 3_000, "within the bound");
    child.kill("SIGCONT");
    await child.until(({ event }) => event === "end");
  });
});

eachLeaf.test("shutdown() twice keeps the shorter bound (scenario 51)", async (leaf) => {
  const { child, url } = await startPeer();
  await withFeed(child, leaf.feed(`${url}ignore-close`), async (feed) => {
    await feed.up();
    const started = performance.now();
    const first = feed.connection.control.shutdown({ timeoutMs: 60_000 });
    await feed.connection.control.shutdown({ timeoutMs: 100 });
    await first;
    assert(performance.now() - started < 3_000, "within the shorter bound");
  });
});

/** How long a process that should not end is watched, in milliseconds. */
const WATCH_MS = 1_500;

/** Whether the child ends within that time. A deadline, not a pause: an end is seen at once. */
function endsWithin(child: Child, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void child.ended.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

const exit = (leaf: LeafUnderFault) => {
  const deviation = deviationOf(leaf);
  return deviation === undefined
    ? "a process that shut down at a silent peer ends (scenario 51)"
    : `a process that shut down at a silent peer stays until the peer goes (scenario 51, deviates: ${deviation})`;
};

eachLeaf.test(exit, { timeoutMs: 30_000 }, async (leaf) => {
  const deviation = deviationOf(leaf);
  const { child: server, url } = await startPeer();
  const std = platform === "deno" ? ["--import-map=tools/std/import_map.json"] : undefined;
  const flags = std === undefined ? {} : { flags: ["run", "--quiet", "-A", ...std] };
  const program = new Child(new URL("./exit_main.ts", import.meta.url), {
    args: [leaf.name, `${url}ignore-close`],
    ...flags,
  });
  try {
    const { tookMs, phase, zombies } = await program.until(({ event }) => event === "shut down");
    assertEquals(phase, "closed");
    assert(Number(tookMs) < 3_000, `it took ${tookMs} ms`);
    if (deviation === undefined) {
      await server.until(({ event }) => event === "end");
      assert(await endsWithin(program, 10_000), `it ends; ${program.errors}`);
    } else {
      // An unexpected end fails: then the deviation has gone, and the documentation with it.
      assert(!await endsWithin(program, WATCH_MS), "Deno ends now: remove the deviation");
      assertEquals(zombies, 1, "what keeps it is counted");
      await server.close();
    }
    assertEquals((await program.ended).code, 0, program.errors);
  } finally {
    await server.close();
    if (deviation === undefined) await program.close();
    else program.kill("SIGKILL");
    await program.ended;
  }
});
