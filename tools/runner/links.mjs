// The documentation's own truth: relative links and anchors lead somewhere, and code words that
// look like names of ours are in the source.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { filesUnder, root } from "./paths.mjs";

function withoutFences(text) {
  return text.replace(
    /^( *)(```+|~~~+).*?\n(.*?\n)?\1\2[ \t]*$/gms,
    (all) => all.replace(/[^\n]/g, ""),
  );
}

/** The anchor that GitHub and JSR give to a heading. */
export function anchorOf(heading) {
  return heading.trim().replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "").toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function anchorsOf(text) {
  const seen = new Map();
  const anchors = new Set();
  for (const [, heading] of withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const base = anchorOf(heading);
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    anchors.add(count === 0 ? base : `${base}-${count}`);
  }
  for (const [, id] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

function lineOf(text, index) {
  return text.slice(0, index).split("\n").length;
}

/**
 * What is wrong with the links of one page.
 *
 * @param {string} file from the repository
 * @param {(path: string) => string | undefined} read a page's text; "" for anything that is no page
 * @returns {string[]}
 */
export function linkProblems(file, read) {
  const text = read(file) ?? "";
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, (all) => " ".repeat(all.length));
  const problems = [];
  const links = [
    ...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...prose.matchAll(/^\s*\[[^\]]+\]:\s+<?([^\s>]+)>?/gm),
    ...prose.matchAll(/<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g),
  ];
  for (const { 1: target, index } of links) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue; // other sites are not asked
    const [path, anchor] = target.split("#");
    const at = path === "" ? file : normalize(join(dirname(file), decodeURIComponent(path)));
    const page = read(at);
    const where = `${file}:${lineOf(text, index)}`;
    if (page === undefined) problems.push(`${where}: ${target} leads nowhere`);
    else if (anchor !== undefined && at.endsWith(".md") && !anchorsOf(page).has(anchor)) {
      problems.push(`${where}: ${at} has no heading for #${anchor}`);
    }
  }
  return problems;
}

/** Code spans that look like a name: two words in camel case, a call, or a property of one. */
const NAME = /^(?:[A-Za-z]\w*\.)*([a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*|[a-z]\w+(?=\())(?:\(\))?$/;

/**
 * Code words of a page that occur nowhere in the source.
 *
 * @param {string} file
 * @param {string} text the page
 * @param {ReadonlySet<string>} known every word of the source, and those allowed beside it
 * @returns {string[]}
 */
export function wordProblems(file, text, known) {
  const prose = withoutFences(text);
  const problems = [];
  for (const { 1: span, index } of prose.matchAll(/`([^`\n]+)`/g)) {
    const word = NAME.exec(span)?.[1];
    if (word !== undefined && !known.has(word)) {
      problems.push(`${file}:${lineOf(prose, index)}: \`${span}\` is nowhere in the source`);
    }
  }
  return problems;
}

function knownWords() {
  const folders = ["src", "tests", "tools", "examples", "bench"];
  const files = folders.flatMap((folder) =>
    [".ts", ".mts", ".mjs", ".json"].flatMap((suffix) => filesUnder(folder, suffix))
  );
  const top = ["mod.ts", "deno.json", "package.json", "tools/words.txt"];
  const known = new Set();
  for (const file of [...files, ...top]) {
    const path = join(root, file);
    if (!existsSync(path)) continue;
    for (const [word] of readFileSync(path, "utf8").matchAll(/\w+/g)) known.add(word);
  }
  return known;
}

/** @returns {Promise<import("./tally.mjs").Outcome>} */
export function checkLinks() {
  const read = (path) => {
    const full = join(root, path);
    if (path.startsWith("..") || !existsSync(full)) return undefined;
    return path.endsWith(".md") ? readFileSync(full, "utf8") : "";
  };
  const top = readdirSync(root).filter((name) => name.endsWith(".md"));
  const nested = ["docs", "examples", "bench", "tests"].flatMap((dir) => filesUnder(dir, ".md"));
  const files = [...top, ...nested];
  const known = knownWords();
  const problems = files.flatMap((file) => [
    ...linkProblems(file, read),
    ...wordProblems(file, read(file) ?? "", known),
  ]);
  return Promise.resolve(
    problems.length === 0
      ? { passed: 1, note: `${files.length} pages` }
      : { failed: 1, note: `${problems.length} problems`, text: problems.join("\n") },
  );
}
