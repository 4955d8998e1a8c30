/**
 * The programs: clients on three runtimes, and the server.
 *
 * @module
 */
import { program } from "../../tools/runner/programs.mjs";
import type { HostName } from "../client/host.ts";
import { LineChild, type Program } from "./child.ts";

/** Node versions to take, the first that is there. */
const NODES = ["node24", "node26", "node22"];

/** Makes both Node's and Deno's own clients trust the certificate of the server. */
const TRUST = {
  NODE_EXTRA_CA_CERTS: "tests/support/tls/ca.pem",
  DENO_CERT: "tests/support/tls/ca.pem",
};

/** What a client process may be given. */
export interface ClientFlags {
  /** The client can ask for a garbage collection. */
  readonly gc?: boolean;
}

/** The program of a runtime, or `undefined` where it is not installed. */
export function runtimeProgram(runtime: HostName, { gc = false }: ClientFlags = {}):
  | Program
  | undefined {
  const file = runtime === "node"
    ? NODES.map((name) => program(name)).find((path) => path !== undefined)
    : program(runtime);
  if (file === undefined) return undefined;
  switch (runtime) {
    case "deno":
      // Peers come from node_modules, as everywhere; deno.json is for files that need no packages.
      return {
        file,
        args: [
          "run",
          "--allow-all",
          "--no-check",
          "--no-config",
          "--node-modules-dir=manual",
          ...gc ? ["--v8-flags=--expose-gc"] : [],
        ],
      };
    case "node":
      return {
        file,
        args: ["--disable-warning=ExperimentalWarning", ...gc ? ["--expose-gc"] : []],
      };
    default:
      return { file, args: [] };
  }
}

/** Starts a client. @returns it and its version. */
export async function startClient(
  runtime: HostName,
  flags?: ClientFlags,
): Promise<{ client: LineChild; version: string }> {
  const found = runtimeProgram(runtime, flags);
  if (found === undefined) throw new Error(`Cannot measure ${runtime}: it is not installed`);
  const client = new LineChild(found, ["bench/client/main.ts"], TRUST);
  const { version } = await client.line() as { version: string };
  return { client, version };
}

/** A running server. */
export interface BenchServer {
  readonly child: LineChild;
  readonly port: number;
  readonly securePort: number;
}

/** Starts the server: on Node where there is one, as that writes large pieces fastest, else on Deno. */
export async function startServer(): Promise<BenchServer> {
  const child = new LineChild(runtimeProgram("node") ?? runtimeProgram("deno")!, [
    "bench/server/main.ts",
  ]);
  const { port, securePort } = await child.line() as { port: number; securePort: number };
  return { child, port, securePort };
}
