/**
 * The tcp leaf of the runtime that the tests run on.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";

/** Finds it. */
export async function hostTcp(): Promise<(options: TcpOptions) => WsConnector> {
  const isDeno = "Deno" in globalThis;
  const { tcp } = isDeno
    ? await import("../../src/runtime/tcp_deno.ts")
    : await import("../../src/runtime/tcp_node.ts");
  return tcp;
}
