/**
 * Seeds as tests. Thousands of them run with `npm run sim`.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { program } from "../../tools/runner/programs.mjs";
import { platform, test } from "../support/harness.ts";
import { live } from "./history.ts";
import { REGRESSIONS } from "./regressions.ts";
import { Tally } from "./tally.ts";

/** The same seeds give the same histories everywhere, so one runtime may live through more of them. */
const SEEDS = platform === "deno" ? 100 : 40;

test("scenarios 56 and 57: live() breaks no invariant in the first seeds", {
  timeoutMs: 120_000,
}, async () => {
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = await live(seed, { tally });
    assertEquals(violations, [], `seed ${seed}`);
  }
  assertEquals(tally.phases.size, 7);
  assert(tally.faults.size > 45, `only ${tally.faults.size} kinds of fault took effect`);
});

test("live() breaks no invariant in seeds that once did", { timeoutMs: 60_000 }, async () => {
  for (const { seed, was } of REGRESSIONS) {
    const { violations } = await live(seed);
    assertEquals(violations, [], `seed ${seed}, once: ${was}`);
  }
});

test("live() gives the same full trace for the same seed, and another for another", async () => {
  for (const seed of [5, 6, 7]) {
    const one = await live(seed, { keepTrace: true });
    const again = await live(seed, { keepTrace: true });
    assertEquals(again.lines, one.lines);
    assertEquals(again.fullHash, one.fullHash);
    assertNotEquals((await live(seed + 10)).fullHash, one.fullHash);
  }
});

const others = ["node24", "node22", "bun"].filter((name) => program(name) !== undefined);

test("live() gives the same machine trace on every runtime", {
  only: ["deno"],
  timeoutMs: 240_000,
  ...others.length > 0 ? {} : { skip: "no other runtime is here" },
}, async () => {
  const args = ["tests/simulation/main.ts", "--seeds", "25", "--trace-hash"];
  const lines = (text: string) => text.split("\n").filter((line) => !line.includes("ms per seed"));
  const [expected, ...said] = await Promise.all([
    run(program("deno")!, ["run", "--no-check", "--allow-read", ...args]),
    ...others.map((name) => run(program(name)!, args)),
  ]);
  assert(expected !== undefined && expected.includes("trace hash: "));
  for (const [i, text] of said.entries()) {
    assertEquals(lines(text), lines(expected), `${others[i]} against deno`);
  }
});

function run(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} failed: ${stdout}${stderr}`));
    });
  });
}
