/**
 * The tcp leaf of the runtime that the tests run on.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";

/** Finds it. */
export async function hostTcp(): Promise<(options: TcpOptions) => WsConnector> {
  if ("Deno" in globalThis) return (await import("../../src/runtime/tcp_deno.ts")).tcp;
  if ("Bun" in globalThis) return (await import("../../src/runtime/tcp_bun.ts")).tcp;
  return (await import("../../src/runtime/tcp_node.ts")).tcp;
}
