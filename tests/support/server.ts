/**
 * Where the scripted server is: the one that a page or an edge worker was told of, or one started
 * in this process.
 *
 * @module
 */
import type { ScriptedBases } from "./scripted.ts";

export type { ScriptedBases } from "./scripted.ts";

interface Host {
  /** The `ws:` base of a scripted server in another process. */
  conformanceServer?: string;
}

/** Runs `use` with the bases of a scripted server, and ends the server when it is ours. */
export async function withServer(use: (server: ScriptedBases) => Promise<void>): Promise<void> {
  const given = (globalThis as Host).conformanceServer;
  if (given !== undefined) {
    const answer = await fetch(new URL("/info", given.replace(/^ws/, "http")));
    return await use(await answer.json() as ScriptedBases);
  }
  const { startScripted } = await import("./scripted.ts");
  const server = await startScripted();
  try {
    await use(server);
  } finally {
    await server.close();
  }
}
