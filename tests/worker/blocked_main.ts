/**
 * The blocked thread at full length, with figures: a session in a worker, then one in the thread that is blocked, each at the strict venue.
 *
 * ```sh
 * deno run -A tests/worker/blocked_main.ts 10000
 * node tests/worker/blocked_main.ts 10000
 * bun tests/worker/blocked_main.ts 10000
 * ```
 *
 * @module
 */
import process from "node:process";
import { web } from "../../src/runtime/web.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { platform } from "../support/harness.ts";
import { blockedRun } from "./blocked_run.ts";
import { workerOf } from "./make_worker.ts";

const blockMs = Number(process.argv[2] ?? 10_000);
const leaves = {
  "in a worker": workerConnector(workerOf("host_web.ts")),
  "in the thread": web().connector,
};
for (const [where, connector] of Object.entries(leaves)) {
  const runtime = { ...web(), connector };
  const run = await blockedRun({ runtime, blockMs, burst: 200, maxFrames: 16_384 });
  console.log(`${platform}, ${where}, blocked for ${blockMs} ms: ${JSON.stringify(run)}`);
}
