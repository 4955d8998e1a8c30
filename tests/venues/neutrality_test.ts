// The core carries no venue's shape: no name outside of comments, and nothing that reads a payload.
import { assert, assertEquals, assertGreater } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "../support/harness.ts";

const root = new URL("../../", import.meta.url);

/** What is published and is not the venues' own: `src/` and `mod.ts`. */
function coreFiles(): string[] {
  const under = readdirSync(new URL("src/", root), { recursive: true })
    .map((name) => `src/${String(name).replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => !name.startsWith("src/venues/") && !name.startsWith("src/cli/"));
  return ["mod.ts", ...under.sort()];
}

/** The code without its comments; strings, templates and regular expressions stay. */
export function withoutComments(source: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*(?=[\s.,;)\]])/g;
  return source.replace(token, (all) => /^\/[/*]/.test(all) ? all.replace(/[^\n]/g, " ") : all);
}

const VENUES =
  /\b(binance|coinbase|ibkr|interactive ?brokers|kraken|bybit|okx|deribit|alpaca|polygon\.io|massive|dxlink|tastytrade|bitmex|bitstamp)\b/i;
const GRAMMAR = /\b(listenkey|lastupdateid|sequence_num|tickle|level2|depthupdate|smd\+)/i;
const READS = /\bJSON\s*\.\s*parse\b|\bDOMParser\b|\beval\s*\(/;

function offenders(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) => {
    const lines = withoutComments(readFileSync(new URL(file, root), "utf8")).split("\n");
    return lines.flatMap((line, at) =>
      pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : []
    );
  });
}

test("the core names no venue and no venue's grammar outside of comments", () => {
  const files = coreFiles();
  assertGreater(files.length, 40);
  assertEquals(offenders(files, VENUES), []);
  assertEquals(offenders(files, GRAMMAR), []);
});

test("the core parses no payload", () => {
  const files = coreFiles().filter((file) => !file.startsWith("src/testing/conformance"));
  assertEquals(offenders(files, READS), []);
});

test("the core imports nothing of the venues", () => {
  assertEquals(offenders(coreFiles(), /["'][^"']*venues\//), []);
});

test("withoutComments() blanks comments and keeps what only looks like one", () => {
  const source = '/* okx */ const a = "// kraken"; // bybit\nconst b = /"/g; /** ibkr */ x();';
  const code = withoutComments(source);
  assertEquals(code.split("\n").length, 2);
  assert(code.includes("kraken"));
  for (const gone of ["okx", "bybit", "ibkr"]) assert(!code.includes(gone), gone);
  assert(code.includes("x();"));
});
