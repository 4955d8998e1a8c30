// The npm form of the module: `npm run pack [-- -o FILE]`. It is what `deno pack` makes, and what
// that leaves out: a description, the command line as the program of the package, so that
// `npx @holdfast/ws URL` has something to start, and the word that bundlers may leave out every
// module of which nothing is used. The same source gives the same bytes.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { ensureModules } from "./runner/install.mjs";
import { cache, root } from "./runner/paths.mjs";
import { run } from "./runner/processes.mjs";
import { program } from "./runner/programs.mjs";

/** The name of the program, and its file in the package: the entry point `./cli`. */
const COMMAND = "holdfast";
const PROGRAM = "src/cli/main.js";

const BLOCK = 512; // tar: every header and every file begins at a multiple of it
const blocks = (size) => Math.ceil(size / BLOCK) * BLOCK;

function textOf(header, at, length) {
  return header.toString("utf8", at, at + length).split("\0")[0];
}

/** A header for another size and mode, with the checksum that goes with it. */
function headerFor(header, size, mode) {
  const changed = Buffer.from(header);
  const octal = (value, digits) => value.toString(8).padStart(digits, "0");
  changed.write(`${octal(mode, 7)}\0`, 100);
  changed.write(`${octal(size, 11)}\0`, 124);
  changed.fill(" ", 148, 156); // the checksum counts itself as blanks
  changed.write(`${octal(changed.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return changed;
}

/**
 * Rewrites files of a tar archive and leaves all else as it is.
 *
 * @param {Buffer} tar
 * @param {Record<string, { mode: number, change(text: string): string }>} edits by path
 * @returns {Buffer}
 */
export function edited(tar, edits) {
  const parts = [];
  const left = new Set(Object.keys(edits));
  let at = 0;
  while (at < tar.length && tar[at] !== 0) {
    const header = tar.subarray(at, at + BLOCK);
    const size = Number.parseInt(textOf(header, 124, 12), 8);
    const path = textOf(header, 0, 100);
    const end = at + BLOCK + blocks(size);
    if (left.delete(path)) {
      const { mode, change } = edits[path];
      const before = tar.toString("utf8", at + BLOCK, at + BLOCK + size);
      const body = Buffer.from(change(before));
      const padding = Buffer.alloc(blocks(body.length) - body.length);
      parts.push(headerFor(header, body.length, mode), body, padding);
    } else parts.push(tar.subarray(at, end));
    at = end;
  }
  if (left.size > 0) throw new Error(`deno pack made no ${[...left].join(", ")}`);
  return Buffer.concat([...parts, tar.subarray(at)]);
}

/** The package.json of deno pack with what it lacks. */
function completed(text) {
  const { name, version, ...rest } = JSON.parse(text);
  const { description } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const bin = { [COMMAND]: PROGRAM };
  const engines = { node: ">=22.18" };
  const whole = { name, version, description, ...rest, engines, bin, sideEffects: false };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/**
 * Makes the tarball.
 *
 * @param {string} file where to
 * @returns {Promise<{ file: string, name: string, version: string, bytes: number, sha256: string }>}
 */
export async function pack(file) {
  const deno = program("deno");
  if (deno === undefined) throw new Error("Deno is missing: run npm ci");
  mkdirSync(dirname(file), { recursive: true });
  const args = ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "-o", file];
  const { code, text } = await run(deno, args, { quiet: true, limitMs: 120_000, cwd: root });
  if (code !== 0) throw new Error(`deno pack failed\n${text}`);
  let manifest;
  const tar = edited(gunzipSync(readFileSync(file)), {
    "package/package.json": {
      mode: 0o644,
      change(text) {
        const whole = completed(text);
        manifest = JSON.parse(whole);
        return whole;
      },
    },
    // Windows and Deno do without this line; a shell of Unix takes it for the program's language.
    [`package/${PROGRAM}`]: { mode: 0o755, change: (text) => `#!/usr/bin/env node\n${text}` },
  });
  const tarball = gzipSync(tar, { level: 9 });
  writeFileSync(file, tarball);
  const sha256 = createHash("sha256").update(tarball).digest("hex");
  const { name, version } = manifest;
  return { file, name, version, bytes: tarball.length, sha256 };
}

/** @returns {string | undefined} where to, or nothing if the command line is wrong */
function fileFrom([option, file, ...more]) {
  if (option === undefined) return join(cache, "npm", "holdfast-ws.tgz");
  return option === "-o" && file !== undefined && more.length === 0 ? resolve(file) : undefined;
}

/** Whether this file is what was started, through a link, too. */
function isStarted() {
  const [, main] = process.argv;
  return main !== undefined && existsSync(main) &&
    import.meta.url === pathToFileURL(realpathSync(main)).href;
}

if (isStarted()) {
  const file = fileFrom(process.argv.slice(2));
  if (file === undefined) {
    console.error("Usage: npm run pack [-- -o FILE]");
    process.exitCode = 2;
  } else {
    await ensureModules();
    const { name, version, bytes, sha256 } = await pack(file);
    console.log(`${name} ${version}: ${relative(process.cwd(), file)}, ${bytes} bytes`);
    console.log(`sha256 ${sha256}`);
    console.log(`program ${COMMAND}, which npx ${name} starts`);
  }
}
