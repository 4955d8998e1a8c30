/**
 * Keeps the documentation honest: the tests that it names exist, its tables say what the code says, and its code compiles.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  codeOf,
  COMMANDS,
  filesUnder,
  PAGE,
  root,
  rowsOf,
  scenariosOf,
} from "../../tools/scenarios.ts";
import {
  capabilityTable,
  conformanceMatrix,
  markdown,
  noteList,
  type Table,
} from "../../tools/tables.ts";
import { test } from "../support/harness.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");

const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...filesUnder("docs", ".md")];

/** The names of the tests in a file; `*` stands for what is put in when it runs. */
function testNames(file: string): Set<string> {
  const names = codeOf(file).matchAll(/\btest\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g);
  return new Set(
    [...names].map(([, plain, template]) =>
      plain?.replace(/\\(.)/g, "$1") ?? template!.replace(/\$\{[^}]*\}/g, "*")
    ),
  );
}

const fileNamed = (page: string, target: string) => normalize(join(dirname(page), target));

test("documentation names only tests that exist", () => {
  let named = 0;
  for (const page of pages.filter((page) => existsSync(join(root, page)))) {
    for (const [, name, target] of read(page).matchAll(/\[`([^`]+)`\]\(([^)#\s]+_test\.ts)\)/g)) {
      named++;
      const file = fileNamed(page, target!);
      assert(testNames(file).has(name!), `${page}: there is no test "${name}" in ${file}`);
    }
  }
  assert(named > 40, `only ${named} names were understood`);
});

test("docs/reliability.md has every scenario, with tests that carry its number", () => {
  const rows = rowsOf(read(PAGE));
  const tagged = new Map(
    filesUnder("tests", "_test.ts").map((file) => [file, scenariosOf(file)] as const),
  );
  assertEquals(rows.map(({ number }) => number), Array.from({ length: 60 }, (_, i) => i + 1));
  for (const { number, shown, links } of rows) {
    const carrying = [...tagged].filter(([, numbers]) => numbers.has(number)).map(([file]) => file);
    if (shown === "none yet") {
      assertEquals(carrying, [], `scenario ${number} has tests by now: run tools/scenarios.ts`);
      continue;
    }
    assert(links.length > 0, `scenario ${number} has no link`);
    for (const { text, file } of links) {
      if (text.startsWith("`")) continue; // by its name: see the test above
      assert(carrying.includes(file), `no test in ${file} carries scenario ${number}`);
    }
  }
});

test("docs/reliability.md names the command where a scenario takes longer than a test may", () => {
  const rows = new Map(rowsOf(read(PAGE)).map((row) => [row.number, row]));
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const [number, { script, text, file }] of COMMANDS) {
    assert(rows.get(number)!.links.some((link) => link.text === text && link.file === file), text);
    assert(text.startsWith(`\`npm run ${script} `) && scripts[script] !== undefined, text);
    assert(existsSync(join(root, file)), `there is no ${file}`);
  }
});

/** The tables of a page as cells, so that alignment does not matter. */
function tablesOf(text: string): string[][][] {
  return text.split(/\n(?!\|)/).flatMap((part) => {
    const lines = part.split("\n").filter((line) => line.startsWith("|"));
    return lines.length < 2 ? [] : [lines.map(cellsOf).filter((_, at) => at !== 1)];
  });
}

function cellsOf(line: string): string[] {
  return line.slice(1, line.lastIndexOf("|")).split(/(?<!\\)\|/).map((cell) => cell.trim());
}

const onPage = (table: Table) => tablesOf(`\n${markdown(table)}`)[0]!;

test("docs/runtimes.md says of each leaf what the leaf says of itself, and what the conformance list knows", () => {
  const text = read("docs/runtimes.md");
  const tables = tablesOf(text);
  const { table, notes } = conformanceMatrix();
  const titled = (title: string) => tables.find(([head]) => head?.[0] === title);
  assertEquals(titled("leaf"), onPage(capabilityTable()));
  assertEquals(titled("demand"), onPage(table));
  const flat = (list: string) => list.replace(/\s+/g, " ");
  assert(flat(text).includes(flat(noteList(notes))), "the list of deviations has changed");
});

/** Code blocks that the docs suite does not run, and so does not compile: what follows `ignore` says why. */
function ignoredBlocks(page: string): string[] {
  const blocks = read(page).matchAll(/^```ts( ignore -- (.+))?\n([^]*?)^```$/gm);
  const runs = page === "README.md" || page.startsWith("docs/");
  return [...blocks].filter(([, ignored, why]) =>
    // Parts of a program cannot stand alone.
    ignored === undefined ? !runs : !why!.startsWith("part of")
  ).map(([, , , code]) => code!);
}

test("code in the documentation that cannot run compiles", {
  only: ["deno"],
  timeoutMs: 120_000,
}, async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "doc_blocks_"));
  try {
    const files = pages.filter((page) => existsSync(join(root, page))).flatMap((page) =>
      ignoredBlocks(page).map((code, at) => {
        const file = join(folder, `${page.replaceAll(/\W/g, "_")}_${at}.ts`);
        writeFileSync(file, `${code}\nexport {};\n`);
        return file;
      })
    );
    assert(files.length > 5, `only ${files.length} blocks were found`);
    const config = configIn(folder);
    const wrong = join(folder, "wrong.ts");
    writeFileSync(wrong, "export const text: string = 1;\n");
    assertMatch(await denoCheck(config, [wrong]), /TS2322/, "the check cannot fail");
    assertEquals(await denoCheck(config, files), "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A program in the documentation, or in a comment of the code. */
interface Program {
  /** The file that it is in. */
  readonly place: string;
  readonly code: string;
}

function programs(): Program[] {
  const comments = ["mod.ts", ...filesUnder("src", ".ts")].map((file) =>
    [file, read(file).replace(/^ *\* ?/gm, "")] as const
  );
  return [...pages.map((page) => [page, read(page)] as const), ...comments]
    .flatMap(([place, text]) =>
      [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => ({ place, code: code! }))
    );
}

/** A line that prints, with a comment that says what. */
const printing = /\bconsole\.log\((.*)\); \/\/ (.+)$/m;

/** The program with each such line calling `printed(line, ...)`, and what the comment of each says. */
function instrumented({ place, code }: Program): { code: string; comments: [string, string][] } {
  const comments: [string, string][] = [];
  const lines = code.split("\n").map((line) => {
    const [, values, comment] = printing.exec(line) ?? [];
    if (comment === undefined) return line;
    const name = `${place}: ${line.trim()} [${comments.length + 1}]`;
    comments.push([name, comment]);
    return line.replace(printing, () => `globalThis.printed(${JSON.stringify(name)}, ${values});`);
  });
  const from = pathToFileURL(join(root, place));
  const moved = lines.join("\n").replaceAll(
    /(?<= from )"(\.[^"]+)"/g,
    (_, target) => JSON.stringify(new URL(target, from).href),
  );
  return { code: `${moved}\nexport {};\n`, comments };
}

/** Runs them one after another in one process, and writes down what each line prints first. */
const DRIVER = `
const first = {};
console.log = () => {};
globalThis.printed = (line, ...values) => {
  const texts = values.map((value) => typeof value === "string" ? value : Deno.inspect(value));
  first[line] ??= texts.join(" ");
};
const [out, ...programs] = Deno.args;
for (const program of programs) await import(program);
Deno.writeTextFileSync(out, JSON.stringify(first));
Deno.exit(0); // whatever they left running
`;

test("code in the documentation prints what its comments say", {
  only: ["deno"],
  timeoutMs: 120_000,
}, async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "doc_prints_"));
  try {
    const wrong = { place: "wrong", code: "console.log(1); // 2\n" };
    const parts = [...programs(), wrong].map(instrumented)
      .filter(({ comments }) => comments.length > 0);
    const files = parts.map(({ code }, at) => {
      const file = join(folder, `program_${at}.ts`);
      writeFileSync(file, code);
      return pathToFileURL(file).href;
    });
    const driver = join(folder, "driver.js");
    writeFileSync(driver, DRIVER);
    const out = join(folder, "printed.json");
    const config = `--config=${configIn(folder)}`;
    const args = ["run", "-A", "--quiet", "--no-check", config, driver, out, ...files];
    assertEquals(await deno(args), "");
    const printed = JSON.parse(readFileSync(out, "utf8")) as Record<string, string>;
    const comments = parts.flatMap((part) => part.comments);
    // Whatever more it says: "connecting: the venue has not answered".
    const holds = ([line, comment]: [string, string]) => {
      const text = printed[line];
      return text !== undefined && comment.startsWith(text) &&
        /^($|[:,;])/.test(comment.slice(text.length));
    };
    const untrue = comments.filter((comment) => !holds(comment));
    assertEquals(untrue.map(([line]) => `${line} printed ${printed[line]}`), [
      "wrong: console.log(1); // 2 [1] printed 1",
    ]);
    assert(comments.length > 40, `only ${comments.length} lines were found`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A configuration of its own: what the repository's excludes is not checked, without a word. */
function configIn(folder: string): string {
  const { exports, compilerOptions } = JSON.parse(read("deno.json")) as {
    exports: Record<string, string>;
    compilerOptions: object;
  };
  const imports: Record<string, string> = { ws: "npm:ws@8.23.0" };
  for (const [name, file] of Object.entries(exports)) {
    imports[`@holdfast/ws${name.slice(1)}`] = pathToFileURL(join(root, file)).href;
  }
  const file = join(folder, "deno.json");
  const modules = { nodeModulesDir: "none", lock: false, vendor: false };
  writeFileSync(file, JSON.stringify({ ...modules, imports, compilerOptions }));
  return file;
}

/** What `deno check` has against files; nothing if they compile. */
async function denoCheck(config: string, files: readonly string[]): Promise<string> {
  return await deno(["check", "--quiet", `--config=${config}`, ...files]);
}

/** What Deno prints when it fails; nothing if it does not. */
async function deno(args: readonly string[]): Promise<string> {
  const { Deno } = globalThis as unknown as { Deno: { execPath(): string } };
  return await new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: "1" };
    execFile(Deno.execPath(), args, { cwd: root, env }, (error, out, err) => {
      resolve(error === null ? "" : `${out}${err}` || error.message);
    });
  });
}
