// The runtimes and tools, by the path of their real binary: npm installs no stub scripts here.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { modules } from "./paths.mjs";

const { platform: os, arch } = process;
const windows = os === "win32";
const exe = windows ? ".exe" : "";

/** The npm package that carries Deno for this machine: one file, nothing around it. */
export const denoPackage = `@deno/${os}-${arch}${os === "linux" ? "-glibc" : ""}`;

const bunArch = arch === "arm64" ? "aarch64" : arch;
const workerdArch = arch === "x64" ? "64" : arch;
const osName = windows ? "windows" : os;

const BINARIES = {
  deno: `${denoPackage}/deno${exe}`,
  bun: `@oven/bun-${osName}-${bunArch}/bin/bun${exe}`,
  workerd: `@cloudflare/workerd-${osName}-${workerdArch}/bin/workerd${exe}`,
  esbuild: windows ? `@esbuild/${os}-${arch}/esbuild.exe` : `@esbuild/${os}-${arch}/bin/esbuild`,
  node22: "node22/bin/node",
  node24: "node24/bin/node",
  node26: "node26/bin/node",
};

const BROWSERS = {
  chromium: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** The Node versions the suite runs on. */
export const NODES = ["node22", "node24", "node26"];

/**
 * Whether the program running this file is Deno.
 *
 * @type {boolean}
 */
export const onDeno = "Deno" in globalThis;

/** Whether the program running this file runs TypeScript as it is, by stripping the types. */
export const stripsTypes = onDeno || "Bun" in globalThis || nodeStripsTypes();

function nodeStripsTypes() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/**
 * A program on the search path.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "")
    .map((folder) => join(folder, name + exe)).find((path) => existsSync(path));
}

/**
 * The path of a program, or nothing when this machine lacks it. Where no Node packages exist
 * (they are Linux x64 only) the user's own Node stands in for the version that it is.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function program(name) {
  if (name in BROWSERS) {
    return [process.env[name.toUpperCase()], ...BROWSERS[name]]
      .find((path) => path !== undefined && path !== "" && existsSync(path));
  }
  const path = join(modules, BINARIES[name]);
  if (existsSync(path)) return path;
  if (name === "deno") return onDeno ? process.execPath : onPath("deno");
  const own = `node${process.versions.node.split(".")[0]}`;
  return name === own && !onDeno && stripsTypes ? process.execPath : undefined;
}
