// Shutting down at peers that say nothing, and what is left of the process then (scenarios 51, 52).
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { platform, test } from "../support/harness.ts";
import { Child, startPeer } from "./child.ts";
import { Feed, nativeRuntime, withFeed } from "./feed.ts";

const DEVIATES = nativeRuntime.connector.capabilities.terminate
  ? undefined
  : "https://github.com/denoland/deno/issues/36337";

test("shutdown() settles within its bound at a peer that never answers (scenario 51)", async () => {
  const { child, url } = await startPeer();
  await withFeed(child, new Feed(`${url}ignore-close`), async (feed) => {
    await feed.up();
    const started = performance.now();
    await feed.connection.control.shutdown({ timeoutMs: 300, code: 4000, reason: "enough" });
    const tookMs = performance.now() - started;
    assertGreaterOrEqual(tookMs, 299);
    assert(tookMs < 3_000, `it took ${tookMs} ms`);
    assertEquals(feed.connection.lifecycle.value.phase, "closed");
    const { code, reason } = await child.until(({ event }) => event === "close");
    assertEquals({ code, reason }, { code: 4000, reason: "enough" });
    if (DEVIATES !== undefined) assertEquals(feed.connection.stats().zombies, 1);
  });
});

test("shutdown() settles within its bound at a process that was stopped (scenario 51)", async () => {
  const { child, url } = await startPeer();
  await withFeed(child, new Feed(url), async (feed) => {
    await feed.up();
    child.kill("SIGSTOP");
    const started = performance.now();
    await feed.connection.control.shutdown({ timeoutMs: 200 });
    assert(performance.now() - started < 3_000, "within the bound");
    child.kill("SIGCONT");
    await child.until(({ event }) => event === "end");
  });
});

test("shutdown() twice keeps the shorter bound (scenario 51)", async () => {
  const { child, url } = await startPeer();
  await withFeed(child, new Feed(`${url}ignore-close`), async (feed) => {
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

const exit = DEVIATES === undefined
  ? "a process that shut down at a silent peer ends (scenario 51)"
  : `a process that shut down at a silent peer stays until the peer goes (scenario 51, deviates: ${DEVIATES})`;

test(exit, { timeoutMs: 30_000 }, async () => {
  const { child: server, url } = await startPeer();
  const std = platform === "deno" ? ["--import-map=tools/std/import_map.json"] : undefined;
  const flags = std === undefined ? {} : { flags: ["run", "--quiet", "-A", ...std] };
  const program = new Child(new URL("./exit_main.ts", import.meta.url), {
    args: [`${url}ignore-close`],
    ...flags,
  });
  try {
    const { tookMs, phase, zombies } = await program.until(({ event }) => event === "shut down");
    assertEquals(phase, "closed");
    assert(Number(tookMs) < 3_000, `it took ${tookMs} ms`);
    if (DEVIATES === undefined) {
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
    if (DEVIATES === undefined) await program.close();
    else program.kill("SIGKILL");
    await program.ended;
  }
});
