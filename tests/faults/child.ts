/**
 * Programs of ours in processes of their own, run by the runtime that runs the test: what they do
 * goes on when the test's own thread is blocked, and they can be stopped, continued and killed.
 *
 * They speak in lines of JSON: events on their output, commands on their input.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Signal } from "../e2e/support.ts";
import { platform } from "../support/harness.ts";

/** A line of a child, parsed. */
export interface ChildEvent {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Options of {@link Child}. */
export interface ChildOptions {
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** What runs the runtime, with its own arguments: `["unshare", "-rn"]`. @default {nothing} */
  readonly within?: readonly string[];
  /** The runtime's binary. @default {the one that runs this process} */
  readonly runtime?: string;
  /** Flags of the runtime itself. @default {what a server on the loopback needs} */
  readonly flags?: readonly string[];
  /** A process group of its own, which Ctrl-C on the terminal does not reach. @default {false} */
  readonly detached?: boolean;
}

const LOOPBACK = ["--quiet", "--allow-net=127.0.0.1", "--allow-read", "--allow-env"];

function defaultFlags(): readonly string[] {
  if (platform === "deno") return ["run", ...LOOPBACK];
  return platform === "node" ? ["--disable-warning=ExperimentalWarning"] : [];
}

/** Starts the raw server of `peer_main.ts` in another process. */
export async function startPeer(): Promise<{ readonly child: Child; readonly url: string }> {
  const child = new Child(new URL("./peer_main.ts", import.meta.url));
  const { url } = await child.until(({ event }) => event === "listening");
  return { child, url: String(url) };
}

/** One program that runs. */
export class Child {
  /** Its lines so far. */
  readonly events: ChildEvent[] = [];
  /** Resolves when it has ended and its output is read. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #signal: Signal = new Signal();
  #end: ChildEnd | undefined;
  #text = "";
  #errors = "";

  /** Starts a program, given by its url: `new URL("./peer_main.ts", import.meta.url)`. */
  constructor(program: URL, options: ChildOptions = {}) {
    const { args = [], within = [], runtime = process.execPath, flags, detached = false } = options;
    const line = [
      ...within,
      runtime,
      ...flags ?? defaultFlags(),
      fileURLToPath(program),
      ...args,
    ];
    // Not under the test framework of the parent: Node would take the child for a test file.
    const env = { ...process.env, NODE_TEST_CONTEXT: "", DENO_NO_UPDATE_CHECK: "1" };
    const stdio: ["pipe", "pipe", "pipe"] = ["pipe", "pipe", "pipe"];
    const child = spawn(line[0]!, line.slice(1), { env, stdio, detached });
    this.#process = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    child.stdin.on("error", () => {}); // it has ended; `ended` tells of it
    this.ended = new Promise((resolve) => {
      const done = (end: ChildEnd) => {
        if (this.#end !== undefined) return;
        this.#end = end;
        resolve(end);
        this.#signal.ring();
      };
      child.on("error", (error) => {
        this.#errors += error.message;
        done({ code: null, signal: null });
      });
      child.on("close", (code, signal) => done({ code, signal }));
    });
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid!;
  }

  /** What it wrote to its error output. */
  get errors(): string {
    return this.#errors;
  }

  /** Resolves with the first event, past ones included, that fits; rejects when it ends without. */
  async until(fits: (event: ChildEvent) => boolean): Promise<ChildEvent> {
    let found: ChildEvent | undefined;
    await this.#signal.until(() => {
      found = this.events.find(fits);
      if (found === undefined && this.#end !== undefined) {
        throw new Error(`The child ended without it: ${this.#errors.slice(0, 2_000)}`);
      }
      return found !== undefined;
    });
    return found!;
  }

  /** Its lines as they come, past ones included, until it ends. */
  async *lines(): AsyncGenerator<ChildEvent> {
    for (let next = 0;; next++) {
      await this.#signal.until(() => this.events.length > next || this.#end !== undefined);
      const event = this.events[next];
      if (event === undefined) return;
      yield event;
    }
  }

  /** Sends a command. */
  tell(what: string, parameters: Readonly<Record<string, string | number>> = {}): void {
    this.#process.stdin!.write(JSON.stringify({ do: what, ...parameters }) + "\n");
  }

  /** Sends a signal to the process. */
  kill(signal: "SIGSTOP" | "SIGCONT" | "SIGKILL" | "SIGINT"): void {
    // Not the child's own kill(): on Deno that sends one signal at most (seen with 2.9.5).
    if (this.#end === undefined) process.kill(this.pid, signal);
  }

  /** Ends its input, which ends a program of ours, and waits until it is gone. */
  async close(): Promise<ChildEnd> {
    if (this.#end === undefined) {
      this.kill("SIGCONT");
      this.#process.stdin!.end();
    }
    return await this.ended;
  }

  #read(text: string): void {
    this.#text += text;
    const lines = this.#text.split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith("{")) this.events.push(JSON.parse(line) as ChildEvent);
    }
    this.#signal.ring();
  }
}
