/**
 * Runs seeds: `npm run sim -- --seeds N [--from S]`. It also runs on Node and Bun.
 *
 * @module
 */
import process from "node:process";
import { live, type Outcome } from "./history.ts";
import { FAULTS, PHASES, Tally } from "./tally.ts";
import { EMPTY_HASH, mixed, shownHash } from "./trace.ts";

const HELP =
  `Seeded simulation: whole histories over virtual hours, all invariants checked throughout.

  --seeds N      how many seeds (default 1000)
  --from S       the first seed (default 1)
  --trace        print what happened, event by event
  --trace-hash   print a hash of the machine traces: the same on Deno, Node and Bun
  --help         this

A seed that fails prints its trace and is replayed alone with --seeds 1 --from S.
Runs of 1000 seeds and more also fail if a phase or a fault was never seen.`;

interface Arguments {
  readonly seeds: number;
  readonly from: number;
  readonly trace: boolean;
  readonly traceHash: boolean;
}

/** Lines of a failing trace that are printed: the end is what matters. */
const SHOWN_LINES = 120;

/** Failing seeds after which a run gives up. */
const MOST_FAILURES = 10;

class UsageError extends Error {}

function parse(args: readonly string[]): Arguments | undefined {
  let seeds = 1_000;
  let from = 1;
  let trace = false;
  let traceHash = false;
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name = "", inline] = arg.split("=", 2);
    const number = (least: number) => {
      const text = inline ?? rest.shift();
      const value = Number(text);
      if (text === undefined || text === "" || !Number.isSafeInteger(value) || value < least) {
        throw new UsageError(`${name} takes a whole number, ${least} or more, not "${text ?? ""}"`);
      }
      return value;
    };
    if (name === "--help") return undefined;
    if (name === "--seeds") seeds = number(1);
    else if (name === "--from") from = number(0);
    else if (name === "--trace") trace = true;
    else if (name === "--trace-hash") traceHash = true;
    else throw new UsageError(`Unknown option "${arg}"`);
  }
  return { seeds, from, trace, traceHash };
}

/** Prints what a failing seed did. The history is lived again, because traces are only kept when they are wanted. */
async function explain(outcome: Outcome): Promise<void> {
  const { seed, violations } = outcome;
  const { lines } = await live(seed, { keepTrace: true });
  console.log(`\nseed ${seed} failed after ${outcome.events} events:`);
  if (lines.length > SHOWN_LINES) console.log(`  ... (${lines.length - SHOWN_LINES} lines before)`);
  for (const line of lines.slice(-SHOWN_LINES)) console.log(`  ${line}`);
  for (const violation of violations) console.log(`  ${violation}`);
  console.log(`replay: npm run sim -- --seeds 1 --from ${seed} --trace`);
  console.log("to keep it, add it to tests/simulation/regressions.ts\n");
}

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (parsed === undefined) {
    console.log(HELP);
    return 0;
  }
  const { seeds, from, trace, traceHash } = parsed;
  const tally = new Tally();
  let failed = 0;
  let hash = EMPTY_HASH;
  let seed = from;
  // What nobody handles would end the process without a word about the seed.
  process.on("unhandledRejection", (reason) => {
    console.error(`seed ${seed}: a rejection was not handled:`, reason);
    process.exit(1);
  });
  const started = performance.now();
  for (; seed < from + seeds && failed < MOST_FAILURES; seed++) {
    const outcome = await live(seed, { tally, keepTrace: trace });
    hash = mixed(hash, outcome.machineHash >>> 0);
    for (const line of outcome.lines) console.log(line);
    if (outcome.violations.length === 0) continue;
    failed++;
    await explain(outcome);
  }
  const lived = seed - from;
  const gaps = tally.gaps(lived);
  for (const gap of gaps) console.log(gap);
  const perSeed = ((performance.now() - started) / lived).toFixed(1);
  console.log(
    `${tally.connections} connections, ${tally.sessions} sessions, ${tally.exhausted} gave up, ` +
      `${Math.round(tally.virtualMs / 3_600_000)} virtual hours, ${tally.events} events ` +
      `(${tally.mostEvents} at most), ${perSeed} ms per seed`,
  );
  if (traceHash) console.log(`trace hash: ${shownHash(hash)}`);
  console.log(
    `sim: ${lived} seeds, ${failed} failed, phases ${tally.phases.size}/${PHASES.length}, ` +
      `faults ${tally.faults.size}/${FAULTS.length}, reconnects ${tally.reconnects}`,
  );
  return failed + gaps.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
