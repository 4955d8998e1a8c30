/**
 * The last column of the table of scenarios in docs/reliability.md, written anew from the tests: a test says in its name which scenarios it shows.
 * Links by the name of a test are kept as they are. What takes longer than a test may is shown by a command, see {@link COMMANDS}.
 *
 * ```sh
 * deno run --allow-read=. --allow-write=docs tools/scenarios.ts && deno fmt docs/reliability.md
 * ```
 *
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root: string = fileURLToPath(new URL("../", import.meta.url));

/** The page with the table. */
export const PAGE = "docs/reliability.md";

/** The files under a folder whose names end so, from the repository. */
export function filesUnder(folder: string, end: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(end))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** The source of a test file without its comments, in which scenarios are only mentioned. */
export function codeOf(file: string): string {
  const source = readFileSync(join(root, file), "utf8");
  return source.replace(/\/\*.*?\*\//gs, "").replace(/^\s*\/\/.*$/gm, "");
}

/** The scenarios whose numbers stand in the code of a test file: `scenario 4`, `scenarios 56 and 57`. */
export function scenariosOf(file: string): Set<number> {
  const found = new Set<number>();
  for (const [, list] of codeOf(file).matchAll(/\bscenarios? (\d+(?:(?:, | and )\d+)*)/g)) {
    for (const [number] of list!.matchAll(/\d+/g)) found.add(Number(number));
  }
  return found;
}

/** One link in the last column. */
export interface Link {
  readonly text: string;
  /** The file, from the repository. */
  readonly file: string;
}

/** One row of the table. */
export interface Row {
  readonly number: number;
  readonly shown: string;
  readonly links: readonly Link[];
}

/** Scenarios that a command shows: the script of package.json, what it is told, and the file that it runs. */
export const COMMANDS: ReadonlyMap<number, Link & { readonly script: string }> = new Map([
  [60, {
    script: "soak",
    text: "`npm run soak -- --minutes 60`",
    file: "tests/soak/main.ts",
  }],
]);

const ROW = /^\| (\d+) +\|.*\| *(.*?) *\|$/gm;

/** Every row of the table on the page. */
export function rowsOf(page: string): Row[] {
  return [...page.matchAll(ROW)].map(([, number, shown]) => ({
    number: Number(number),
    shown: shown!,
    links: [...shown!.matchAll(/\[([^\]]+)\]\(([^)#\s]+)\)/g)].map(([, text, target]) => ({
      text: text!,
      file: normalize(join(dirname(PAGE), target!)),
    })),
  }));
}

/** The page with its last column written anew. */
export function rewritten(page: string): string {
  const tagged = filesUnder("tests", "_test.ts").map((file) => [file, scenariosOf(file)] as const);
  const rows = new Map(rowsOf(page).map((row) => [row.number, row] as const));
  return page.replace(ROW, (line, number) => {
    const command = COMMANDS.get(Number(number));
    const named = rows.get(Number(number))!.links
      .filter(({ text, file }) => text.startsWith("`") && file !== command?.file);
    const files = tagged.filter(([, numbers]) => numbers.has(Number(number))).map(([file]) => ({
      text: file.slice("tests/".length, -"_test.ts".length),
      file,
    }));
    const links = [...files, ...named, ...command ? [command] : []].map(({ text, file }) =>
      `[${text}](../${file})`
    );
    const before = line.slice(0, line.lastIndexOf("|", line.length - 2));
    return `${before}| ${links.join(", ") || "none yet"} |`;
  });
}

if (import.meta.main) {
  const path = join(root, PAGE);
  writeFileSync(path, rewritten(readFileSync(path, "utf8")));
}
