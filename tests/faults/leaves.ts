/**
 * The leaves that the faults are tried on: the platform's own, and the one over TCP.
 *
 * @module
 */
import type { ConnectionOptions, ReconnectingConnection, UrlSource } from "../../mod.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import type { Runtime } from "../../src/contract/runtime.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";
import { platform } from "../support/harness.ts";

interface RuntimeModule {
  open(url: UrlSource, options?: ConnectionOptions): ReconnectingConnection;
  tcp(options?: TcpOptions): WsConnector;
  readonly [factory: string]: unknown;
}

const module = await import(`../../src/runtime/${platform}.ts`) as RuntimeModule;

/** The platform that runs this test: its own leaf, clock and executor. */
export const nativeRuntime: Runtime = (module[platform] as () => Runtime)();

/** `open` of that platform. */
export const nativeOpen: RuntimeModule["open"] = module.open;

/** `tcp` of that platform. */
export const platformTcp: RuntimeModule["tcp"] = module.tcp;

/** A leaf that the faults are tried on. */
export interface FaultLeaf {
  readonly name: "native" | "tcp";
  readonly connector: WsConnector;
}

/** The platform's own. */
export const NATIVE: FaultLeaf = { name: "native", connector: nativeRuntime.connector };

/** All of them. */
export const FAULT_LEAVES: readonly FaultLeaf[] = [NATIVE, {
  name: "tcp",
  connector: platformTcp(),
}];

/** Finds one by its name, which is how a program in a process of its own is told. */
export function leafNamed(name: string | undefined): FaultLeaf {
  const leaf = FAULT_LEAVES.find((one) => one.name === name);
  if (leaf === undefined) throw new TypeError(`No leaf ${name}`);
  return leaf;
}
