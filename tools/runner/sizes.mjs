// What a user's bundle gains: minified and gzipped, against the budgets of tools/sizes.json.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cache, root } from "./paths.mjs";
import { run } from "./processes.mjs";
import { program } from "./programs.mjs";

async function sizeOf(code) {
  mkdirSync(cache, { recursive: true });
  // In .cache, so that a parallel type check does not meet it; the paths in it are absolute.
  const entry = join(cache, `size_${Math.random().toString(36).slice(2)}.ts`);
  const out = `${entry}.js`;
  writeFileSync(entry, code);
  try {
    const { code: exit, text } = await run(program("esbuild"), [
      entry,
      "--bundle",
      "--minify",
      "--format=esm",
      "--target=es2022",
      "--external:node:*",
      `--outfile=${out}`,
      "--log-level=warning",
    ], { quiet: true });
    if (exit !== 0) throw new Error(text);
    return gzipSync(readFileSync(out), { level: 9 }).byteLength;
  } finally {
    rmSync(entry, { force: true });
    rmSync(out, { force: true });
  }
}

/** @returns {Promise<{ name: string, bytes: number, maxBytes: number }[]>} */
export async function bundleSizes() {
  const budgets = JSON.parse(readFileSync(join(root, "tools", "sizes.json"), "utf8"));
  const sizes = [];
  for (const { name, file, names, maxBytes } of budgets) {
    const what = names === undefined ? "*" : `{ ${names.join(", ")} }`;
    const bytes = await sizeOf(`export ${what} from ${JSON.stringify(join(root, file))};\n`);
    sizes.push({ name, bytes, maxBytes });
  }
  return sizes;
}

/** @returns {Promise<import("./tally.mjs").Outcome>} */
export async function checkSizes() {
  const sizes = await bundleSizes();
  const lines = sizes.map(({ name, bytes, maxBytes }) =>
    `${name}: ${bytes} of ${maxBytes} bytes${bytes <= maxBytes ? "" : ", too big"}`
  );
  const failed = sizes.filter(({ bytes, maxBytes }) => bytes > maxBytes).length;
  return {
    passed: sizes.length - failed,
    failed,
    note: lines.join("; "),
    text: lines.join("\n"),
  };
}
