/**
 * Starts a simulator from the command line: `--port N`, `--scale X`; prints its URL; ends with SIGINT or SIGTERM.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What can be started. */
export interface Startable {
  readonly url: string;
  readonly httpUrl: string;
  close(): Promise<void>;
}

/** Starts it if `moduleUrl` is the program, on Deno, Node and Bun alike (`import.meta.main` is missing on Node 22). */
export async function runAlone(
  moduleUrl: string,
  start: (options: { port: number; scale: number }) => Promise<Startable>,
): Promise<void> {
  if (!isSameFile(process.argv[1] ?? "", moduleUrl)) return;
  const number = (name: string, otherwise: number): number => {
    const at = process.argv.indexOf(`--${name}`);
    const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
    if (!Number.isFinite(value)) throw new RangeError(`--${name} takes a number`);
    return value;
  };
  const sim = await start({ port: number("port", 0), scale: number("scale", 1) });
  console.log(sim.url);
  console.error(`HTTP side: ${sim.httpUrl}`);
  const end = () => void sim.close();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
}

/** By the real path: Node keeps a symbolic link in the one and not in the other. */
function isSameFile(path: string, moduleUrl: string): boolean {
  try {
    return realpathSync(path) === fileURLToPath(moduleUrl);
  } catch {
    return false; // what was started is no file
  }
}
