/**
 * The worker's half of the off-thread leaf: what the worker file of an application calls. The other half is `workerConnector` of `@holdfast/ws/worker`.
 *
 * @example The whole worker file
 * ```ts ignore -- runs in a worker
 * import { hostSocket } from "@holdfast/ws/worker/host";
 *
 * hostSocket();
 * ```
 *
 * @module
 */
import type { WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { systemClock } from "../runtime/clock.ts";
import { web } from "../runtime/web.ts";
import type { FromWorker } from "./protocol.ts";
import { SocketHost } from "./socket_host.ts";

export type {
  Capabilities,
  ConnectContext,
  Connector,
  WsConnector,
} from "../contract/connector.ts";
export type { Handshake } from "../contract/handshake.ts";
export type { FrameSink, SessionEnd, WsConnection } from "../contract/connection.ts";
export type { TraceEvent, TraceFact } from "../contract/trace.ts";

/** How a worker hosts a socket. */
export interface HostSocketOptions {
  /** The leaf that dials, such as `deno().connector`. @default {the one of `@holdfast/ws/web`} */
  readonly connector?: WsConnector;
}

type Listener = (event: { readonly data?: unknown }) => void;

interface ParentPort {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  on(type: "message", listener: (value: unknown) => void): void;
}

interface Scope {
  readonly Bun?: unknown;
  readonly document?: unknown;
  readonly postMessage?: (message: unknown, transfer: ArrayBuffer[]) => void;
  readonly addEventListener?: (type: "message", listener: Listener) => void;
  readonly process?: {
    /** Not an import, so that bundles for browsers know nothing of it. */
    readonly getBuiltinModule?: (name: string) => { readonly parentPort?: ParentPort | null };
  };
}

interface Port {
  post(message: FromWorker, transfer: ArrayBuffer[]): void;
  listen(take: (value: unknown) => void): void;
}

/**
 * The way to the main thread: a worker's own scope, on Node and Bun the parent port. Bun has both, but in a worker made by `node:worker_threads` its
 * scope hears nothing (1.4.5), and its main thread has a `postMessage`, too.
 */
function portOf(scope: Scope): Port {
  const { postMessage, addEventListener } = scope;
  const own = scope.Bun === undefined && scope.document === undefined;
  if (own && postMessage && addEventListener) {
    return {
      post: (message, transfer) => postMessage.call(scope, message, transfer),
      listen: (take) => addEventListener.call(scope, "message", ({ data }) => take(data)),
    };
  }
  const port = scope.process?.getBuiltinModule?.("node:worker_threads")?.parentPort;
  if (!port) {
    throw new TransportError("unsupported", "Cannot host a socket: this is not a worker");
  }
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (take) => port.on("message", take),
  };
}

/**
 * Hosts the socket of one dial in this worker: it dials when the main thread says so, and runs heartbeat and drop-oldest buffer here. The main thread
 * ends the worker with the session.
 *
 * @param options See {@link HostSocketOptions}.
 * @throws {TransportError} `unsupported`, if this is not a worker, or the leaf is one that has a worker of its own.
 */
export function hostSocket(options: HostSocketOptions = {}): void {
  const { connector = web().connector } = options;
  if (connector.capabilities.recvAxis) {
    throw new TransportError("unsupported", "Cannot host a socket: the leaf has another host");
  }
  const port = portOf(globalThis as Scope);
  const host = new SocketHost({ post: port.post, connector, clock: systemClock });
  port.listen((value) => host.receive(value));
}
