/**
 * The command line of the demo.
 *
 * @module
 */

/** What the demo is told. */
export interface DemoFlags {
  /** Decides order and moments of the faults, and the quotes. */
  readonly seed: number;
  /** How long the script plays, in seconds; it ends a little earlier or later. */
  readonly durationS: number;
  /** One JSON document instead of the view. */
  readonly json: boolean;
  /** Only the help was asked for. */
  readonly help: boolean;
}

/** What is wrong with the command line, in one sentence. */
export class FlagError extends Error {}

/** Shortest script in seconds: the faults alone take about that long. */
const MIN_DURATION_S = 5;
const MAX_DURATION_S = 3_600;

/** The answer to `--help`. */
export const HELP: string = `Usage: npm run demo [-- option ...]

A market-data server in a process of its own refuses dials, hangs a handshake, resets, closes with
1001, 1008 and 1012, falls silent, floods, and meets a stalled consumer. A client keeps the feed
through all of it, and every frame that was sent is accounted for.

  --seed N       order and moments of the faults, a whole number       (default 1)
  --duration S   length of the script in seconds, ${MIN_DURATION_S} to ${MAX_DURATION_S}            (default 20)
  --json         one JSON document instead of the view: { sessions, totals, ... }
  --page         alone: serve a page that runs the library in your browser instead
  --help         this text

The last line is "demo: PASS ..." (exit code 0) or "demo: FAIL ..." with the reasons (1).
Exit code 2: the command line was wrong. 130: interrupted.`;

/**
 * Reads the command line; `--seed 7` and `--seed=7` are the same.
 *
 * @param args What follows the program's name.
 * @throws {FlagError} If a flag is unknown, lacks its value, or has one out of range.
 */
export function parseFlags(args: readonly string[]): DemoFlags {
  const found = { seed: 1, durationS: 20, json: false, help: false };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, inline] = arg.split(/=(.*)/s, 2) as [string, string | undefined];
    const value = (): string => {
      const given = inline ?? rest.shift();
      if (given === undefined || given === "") throw new FlagError(`${name} needs a value`);
      return given;
    };
    switch (name) {
      case "--seed":
        found.seed = seedOf(value());
        break;
      case "--duration":
        found.durationS = durationOf(value());
        break;
      case "--json":
      case "--help":
        if (inline !== undefined) throw new FlagError(`${name} takes no value`);
        found[name === "--json" ? "json" : "help"] = true;
        break;
      case "-h":
        found.help = true;
        break;
      default:
        throw new FlagError(`Unknown option "${name}"`);
    }
  }
  return found;
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= 0xffff_ffff) return seed;
  throw new FlagError(`--seed takes a whole number from 0 to 4294967295, not "${text}"`);
}

function durationOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= MIN_DURATION_S && seconds <= MAX_DURATION_S) {
    return seconds;
  }
  throw new FlagError(
    `--duration takes seconds from ${MIN_DURATION_S} to ${MAX_DURATION_S}, not "${text}"`,
  );
}
