// Starting programs and ending them, with all that they started.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

/** Everything started and not yet ended, each the head of a process group. */
const live = new Set();
/** Those that have the terminal. */
const inFront = new Set();
const groups = process.platform !== "win32";

/**
 * Starts a program as the head of a process group of its own: `node --test` and browsers leave
 * children behind otherwise.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 */
export function start(file, args, options) {
  const child = spawn(file, args, { ...options, detached: groups });
  live.add(child);
  child.once("error", () => live.delete(child));
  child.once("close", () => live.delete(child));
  return child;
}

/**
 * Ends a program and what it started, at once.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export function end(child, signal = "SIGKILL") {
  if (child.pid === undefined) return;
  try {
    if (groups) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it has ended by itself
  }
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]]) {
  process.on(signal, () => {
    for (const child of live) end(child);
    process.exit(code);
  });
}
if (groups) {
  // A terminal that is closed tells its own group only, and each of ours is one by itself.
  process.on("SIGHUP", () => {
    for (const child of live) end(child);
    for (const child of inFront) child.kill("SIGHUP");
    // As if it had not been caught: a way out through `exit` would still look for the terminal.
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  });
}

const quietEnvironment = { DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" };

/**
 * The environment of a child. Without `colours` it prints none: verdicts are read from its output,
 * and `FORCE_COLOR`, which CI services set, outdoes `NO_COLOR`.
 *
 * @param {boolean} colours
 * @param {Record<string, string>} more
 * @returns {Record<string, string | undefined>}
 */
export function environment(colours, more) {
  const all = { ...process.env, ...quietEnvironment, ...more };
  if (colours) return all;
  delete all.FORCE_COLOR;
  return { ...all, NO_COLOR: "1" };
}

/**
 * Runs a program to its end.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, limitMs?: number, env?: Record<string, string>, cwd?: string }} options
 * `quiet` collects the output instead of showing it; after `limitMs` the program is ended.
 * @returns {Promise<{ code: number, text: string, note?: string }>} `note`: why it was ended
 */
export function run(file, args, { quiet = false, limitMs = 300_000, env = {}, cwd } = {}) {
  const io = quiet ? "pipe" : "inherit";
  const child = start(file, args, {
    cwd,
    stdio: ["ignore", io, io],
    env: environment(!quiet && process.stdout.isTTY, env),
  });
  let text = "";
  let note;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (data) => text += data);
  }
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      note = `took over ${limitMs / 1000} s and was ended`;
      if (quiet) text += `\n${file} ${note}\n`;
      else console.error(`${file} ${note}`);
      end(child);
    }, limitMs);
    const finish = (code) => {
      clearTimeout(timer);
      resolve({ code, text, note });
    };
    child.once("error", (error) => {
      text += `Cannot start ${file}: ${error.message}\n`;
      if (!quiet) console.error(text);
      finish(127);
    });
    child.once("close", (code) => finish(code ?? 1));
  });
}

/**
 * Runs a program in the foreground: it has the terminal, and its exit code is ours. Ctrl-C
 * reaches it first, so that it can end its own way.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<number>}
 */
export function foreground(file, args, env = {}) {
  const child = spawn(file, args, {
    stdio: "inherit",
    env: environment(process.stdout.isTTY, env),
  });
  inFront.add(child);
  const restore = during({
    // On a terminal the child is told as well; told twice, it might take it for impatience.
    SIGINT: () => process.stdin.isTTY || child.kill("SIGINT"),
    SIGTERM: () => child.kill("SIGTERM"),
  });
  return new Promise((resolve) => {
    const finish = (code) => {
      inFront.delete(child);
      restore();
      resolve(code);
    };
    child.once("error", (error) => {
      console.error(`Cannot start ${file}: ${error.message}`);
      finish(127);
    });
    child.once("close", (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/** Puts other listeners in the place of those that a process has; answers how to undo it. */
function during(handlers) {
  const before = Object.keys(handlers).map((signal) => [signal, process.listeners(signal)]);
  for (const [signal, handler] of Object.entries(handlers)) {
    process.removeAllListeners(signal).on(signal, handler);
  }
  return () => {
    for (const [signal, listeners] of before) {
      process.removeAllListeners(signal);
      for (const listener of listeners) process.on(signal, listener);
    }
  };
}
