// What one frame costs in promises and in bytes: counted, not timed, and the same number in every run.
import { execFile } from "node:child_process";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import type { Cost } from "./cost_probe.ts";

const only = ["node"] as const;
const PROBE = "tests/bench/cost_probe.ts";

/** No compiler, only the interpreter; no other threads; and a young generation that is not collected meanwhile. */
const FLAGS = [
  "--expose-gc",
  "--no-opt",
  "--no-sparkplug",
  "--no-maglev",
  "--single-threaded",
  "--min-semi-space-size=64",
  "--max-semi-space-size=64",
  "--disable-warning=ExperimentalWarning",
];

/**
 * Promises per frame, in thousandths, on every version of Node. `for await` and `read()` need two: the answer, and the one that `await` makes. Over it is
 * what comes once per read of 256 frames.
 */
const MOST_MILLIPROMISES: Readonly<Record<string, number>> = {
  forAwait: 2_030,
  readable: 2_030,
  batches: 10,
  dropped: 0,
  send: 10,
  sendAwaited: 1_000,
};

/**
 * Bytes per frame, as counted on Node 24.21; other versions have objects of other sizes. The smallest object has 16 bytes. Of the text itself, 100 characters, all
 * but `dropped` and those that send hold a copy.
 */
const MOST_BYTES: Readonly<Record<string, number>> = {
  forAwait: 595,
  readable: 595,
  batches: 300,
  dropped: 108,
  send: 162,
  sendAwaited: 1_310,
};

function probe(): Promise<Record<string, Cost>> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...FLAGS, PROBE], (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout) as Record<string, Cost>);
    });
  });
}

test("the cost of a frame is the same in two runs, and within its bounds", {
  only,
  timeoutMs: 60_000,
}, async () => {
  const costs = await probe();
  assertEquals(await probe(), costs);
  assertEquals(Object.keys(costs).sort(), Object.keys(MOST_BYTES).sort());
  const inBytes = process.versions.node.startsWith("24.");
  for (const [name, { millipromises, bytes }] of Object.entries(costs)) {
    const most = MOST_MILLIPROMISES[name]!;
    assert(millipromises <= most, `${name}: ${millipromises} of ${most} thousandths of a promise`);
    if (inBytes) assert(bytes <= MOST_BYTES[name]!, `${name}: ${bytes} of ${MOST_BYTES[name]} B`);
  }
});

test("the bounds of the cost of a frame are no looser than what it costs, by less than an object", {
  only,
  timeoutMs: 60_000,
}, async () => {
  if (!process.versions.node.startsWith("24.")) return;
  for (const [name, { millipromises, bytes }] of Object.entries(await probe())) {
    assert(MOST_MILLIPROMISES[name]! - millipromises < 16, `${name}: ${millipromises}`);
    assert(MOST_BYTES[name]! - bytes < 16, `${name}: lower its bound to ${bytes}`);
  }
});
