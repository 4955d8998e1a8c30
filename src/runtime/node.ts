/**
 * Holdfast on Node 22.18 and later: native `WebSocket` with request headers and a dispatcher, the exact HTTP status and `Retry-After` of a failed dial, and
 * a socket that can be destroyed; the latter two through undici's diagnostics channels.
 *
 * An open connection keeps the process alive, as does one that waits for its next dial; `shutdown()` lets go.
 *
 * @example
 * ```ts ignore -- needs a server
 * import { connect } from "@holdfast/ws/node";
 *
 * const feed = await connect("wss://localhost:5000/v1/api/ws", { headers: { cookie: "api=1" } });
 * for await (const frame of feed) console.log(frame.seq, frame.data);
 * ```
 *
 * @module
 */
import type { Runtime } from "../contract/runtime.ts";
import { connecter, type Entry, opener } from "../stack.ts";
import { systemClock } from "./clock.ts";
import { detached } from "./detached.ts";
import { executor } from "./executor.ts";
import { watchHandshake } from "./undici_handshake.ts";
import { webSocketLeaf } from "./web_socket.ts";

export type { Runtime } from "../contract/runtime.ts";
export type { TraceEvent, TraceFact, Tracer } from "../contract/trace.ts";
export { diagnosticsTracer } from "./diagnostics.ts";
export { tcp } from "./tcp_node.ts";
export type { TcpOptions, TcpProxyOptions, TcpTlsOptions } from "./tcp_options.ts";
export type { Entry } from "../stack.ts";

/** What a Node leaf can be told. */
export interface NodeOptions {
  /** An undici `Dispatcher` (an `Agent` with private CAs, a `ProxyAgent`). It stays yours. @default {Node's global one} */
  readonly dispatcher?: object;
}

type Construct = new (
  url: string,
  options: { protocols: string[]; headers: Headers; dispatcher?: object },
) => WebSocket;

/** The platform: its `WebSocket`, clock, executor and randomness. */
export function node({ dispatcher }: NodeOptions = {}): Runtime {
  return {
    clock: systemClock,
    spawn: executor({ detached }),
    random: Math.random,
    connector: webSocketLeaf({
      name: "node",
      capabilities: {
        headers: true,
        handshakeStatus: "exact",
        ping: false,
        seePing: false,
        terminate: true,
        maxMessageBytes: 128 * 1024 * 1024,
        // A handshake answered with 401 is sent twice (Node 24, 26); one aborted opens a second, idle connection (all).
        wireDials: 2,
        recvAxis: false,
      },
      dial: ({ url, protocols, headers }) =>
        watchHandshake(() =>
          new (WebSocket as unknown as Construct)(url.href, {
            protocols,
            headers,
            ...(dispatcher === undefined ? {} : { dispatcher }),
          })
        ),
    }),
  };
}

/** Gives the connection at once, in phase `connecting`. See {@link Entry.open}. */
export const open: Entry["open"] = /* @__PURE__ */ opener(node);

/** Connects, and resolves at the first healthy session. See {@link Entry.connect}. */
export const connect: Entry["connect"] = /* @__PURE__ */ connecter(open);
