/**
 * What `npm run bench` may be told.
 *
 * @module
 */
import type { HostName } from "./client/host.ts";

/** The parts of the benchmark. */
export const SECTIONS = [
  "receive",
  "latency",
  "send",
  "echo",
  "overload",
  "reconnect",
  "recovery",
  "footprint",
] as const;

/** One of them. */
export type Section = typeof SECTIONS[number];

const RUNTIMES = ["deno", "node", "bun"] as const;

/** The options, read. */
export interface BenchOptions {
  /** Where the figures go. */
  readonly json: string | undefined;
  /** Make the page and the chart of this file, and measure nothing. */
  readonly report: string | undefined;
  /** Rounds, with one more that is discarded. */
  readonly rounds: number;
  readonly only: readonly Section[];
  readonly runtimes: readonly HostName[];
  readonly help: boolean;
}

/** What was asked for does not exist. */
export class OptionError extends Error {}

/** The help text. */
export const HELP = `Usage: npm run bench [-- option ...]

Measures Holdfast against the bare socket and its peers, each in a process of its own, and prints a table.

  --json FILE        write every figure as JSON, after each part; other parts that the file has stay
  --report FILE      make docs/benchmarks.md and its chart of such a file, and measure nothing
  --rounds N         rounds of receive and send, in three processes of each candidate; one is discarded, of
                     each process; at least 2, default 10
  --only PART        ${SECTIONS.join(", ")}; may be given several times
  --runtime NAME     ${RUNTIMES.join(", ")}; may be given several times
  --help             this text

A part that fails is said so, and the others go on; the exit code is 1 then.
Only ratios within one run mean something: what is compared takes turns, round by round.`;

/** Reads the arguments. @throws {OptionError} If one of them is not one. */
export function optionsOf(args: readonly string[]): BenchOptions {
  let json: string | undefined;
  let report: string | undefined;
  let rounds = 10;
  let help = false;
  const only: Section[] = [];
  const runtimes: HostName[] = [];
  const rest = [...args];
  const valueOf = (name: string): string => {
    const value = rest.shift();
    if (value === undefined) throw new OptionError(`Option ${name} needs a value`);
    return value;
  };
  const oneOf = <T extends string>(name: string, known: readonly T[]): T => {
    const value = valueOf(name);
    const found = known.find((each) => each === value);
    if (found === undefined) {
      throw new OptionError(`Option ${name} is one of ${known.join(", ")}, not "${value}"`);
    }
    return found;
  };
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    switch (name) {
      case "--json":
        json = valueOf(name);
        break;
      case "--report":
        report = valueOf(name);
        break;
      case "--rounds":
        rounds = Number(valueOf(name));
        if (!Number.isSafeInteger(rounds) || rounds < 2) {
          throw new OptionError("Option --rounds is a whole number from 2 on");
        }
        break;
      case "--only":
        only.push(oneOf(name, SECTIONS));
        break;
      case "--runtime":
        runtimes.push(oneOf(name, RUNTIMES));
        break;
      case "--help":
        help = true;
        break;
      default:
        throw new OptionError(`Unknown option "${name}"`);
    }
  }
  return {
    json,
    report,
    rounds,
    only: only.length === 0 ? SECTIONS : [...new Set(only)],
    runtimes: runtimes.length === 0 ? RUNTIMES : [...new Set(runtimes)],
    help,
  };
}
