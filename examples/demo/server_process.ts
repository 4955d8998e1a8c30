/**
 * The server's process, from the client's side: the same runtime runs `server.ts`, and its side
 * channel is read line by line.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type ControlLine, JsonLines, type ServerLine } from "./messages.ts";
import type { FaultKind } from "./script.ts";

/** A server that runs. */
export interface ServerProcess {
  /** Resolves when the process has ended and all its lines are read; with its exit code. */
  readonly ended: Promise<number | null>;
  /** Asks for steps to be played again. */
  again(kinds: readonly FaultKind[]): void;
  /** Lets it report what is open, and end; kills it after a while. Resolves as `ended`. */
  close(): Promise<number | null>;
}

/** A server that reports and ends takes milliseconds; one that hangs must not keep the demo. */
const KILL_AFTER_MS = 5_000;

/** What comes before the file: least rights on Deno, no warning about types on Node 22. */
function runtimeArgs(): readonly string[] {
  if ("Deno" in globalThis) return ["run", "--no-check", "--allow-net=127.0.0.1", "--allow-env"];
  if ("Bun" in globalThis) return [];
  return ["--disable-warning=ExperimentalWarning"];
}

/** Starts the server and hands on each of its lines. */
export function startServer(
  args: { readonly seed: number; readonly durationS: number },
  onLine: (line: ServerLine) => void,
): ServerProcess {
  const file = fileURLToPath(new URL("server.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    [...runtimeArgs(), file, String(args.seed), String(args.durationS)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  // The server may be gone when it is written to; its exit code tells of that.
  child.stdin.on("error", () => {});
  const lines = new JsonLines();
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    for (const line of lines.push(text)) onLine(line as ServerLine);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });
  // It is awaited in the end; until then a failure to start is not an unhandled rejection.
  ended.catch(() => {});
  return {
    ended,
    again(kinds) {
      child.stdin.write(`${JSON.stringify({ again: kinds } satisfies ControlLine)}\n`);
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
