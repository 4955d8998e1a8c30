import { assert, assertEquals, assertGreater } from "@std/assert";
import type { WsConnector } from "../../mod.ts";
import { web } from "../../src/runtime/web.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { type Platform, test } from "../support/harness.ts";
import { type BlockedRun, blockedRun } from "./blocked_run.ts";
import { workerOf } from "./make_worker.ts";

const only: readonly Platform[] = ["deno", "node", "bun"];

function run(connector: WsConnector): Promise<BlockedRun> {
  const runtime = { ...web(), connector };
  return blockedRun({ runtime, blockMs: 2_500, burst: 200, maxFrames: 4_096 });
}

test(
  "a session in a worker outlives a blocked thread at a strict venue, and every lost frame is counted",
  {
    only,
    timeoutMs: 40_000,
  },
  async () => {
    const it = await run(workerConnector(workerOf("host_web.ts")));
    assertEquals([it.cut, it.epoch, it.misplaced], [false, 1, 0]);
    assertEquals(it.delivered + it.lost, it.sent);
    assertGreater(it.lost, 0);
    assert(it.pongs >= 20 && it.latestPongMs < 500, `${it.pongs} pongs, ${it.latestPongMs} ms`);
  },
);

test(
  "a session in the blocked thread is cut by the same venue",
  { only, timeoutMs: 40_000 },
  async () => {
    const it = await run(web().connector);
    assertEquals([it.cut, it.epoch], [true, 2]);
  },
);
