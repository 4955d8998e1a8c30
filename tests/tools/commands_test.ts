// The commands as a contributor meets them: what they refuse, what they leave behind, what they say last.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { again } from "../../tools/runner/again.mjs";
import { COMMANDS, pathsOf } from "../../tools/runner/commands.mjs";
import { UsageError } from "../../tools/runner/errors.mjs";
import { filesUnder, root } from "../../tools/runner/paths.mjs";
import { missingFrom } from "../../tools/runner/install.mjs";
import { environment, foreground, run } from "../../tools/runner/processes.mjs";
import { makeTally } from "../../tools/runner/tally.mjs";
import { test } from "../support/harness.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");

/** These start the runtime with code of theirs as an argument, which Node takes. */
const only = ["node"] as const;

/** Runs Node. @returns how it ended, and all that it said. */
async function node(
  args: readonly string[],
  { env = {}, on = () => {} }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly on?: (line: string, pid: number) => void;
  } = {},
): Promise<
  { readonly code: number | null; readonly signal: string | null; readonly text: string }
> {
  // Not under the test framework of the parent.
  const all = { ...process.env, NODE_TEST_CONTEXT: "", ...env };
  const child = spawn(process.execPath, [...args], { env: all, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      on(part, child.pid!);
    });
  }
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, text }));
  });
}

test("COMMANDS explain ok and ci without running them, and refuse arguments of these", async () => {
  for (const name of ["ok", "ci"]) {
    const command = COMMANDS.find((each) => each.name === name)!;
    assert(command.help?.().startsWith(name), `${name} has no help`);
    await assertRejects(() => command.run(["--seed"]), UsageError, `"--seed" of ${name}`);
  }
});

test("pathsOf() refuses a path that matches nothing, whatever stands beside it", () => {
  const there = "tests/tools/commands_test.ts";
  assertThrows(
    () => pathsOf([there, "tests/nope/"]),
    UsageError,
    "No test file matches tests/nope/",
  );
});

test("pathsOf() takes a path as a shell completes it", () => {
  const there = "tests/tools/commands_test.ts";
  assertEquals(pathsOf([`./${there}`, `${root}/${there}`]), [there, there]);
});

test("missingFrom() names what an older node_modules lacks, and nothing of other platforms", () => {
  const wanted = {
    "": { version: "1.0.0" },
    tools: { version: "1.0.0" },
    "node_modules/dev-tools": { link: true },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0" },
    "node_modules/@c/c": { version: "3.0.0" },
    "node_modules/d": { version: "4.0.0", optional: true },
  };
  const installed = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "1.9.0" },
  };
  assertEquals(missingFrom(wanted, installed), ["b 2.0.0", "@c/c 3.0.0"]);
  assertEquals(missingFrom(wanted, wanted), []);
});

test("environment() of what is read has no colours, although FORCE_COLOR is set", () => {
  const { FORCE_COLOR, NO_COLOR } = environment(false, { FORCE_COLOR: "1" });
  assertEquals([FORCE_COLOR, NO_COLOR], [undefined, "1"]);
  assertEquals(environment(true, { FORCE_COLOR: "1" }).FORCE_COLOR, "1");
});

test("run() says that it ended what took too long", { only }, async () => {
  const forever = ["-e", "setInterval(() => {}, 1_000)"];
  const { code, note } = await run(process.execPath, forever, { quiet: true, limitMs: 100 });
  assertEquals([code, note], [1, "took over 0.1 s and was ended"]);
});

test(
  "foreground() of an interrupted program is not the exit code of a failure",
  { only },
  async () => {
    const interrupted = ["-e", 'process.kill(process.pid, "SIGINT"); setInterval(() => {}, 1_000)'];
    assertEquals(await foreground(process.execPath, interrupted), 130);
  },
);

test("start() leaves nothing behind when the terminal is closed", { only }, async () => {
  const child = 'console.log("started"); setTimeout(() => console.log("left behind"), 5_000)';
  const parent = `import { start } from "./tools/runner/processes.mjs";
    start(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "inherit" });`;
  const { signal, text } = await node(["--input-type=module", "-e", parent], {
    on: (line, pid) => line.includes("started") && process.kill(pid, "SIGHUP"),
  });
  assertEquals([signal, text], ["SIGHUP", "started\n"]);
});

test("tools/pack.mjs runs through a link, too", { only }, async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "link-"));
  try {
    symlinkSync(root, join(folder, "link"), "junction");
    const { code, text } = await node([join(folder, "link", "tools", "pack.mjs"), "--what"]);
    assertEquals([code, text], [2, "Usage: npm run pack [-- -o FILE]\n"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("tools/run.mjs says in a sentence what is missing, without a stack", { only }, async () => {
  const { code, text } = await node(["tools/run.mjs", "sim"], { env: { STD: "no" } });
  assertEquals([code, text], [1, "Cannot use STD=no: it is one of auto, jsr, local\n"]);
});

test("again() names what failed and the command that runs it again", () => {
  const failed = [
    { suite: "node24", test: "again() names what failed and the command that runs it again" },
    { suite: "bun", test: `pieceOf("text200") is whole frames of the feed that any reader reads` },
  ];
  assertEquals(again(failed), [
    `failed on node24: ${failed[0]!.test}`,
    `failed on bun: ${failed[1]!.test}`,
    "again: npm test -- node24 bun tests/tools/commands_test.ts tests/bench/stats_test.ts",
  ]);
  assertEquals(again([{ suite: "deno", test: "nowhere" }]).at(-1), "again: npm test -- deno");
});

test("makeTally() takes the names of failed tests from what ran, before the last line", () => {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(line);
  try {
    const tally = makeTally();
    const tests = [
      { name: "nowhere", outcome: "failed" },
      { name: "else", outcome: "passed" },
    ] as const;
    tally.add("deno", { passed: 1, failed: 1, results: [{ platform: "deno", tests }] }, 0);
    tally.print();
  } finally {
    console.log = log;
  }
  assertEquals(lines.at(-2), "failed on deno: nowhere\nagain: npm test -- deno\n");
});

test("docs/README.md leads to every page", () => {
  const index = read("docs/README.md");
  for (const page of filesUnder("docs", ".md")) {
    const path = page.slice("docs/".length);
    if (path !== "README.md") assert(index.includes(`(${path})`), `${page} is not in the index`);
  }
});
