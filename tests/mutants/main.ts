/**
 * Plants bugs one by one in copies of the repository, and wants each to be noticed: `npm run mutants`.
 *
 * @module
 */
import { rmSync } from "node:fs";
import process from "node:process";
import { filesUnder } from "../../tools/runner/paths.mjs";
import { stdFlags } from "../../tools/runner/std.mjs";
import { checks, failing, runFile, shown, strike } from "./kill.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./plan.ts";
import { Tree } from "./tree.ts";

const HELP = `Planted bugs, each of which the tests must notice.

  --only TEXT    those whose name contains TEXT
  --list         what there is, and what must kill it
  --discover     for those without a killer: which tests notice, and whether the simulation does
  --help         this

A mutant survives if its patch does not type-check, or if none of its killers fails because of it.`;

/** Copies that are worked in at the same time. */
const WORKERS = 2;

class UsageError extends Error {}

interface Arguments {
  readonly mutants: readonly Mutant[];
  readonly mode: "kill" | "list" | "discover";
}

function parse(args: readonly string[]): Arguments | undefined {
  let mutants = MUTANTS;
  let mode: Arguments["mode"] = "kill";
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--help") return undefined;
    if (arg === "--list") mode = "list";
    else if (arg === "--discover") mode = "discover";
    else if (arg === "--only") {
      const text = rest.shift();
      if (text === undefined) throw new UsageError("--only takes a part of a name");
      mutants = MUTANTS.filter(({ name }) => name.includes(text));
      if (mutants.length === 0) throw new UsageError(`No mutant has "${text}" in its name`);
    } else throw new UsageError(`Unknown option "${arg}"`);
  }
  return { mutants, mode };
}

/** Works through the items, several at a time, each worker in a copy of its own. */
async function inTrees<T>(
  items: readonly T[],
  work: (item: T, tree: Tree) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (index: number) => {
    // Named after this process: another run may be planting beside it.
    const tree = new Tree(`.cache/mutants/${process.pid}-${index}`);
    process.once("exit", () => rmSync(tree.folder, { recursive: true, force: true }));
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, tree);
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS, items.length) }, (_, i) => worker(i)));
}

/** Every killer must be there and pass where nothing is planted, or its failing proves nothing. @returns what is wrong. */
async function checkKillers(
  mutants: readonly Mutant[],
  std: readonly string[],
): Promise<readonly string[]> {
  const tests = new Map<string, Set<string>>();
  let seeds = 0;
  for (const killer of mutants.flatMap(({ killers }) => killers)) {
    if ("seeds" in killer) seeds = Math.max(seeds, killer.seeds);
    else tests.set(killer.file, (tests.get(killer.file) ?? new Set()).add(killer.test));
  }
  const wrong: string[] = [];
  await inTrees([...seeds > 0 ? [undefined] : [], ...tests.keys()], async (file, tree) => {
    const { passed, text } = file === undefined
      ? await strike({ seeds, says: "I1" }, tree.folder, std)
      : await runFile(file, tree.folder, std);
    if (!passed) wrong.push(`${file ?? "the simulation"} fails:\n${text.slice(-2_000)}`);
    for (const name of tests.get(file ?? "") ?? []) {
      if (!text.includes(name)) wrong.push(`${file} has no test "${name}"`);
    }
  });
  return wrong;
}

async function kill(mutants: readonly Mutant[]): Promise<number> {
  const std = await stdFlags();
  const wrong = await checkKillers(mutants, std);
  for (const line of wrong) console.log(`where nothing is planted, ${line}`);
  if (wrong.length > 0) return 1;
  let killed = 0;
  await inTrees(mutants, async (mutant, tree) => {
    try {
      tree.plant(mutant);
      const by = await killerOf(mutant, tree, std);
      if (by !== undefined) killed++;
      console.log(
        by === undefined ? `SURVIVED  ${mutant.name}` : `killed    ${mutant.name} (${by})`,
      );
    } finally {
      tree.restore();
    }
  });
  console.log(`mutants: ${mutants.length} planted, ${killed} killed`);
  return killed === mutants.length ? 0 : 1;
}

async function killerOf(
  mutant: Mutant,
  tree: Tree,
  std: readonly string[],
): Promise<string | undefined> {
  const { passed, text } = await checks(tree.folder);
  if (!passed) {
    console.log(`${mutant.name} does not type-check:\n${text.slice(-1_000)}`);
    return undefined;
  }
  for (const killer of mutant.killers) {
    if ((await strike(killer, tree.folder, std)).noticed) return shown(killer);
  }
}

/** The tests of what a mutant changes, and those of the whole; explorations only notice what these notice faster. */
function nearby(mutant: Mutant): readonly string[] {
  const folders = mutant.edits.map(({ file }) => file.split("/")[1]!.replace(/\.ts$/, ""));
  return [...new Set([...folders, "stack"])].flatMap((folder) =>
    filesUnder(`tests/${folder}`, "_test.ts").filter((file) => !/exploration|history/.test(file))
  );
}

async function discover(mutants: readonly Mutant[]): Promise<number> {
  const std = await stdFlags();
  await inTrees(mutants.filter(({ killers }) => killers.length === 0), async (mutant, tree) => {
    try {
      tree.plant(mutant);
      const { passed, text } = await checks(tree.folder);
      const lines = [`## ${mutant.name}`];
      if (!passed) lines.push(`does not type-check: ${text.slice(-1_000)}`);
      const names = passed ? await failing(nearby(mutant), tree.folder, std) : [];
      lines.push(...names.map((name) => `  ${name}`));
      const sim = passed ? await strike({ seeds: 300, says: "I1" }, tree.folder, std) : undefined;
      const said = sim?.text.match(/^ +I\d+ at .*$/m)?.[0] ?? (sim?.passed ? "passes" : "fails");
      lines.push(`  simulation: ${said.trim()}`);
      console.log(lines.join("\n"));
    } finally {
      tree.restore();
    }
  });
  return 0;
}

function list(mutants: readonly Mutant[]): number {
  for (const { name, mistake, seenIn, breaks, killers } of mutants) {
    console.log(`${name} (${breaks.join(", ")}): ${mistake}`);
    if (seenIn !== undefined) console.log(`  seen in ${seenIn}`);
    for (const killer of killers) console.log(`  killed by ${shown(killer)}`);
  }
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (parsed === undefined) {
    console.log(HELP);
    return 0;
  }
  const { mutants, mode } = parsed;
  if (mode === "list") return list(mutants);
  return mode === "discover" ? await discover(mutants) : await kill(mutants);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
