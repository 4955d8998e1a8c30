/**
 * The command line in a process of its own, run by the runtime that runs the test.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Signal } from "../e2e/support.ts";
import { platform } from "../support/harness.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** With no more rights than `docs/cli.md` says: a user who follows it gets along. */
const RUNTIME_ARGS = platform === "deno"
  ? ["run", "--no-check", "--allow-net=127.0.0.1"]
  : platform === "node"
  ? ["--disable-warning=ExperimentalWarning"]
  : [];

/** It is killed then: before the test's own limit, after which nobody would. */
const LIMIT_MS = 15_000;

/** How it ended. */
export interface Ended {
  readonly code: number | null;
  /** Lines of the standard output. */
  readonly lines: readonly string[];
  /** All of the error output. */
  readonly told: string;
}

/** A run of the program. */
export class Program {
  /** Resolves when it has ended and its output is read. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #signal: Signal = new Signal();
  #output = "";
  #told = "";
  #over = false;

  /** Starts it. Its input stays open until {@link endInput}. */
  constructor(...args: readonly string[]) {
    // Not under the test framework of the parent: Node would take the child for a test file.
    const env = { ...process.env, NODE_TEST_CONTEXT: "", DENO_NO_UPDATE_CHECK: "1" };
    const child = spawn(process.execPath, [...RUNTIME_ARGS, MAIN, ...args], {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdin.on("error", () => {}); // it has ended; `ended` tells of it
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#signal.ring();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#told += text;
      this.#signal.ring();
    });
    const limit = setTimeout(() => {
      this.#told += "\n(killed: it did not end in time)";
      process.kill(child.pid!, "SIGKILL");
    }, LIMIT_MS);
    this.ended = new Promise((resolve, reject) => {
      child.once("error", (error) => {
        clearTimeout(limit);
        reject(error);
      });
      child.once("close", (code) => {
        clearTimeout(limit);
        this.#over = true;
        this.#signal.ring();
        const lines = this.#output.split("\n");
        if (lines.at(-1) === "") lines.pop();
        resolve({ code, lines, told: this.#told });
      });
    });
  }

  /** Resolves when the error output has this text. */
  told(text: string): Promise<void> {
    return this.#until(() => this.#told.includes(text), text);
  }

  /** Resolves when the standard output has this text. */
  printed(text: string): Promise<void> {
    return this.#until(() => this.#output.includes(text), text);
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin!.end();
  }

  /** Closes the reading end of its standard output, as `head` does. */
  stopReading(): void {
    this.#child.stdout!.destroy();
  }

  /** Leaves its standard output unread for now. */
  pauseReading(): void {
    this.#child.stdout!.pause();
  }

  /** Reads it again. */
  resumeReading(): void {
    this.#child.stdout!.resume();
  }

  /** Sends a signal. */
  kill(signal: "SIGINT" | "SIGTERM"): void {
    // Not the child's own kill(): on Deno that sends one signal at most (seen with 2.9.5).
    process.kill(this.#child.pid!, signal);
  }

  #until(condition: () => boolean, what: string): Promise<void> {
    return this.#signal.until(() => {
      if (condition()) return true;
      if (this.#over) throw new Error(`It ended without ${JSON.stringify(what)}: ${this.#told}`);
      return false;
    });
  }
}

/** Runs it to its end, with nothing on its input. */
export function runProgram(...args: readonly string[]): Promise<Ended> {
  const program = new Program(...args);
  program.endInput();
  return program.ended;
}
