import { assert, assertEquals, assertThrows } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { parseFlags } from "../../src/cli/flags.ts";
import { HELP } from "../../src/cli/help.ts";
import { connectionOptions, inFlags, urlOf } from "../../src/cli/options.ts";
import { parseDuration, parseRate, parseUntil, UsageError } from "../../src/cli/units.ts";
import { VERSION } from "../../src/cli/version.ts";
import { PRESETS } from "../../src/venues/mod.ts";
import { test } from "../support/harness.ts";

const silent = { event() {} };

test("parseDuration() takes a number and a unit, and nothing that no timer could keep", () => {
  assertEquals(parseDuration("500ms"), 500);
  assertEquals(parseDuration("1.5s"), 1_500);
  assertEquals(parseDuration("2m"), 120_000);
  assertEquals(parseDuration("1h"), 3_600_000);
  for (const text of ["", "5", "s", "-1s", "0s", "1 s", "1d", "1e3s", "600h", "1.s"]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

test("parseRate() takes frames per milliseconds or per duration", () => {
  assertEquals(parseRate("5/1000"), { limit: 5, windowMs: 1_000 });
  assertEquals(parseRate("1/2.5s"), { limit: 1, windowMs: 2_500 });
  for (
    const text of ["5", "0/1s", "5/0", "/1s", "5/", "1.5/1s", "5/x", "99999999999999999999/1s"]
  ) {
    assertEquals(parseRate(text), undefined, text);
  }
});

test("parseUntil() tells durations, numbers, patterns and texts apart", () => {
  assertEquals(parseUntil("30s"), { type: "duration", ms: 30_000 });
  assertEquals(parseUntil("100"), { type: "frames", count: 100 });
  const pattern = parseUntil('/"ID":\\d/i');
  assert(pattern.type === "text" && pattern.matches('{"id":7}') && !pattern.matches("id"));
  const text = parseUntil("100 s");
  assert(text.type === "text" && text.matches("in 100 s") && !text.matches("100"));
  const slash = parseUntil("/");
  assert(slash.type === "text" && slash.matches("a/b"));
  // A duration that is none to a timer would be a text that never comes.
  for (const wrong of ["", "0", "/(/", "0s", "0.0ms", "600h"]) {
    assertThrows(() => parseUntil(wrong), UsageError);
  }
});

test("parseFlags() reads every option, in both forms", () => {
  const flags = parseFlags([
    "wss://feed.example/",
    "--header",
    "X-Key: a:b",
    "--header=Empty:",
    "--protocol",
    "v2",
    "--preset=kraken-v2",
    "--send",
    "-1",
    "--send=two=2",
    "--stale-after",
    "30s",
    "--rate=5/1s",
    "--max-frames",
    "100",
    "--max-attempts=3",
    "--until",
    "5s",
    "--until=7",
    "--json",
    "--stats",
    "-q",
    "--no-hold",
  ]);
  assertEquals(flags, {
    action: "run",
    url: "wss://feed.example/",
    headers: [["X-Key", "a:b"], ["Empty", ""]],
    protocols: ["v2"],
    preset: "kraken-v2",
    send: ["-1", "two=2"],
    staleAfterMs: 30_000,
    rate: { limit: 5, windowMs: 1_000 },
    maxFrames: 100,
    maxAttempts: 3,
    until: [{ type: "duration", ms: 5_000 }, { type: "frames", count: 7 }],
    json: true,
    stats: true,
    quiet: true,
    hold: false,
    demo: false,
  });
});

test("parseFlags() says what is wrong, and never the value, which may be a secret", () => {
  const cases: [string[], string][] = [
    [[], "A URL is missing; --demo needs none"],
    [["ws://a/?SECRET", "ws://b/?SECRET"], "There may be one URL only"],
    [["--nope=SECRET"], 'There is no option "--nope"'],
    [["--insecure"], 'There is no option "--insecure"'],
    [["-x"], 'There is no option "-x"'],
    [["--constructor"], 'There is no option "--constructor"'],
    [["--header", "SECRET"], "--header takes NAME:VALUE"],
    [["--header", ":SECRET"], "--header takes NAME:VALUE"],
    [["--send"], "--send needs a value"],
    [["--json=SECRET"], "--json takes no value"],
    [["--stale-after", "SECRET"], "--stale-after takes a duration: 500ms, 30s, 2m, 1h"],
    [["--rate", "SECRET"], "--rate takes FRAMES/MS: 5/1000 or 5/1s"],
    [["--max-frames", "0"], "--max-frames takes a whole number of at least 1"],
    [["--max-attempts", "1.5"], "--max-attempts takes a whole number of at least 1"],
    [["--until", "/(SECRET/"], "--until has a regular expression that is not valid"],
    [["--demo", "ws://a/"], "--demo has a server of its own: it goes with no URL and no --preset"],
    [["--preset", "toString"], `--preset takes one of ${Object.keys(PRESETS).join(", ")}`],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => parseFlags(args), UsageError).message, message);
  }
});

test("parseFlags() takes everything after two dashes for a URL, and help before what is missing", () => {
  assertEquals(parseFlags(["--", "--odd"]).url, "--odd");
  assertEquals(parseFlags(["-h"]).action, "help");
  assertEquals(parseFlags(["-V"]).action, "version");
});

test("HELP names every option that parseFlags() takes, and every preset", () => {
  const options =
    "json header protocol send until preset stale-after rate max-frames max-attempts no-hold stats demo quiet help version";
  for (const option of options.split(" ")) assert(HELP.includes(`--${option} `), option);
  for (const name of Object.keys(PRESETS)) assert(HELP.includes(name), name);
  for (const line of HELP.split("\n")) assert(line.length <= 100, line);
});

test("VERSION is that of the package", () => {
  assertEquals(VERSION, config.version);
});

test("connectionOptions() keeps a preset's values beside those of the command line, in a valid order", () => {
  const flags = parseFlags(["--preset", "binance-streams", "--stale-after", "4s"]);
  const { liveness, attemptBudget, buffer } = connectionOptions(flags, silent);
  assertEquals(liveness?.staleAfterMs, 4_000);
  assertEquals(liveness?.deadAfterMs, 8_000);
  assertEquals(liveness?.probe?.afterMs, 2_000);
  assertEquals(attemptBudget?.attempts, PRESETS["binance-streams"].attemptBudget.value.attempts);
  assertEquals(buffer?.maxBytes, PRESETS["binance-streams"].buffer.value.maxBytes);
  assertEquals(urlOf(flags), PRESETS["binance-streams"].urls[0]?.value);
});

test("connectionOptions() leaves out what was not said, so that the defaults hold", () => {
  const options = connectionOptions(parseFlags(["ws://a/"]), silent);
  assertEquals(Object.keys(options).sort(), ["headers", "protocols", "tracer"]);
});

test("inFlags() speaks of flags where a check speaks of options", () => {
  assertEquals(
    inFlags("Cannot connect: url has the scheme ftp: instead of ws: or wss:"),
    "The URL has the scheme ftp: instead of ws: or wss:",
  );
  assertEquals(inFlags("buffer.maxFrames (0) must be more"), "--max-frames (0) must be more");
});
