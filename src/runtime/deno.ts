/**
 * Holdfast on Deno: native `WebSocket` with request headers, an `HttpClient` for private CAs and proxies, and the HTTP status of a failed dial on `ws:`
 * (on `wss:` Deno does not tell).
 *
 * An open connection keeps the process alive, as does one that waits for its next dial; `shutdown()` lets go. A peer that never answers the close
 * frame keeps the process alive until Deno notices (denoland/deno#36337).
 *
 * @example
 * ```ts ignore -- needs a server
 * import { connect } from "@holdfast/ws/deno";
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
import { type DialFacts, type DialledSocket, webSocketLeaf } from "./web_socket.ts";

export type { Runtime } from "../contract/runtime.ts";
export type { TraceEvent, TraceFact, Tracer } from "../contract/trace.ts";
export { diagnosticsTracer } from "./diagnostics.ts";
export { tcp } from "./tcp_deno.ts";
export type { TcpOptions, TcpProxyOptions, TcpTlsOptions } from "./tcp_options.ts";
export type { Entry } from "../stack.ts";

/** What a Deno leaf can be told. */
export interface DenoOptions {
  /**
   * A `Deno.HttpClient` with private CAs, client certificates or a proxy. It stays yours. Make it with `http2: false`, or a refused `wss:` dial is two
   * connections; since that cannot be seen here, each dial then costs two attempts of the budget until it opens.
   *
   * @default {an own one per `wss:` dial, without HTTP/2}
   */
  readonly client?: object;
}

interface HttpClient {
  close(): void;
}

interface Host {
  readonly Deno?: { createHttpClient?(options: { http2: boolean }): HttpClient };
}

type Construct = new (
  url: string,
  options: { protocols: string[]; headers: Headers; client?: object },
) => WebSocket;

/** Deno says `Invalid status code: 401` within the message of the error event, on `ws:` only (2.9.5). */
const statusIn = /Invalid status code: ([0-9]{3})\b/;
/** And what failed instead of an answer: `tcp connect error`, `dns error`. Nothing that names a host fits. */
const whyIn = /failed to connect to WebSocket: ([a-z ]+)$/;

/** What the error event tells. */
function facts(event: Event): DialFacts {
  const message = (event as ErrorEvent).message ?? "";
  const status = statusIn.exec(message)?.[1];
  if (status !== undefined) return { status: Number(status) };
  const why = whyIn.exec(message)?.[1];
  return why === undefined ? {} : { why };
}

function dial(
  { url, protocols, headers }: { url: URL; protocols: string[]; headers: Headers },
  { client }: DenoOptions,
): DialledSocket {
  // With HTTP/2 on offer, Deno answers a refused `wss:` handshake with a second TLS connection (denoland/deno#36704).
  const own = client === undefined && url.protocol === "wss:"
    ? (globalThis as Host).Deno?.createHttpClient?.({ http2: false })
    : undefined;
  const used = client ?? own;
  const settled = own === undefined ? undefined : () => own.close();
  try {
    return {
      socket: new (WebSocket as unknown as Construct)(url.href, {
        protocols,
        headers,
        ...(used === undefined ? {} : { client: used }),
      }),
      facts,
      ...(settled === undefined ? {} : { settled }),
    };
  } catch (error) {
    settled?.();
    throw error;
  }
}

/** The platform: its `WebSocket`, clock, executor and randomness. */
export function deno(options: DenoOptions = {}): Runtime {
  return {
    clock: systemClock,
    spawn: executor({ detached }),
    random: Math.random,
    connector: webSocketLeaf({
      name: "deno",
      capabilities: {
        headers: true,
        handshakeStatus: "message",
        ping: false,
        seePing: false,
        terminate: false,
        maxMessageBytes: 64 * 1024 * 1024,
        // A client of the user's own may have HTTP/2 on offer.
        wireDials: options.client === undefined ? 1 : 2,
        recvAxis: false,
      },
      dial: (handshake) => dial(handshake, options),
    }),
  };
}

/** Gives the connection at once, in phase `connecting`. See {@link Entry.open}. */
export const open: Entry["open"] = /* @__PURE__ */ opener(deno);

/** Connects, and resolves at the first healthy session. See {@link Entry.connect}. */
export const connect: Entry["connect"] = /* @__PURE__ */ connecter(open);
