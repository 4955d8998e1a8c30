/**
 * Runs what must notice a planted bug.
 *
 * @module
 */
import process from "node:process";
import { run } from "../../tools/runner/processes.mjs";
import { program } from "../../tools/runner/programs.mjs";
import type { Killer } from "./mutant.ts";

/** No killer may take longer; a bug that makes it hang has not been noticed by it. */
const LIMIT_MS = 120_000;

/** What tests may do: as in the suites. */
const PERMISSIONS = [
  "--allow-net=127.0.0.1,localhost",
  "--allow-read",
  "--allow-write=.cache",
  "--allow-run",
  "--allow-env",
  "--allow-sys",
];

/** How a killer ended. */
export interface Verdict {
  readonly passed: boolean;
  /** Whether it failed in the way that it is there for. */
  readonly noticed: boolean;
  readonly text: string;
}

/** A killer in words. */
export function shown(killer: Killer): string {
  return "file" in killer
    ? `${killer.file}: ${killer.test}`
    : `simulation, ${killer.seeds} seeds: ${killer.says}`;
}

/** Runs a killer in a folder; `std` are Deno's flags for `@std`. */
export async function strike(
  killer: Killer,
  folder: string,
  std: readonly string[],
): Promise<Verdict> {
  if ("file" in killer) {
    const filter = `--filter=${killer.test}`;
    const args = ["test", "--no-check", ...PERMISSIONS, ...std, filter, killer.file];
    const { code, text } = await deno(args, folder);
    const failed = /^(.*) \.\.\. FAILED/m.test(text) && text.includes(killer.test);
    // A filter that finds nothing passes; that is not what was meant.
    const ran = !text.includes("| 0 passed | 0 failed");
    return { passed: code === 0 && ran, noticed: code !== 0 && failed, text };
  }
  const args = ["run", "--no-check", "--allow-read", "--allow-env", "tests/simulation/main.ts"];
  const { code, text } = await deno([...args, `--seeds=${killer.seeds}`], folder);
  const noticed = code !== 0 && new RegExp(`^ *(BROKEN )?${killer.says}\\b`, "m").test(text);
  return { passed: code === 0, noticed, text };
}

/** Whether the copy type-checks. */
export async function checks(folder: string): Promise<Verdict> {
  const { code, text } = await deno(["check", "mod.ts", "src/testing/mod.ts"], folder);
  return { passed: code === 0, noticed: false, text };
}

/** Runs all tests of a file. */
export async function runFile(
  file: string,
  folder: string,
  std: readonly string[],
): Promise<Verdict> {
  const { code, text } = await deno(["test", "--no-check", ...PERMISSIONS, ...std, file], folder);
  return { passed: code === 0, noticed: false, text };
}

/** Runs test files. @returns the names of the tests that fail. */
export async function failing(
  files: readonly string[],
  folder: string,
  std: readonly string[],
): Promise<string[]> {
  const args = ["test", "--no-check", ...PERMISSIONS, ...std, ...files];
  const { text } = await deno(args, folder);
  return [...text.matchAll(/^(.*) \.\.\. FAILED/gm)].map(([, name = ""]) => name);
}

async function deno(
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number; readonly text: string }> {
  const file = program("deno") ?? process.execPath;
  return await run(file, args, { quiet: true, limitMs: LIMIT_MS, cwd, env: { NO_COLOR: "1" } });
}
