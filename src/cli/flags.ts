/**
 * The command line, read.
 *
 * @module
 */
import { type PresetName, PRESETS } from "../venues/mod.ts";
import {
  parseDuration,
  parseRate,
  parseUntil,
  type Rate,
  type Until,
  UsageError,
} from "./units.ts";

/** What the program is told. */
export interface CliFlags {
  /** What to do. */
  readonly action: "run" | "help" | "version";
  /** Where to connect; absent with `--demo`, and where the preset's own is wanted. */
  readonly url: string | undefined;
  /** Request headers. */
  readonly headers: readonly (readonly [string, string])[];
  /** Offered subprotocols. */
  readonly protocols: readonly string[];
  /** A venue's preset. */
  readonly preset: PresetName | undefined;
  /** Sent at the start of every session. */
  readonly send: readonly string[];
  /** Nothing heard for so long: stale, in milliseconds. */
  readonly staleAfterMs: number | undefined;
  /** What may be sent. */
  readonly rate: Rate | undefined;
  /** Frames that the buffer holds, at most. */
  readonly maxFrames: number | undefined;
  /** Failures in a row after which to give up. */
  readonly maxAttempts: number | undefined;
  /** When to end; the first that holds. */
  readonly until: readonly Until[];
  /** One JSON object per frame. */
  readonly json: boolean;
  /** Final counts. */
  readonly stats: boolean;
  /** No lifecycle. */
  readonly quiet: boolean;
  /** Lines of the input wait for the next session. */
  readonly hold: boolean;
  /** The embedded simulator. */
  readonly demo: boolean;
}

const SWITCHES = ["json", "stats", "quiet", "demo", "no-hold", "help", "version"] as const;
const SHORT: Readonly<Record<string, string>> = {
  "-h": "--help",
  "-V": "--version",
  "-q": "--quiet",
};

type Mutable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };
type List<Item> = readonly Item[];

function whole(name: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new UsageError(`${name} takes a whole number of at least 1`);
}

function demanded<Value>(value: Value | undefined, rule: string): Value {
  if (value === undefined) throw new UsageError(rule);
  return value;
}

function headerOf(text: string): readonly [string, string] {
  const at = text.indexOf(":");
  const name = text.slice(0, Math.max(at, 0)).trim();
  if (name === "") throw new UsageError("--header takes NAME:VALUE");
  return [name, text.slice(at + 1).trim()];
}

function presetOf(text: string): PresetName {
  if (Object.hasOwn(PRESETS, text)) return text as PresetName;
  throw new UsageError(`--preset takes one of ${Object.keys(PRESETS).join(", ")}`);
}

const added = <Item>(list: List<Item>, item: Item): List<Item> => [...list, item];

/** What each option with a value does. */
const TAKE: Readonly<Record<string, (flags: Mutable<CliFlags>, value: string) => void>> = {
  "--header": (flags, value) => flags.headers = added(flags.headers, headerOf(value)),
  "--protocol": (flags, value) => flags.protocols = added(flags.protocols, value),
  "--preset": (flags, value) => flags.preset = presetOf(value),
  "--send": (flags, value) => flags.send = added(flags.send, value),
  "--until": (flags, value) => flags.until = added(flags.until, parseUntil(value)),
  "--stale-after": (flags, value) =>
    flags.staleAfterMs = demanded(
      parseDuration(value),
      "--stale-after takes a duration: 500ms, 30s, 2m, 1h",
    ),
  "--rate": (flags, value) =>
    flags.rate = demanded(parseRate(value), "--rate takes FRAMES/MS: 5/1000 or 5/1s"),
  "--max-frames": (flags, value) => flags.maxFrames = whole("--max-frames", value),
  "--max-attempts": (flags, value) => flags.maxAttempts = whole("--max-attempts", value),
};

/** What each option without a value does. */
const TURN: Readonly<Record<(typeof SWITCHES)[number], (flags: Mutable<CliFlags>) => void>> = {
  json: (flags) => flags.json = true,
  stats: (flags) => flags.stats = true,
  quiet: (flags) => flags.quiet = true,
  demo: (flags) => flags.demo = true,
  "no-hold": (flags) => flags.hold = false,
  help: (flags) => flags.action = "help",
  version: (flags) => flags.action = "version",
};

function none(): Mutable<CliFlags> {
  return {
    action: "run",
    url: undefined,
    headers: [],
    protocols: [],
    preset: undefined,
    send: [],
    staleAfterMs: undefined,
    rate: undefined,
    maxFrames: undefined,
    maxAttempts: undefined,
    until: [],
    json: false,
    stats: false,
    quiet: false,
    hold: true,
    demo: false,
  };
}

/**
 * Reads the command line; `--until 5s` and `--until=5s` are the same, and after `--` nothing is an option.
 *
 * @param args What follows the program's name.
 * @throws {UsageError} If an option is unknown, lacks its value or has one that does not fit; if there is no url, or two.
 */
export function parseFlags(args: readonly string[]): CliFlags {
  const flags = none();
  const rest = [...args];
  let optionsOver = false;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (optionsOver || arg === "-" || !arg.startsWith("-")) {
      if (flags.url !== undefined) throw new UsageError("There may be one URL only");
      flags.url = arg;
      continue;
    }
    if (arg === "--") {
      optionsOver = true;
      continue;
    }
    const [, given = "", inline] = /^([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const name = SHORT[given] ?? given;
    const turn = SWITCHES.find((known) => `--${known}` === name);
    if (turn !== undefined) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      TURN[turn](flags);
      continue;
    }
    const take = Object.hasOwn(TAKE, name) ? TAKE[name] : undefined;
    if (take === undefined) throw new UsageError(`There is no option ${JSON.stringify(given)}`);
    take(flags, demanded(inline ?? rest.shift(), `${name} needs a value`));
  }
  if (flags.action === "run") checkTarget(flags);
  return flags;
}

function checkTarget({ url, demo, preset }: CliFlags): void {
  if (demo && (url !== undefined || preset !== undefined)) {
    throw new UsageError("--demo has a server of its own: it goes with no URL and no --preset");
  }
  if (demo || url !== undefined || preset !== undefined) return;
  throw new UsageError("A URL is missing; --demo needs none");
}
