/**
 * Holdfast on Bun: native `WebSocket` with request headers, TLS and proxy options, protocol pings, `terminate`, and the HTTP status of a failed dial.
 *
 * An open connection keeps the process alive, as does one that waits for its next dial; `shutdown()` lets go.
 *
 * @example
 * ```ts ignore -- needs a server
 * import { connect } from "@holdfast/ws/bun";
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
import { webSocketLeaf } from "./web_socket.ts";

export type { Runtime } from "../contract/runtime.ts";
export type { TraceEvent, TraceFact, Tracer } from "../contract/trace.ts";
export { diagnosticsTracer } from "./diagnostics.ts";
export { tcp } from "./tcp_bun.ts";
export type { TcpOptions, TcpProxyOptions, TcpTlsOptions } from "./tcp_options.ts";
export type { Entry } from "../stack.ts";

/** What a Bun leaf can be told. */
export interface BunOptions {
  /** TLS options of Bun: `{ ca, cert, key, rejectUnauthorized }`. @default {the system's} */
  readonly tls?: object;
  /** Url of an HTTP proxy. @default {none} */
  readonly proxy?: string;
}

interface BunSocket extends WebSocket {
  ping(data: Uint8Array): void;
  terminate(): void;
}

type Construct = new (
  url: string,
  options: {
    protocols: string[];
    headers: Headers;
    perMessageDeflate: boolean;
    tls?: object;
    proxy?: string;
  },
) => BunSocket;

/** Bun says `Expected 101 status code: 401` in the message of the error event (1.4.5), on `ws:` and `wss:`. */
const statusIn = /Expected 101 status code:? ([0-9]{3})\b/;

function bytesOf(data: unknown): Uint8Array<ArrayBuffer> {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof Uint8Array) return new Uint8Array(data);
  return new Uint8Array(new TextEncoder().encode(String(data ?? "")));
}

/** The platform: its `WebSocket`, clock, executor and randomness. */
export function bun({ tls, proxy }: BunOptions = {}): Runtime {
  return {
    clock: systemClock,
    spawn: executor({ detached }),
    random: Math.random,
    connector: webSocketLeaf({
      name: "bun",
      capabilities: {
        headers: true,
        handshakeStatus: "message",
        ping: true,
        seePing: true,
        terminate: true,
        maxMessageBytes: 128 * 1024 * 1024,
        wireDials: 1,
        recvAxis: false,
      },
      dial({ url, protocols, headers }) {
        const socket = new (WebSocket as unknown as Construct)(url.href, {
          protocols,
          headers,
          perMessageDeflate: false,
          ...(tls === undefined ? {} : { tls }),
          ...(proxy === undefined ? {} : { proxy }),
        });
        return {
          socket,
          facts(event) {
            const { message, error } = event as ErrorEvent;
            const status = statusIn.exec(message ?? "")?.[1];
            if (status !== undefined) return { status: Number(status) };
            // A system error code such as ECONNREFUSED; the message names the url.
            const code = (error as { code?: unknown } | null)?.code;
            return typeof code === "string" ? { why: code } : {};
          },
          terminate: () => socket.terminate(),
          ping: (data) => socket.ping(data),
          observe(seen) {
            for (const type of ["ping", "pong"] as const) {
              socket.addEventListener(type, (event) => {
                seen(type, bytesOf((event as MessageEvent).data));
              });
            }
          },
        };
      },
    }),
  };
}

/** Gives the connection at once, in phase `connecting`. See {@link Entry.open}. */
export const open: Entry["open"] = /* @__PURE__ */ opener(bun);

/** Connects, and resolves at the first healthy session. See {@link Entry.connect}. */
export const connect: Entry["connect"] = /* @__PURE__ */ connecter(open);
