/**
 * A leaf over the `ws` package of npm, for whoever needs a protocol ping, an exact status and `terminate` on Node, Deno or Bun without waiting for the
 * platform. The package is yours: hand its constructor in.
 *
 * @example
 * ```ts ignore -- needs the npm package ws and a server
 * import { open } from "@holdfast/ws";
 * import { node } from "@holdfast/ws/node";
 * import { ws } from "@holdfast/ws/ws";
 * import { WebSocket } from "ws";
 *
 * const feed = open("wss://example.com/feed", {
 *   runtime: { ...node(), connector: ws(WebSocket) },
 *   liveness: { staleAfterMs: 10_000, deadAfterMs: 20_000, probe: { afterMs: 5_000 } },
 * });
 * for await (const frame of feed) console.log(frame.seq, frame.data);
 * ```
 *
 * @module
 */
import type { WsConnector } from "../contract/connector.ts";
import { retryAfterMs } from "../rfc6455/retry_after.ts";
import { type DialFacts, type DialledSocket, webSocketLeaf } from "./web_socket.ts";

export type {
  Capabilities,
  ConnectContext,
  Connector,
  WsConnector,
} from "../contract/connector.ts";
export type { Handshake } from "../contract/handshake.ts";
export type { WsConnection } from "../contract/connection.ts";

/** A client socket of the `ws` package, as far as it is used here. */
export interface WsSocket {
  /** Listens to an event of the package. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Sends a ping. */
  ping(data: Uint8Array): void;
  /** Destroys the socket. */
  terminate(): void;
}

/** The constructor that the `ws` package exports as `WebSocket`. */
export type WsConstructor = new (
  url: string,
  protocols: string[],
  options: Record<string, unknown>,
) => WsSocket;

/** What a `ws` leaf can be told. */
export interface WsOptions {
  /** Options of the package's client: `agent`, `ca`, `cert`, `rejectUnauthorized`, ... Not `headers`, which belong to the handshake, nor `maxPayload`, which is `maxMessageBytes`. @default {{}} */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Largest message received, in bytes. @default {104_857_600, the package's own} */
  readonly maxMessageBytes?: number;
}

interface Answer {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  resume(): void;
}

/**
 * Makes a leaf of the constructor that the `ws` package exports as `WebSocket`.
 *
 * @throws {TypeError} If the package's options say what is said elsewhere: `headers`, `maxPayload`.
 */
export function ws(constructor: WsConstructor, options: WsOptions = {}): WsConnector {
  const { maxMessageBytes = 104_857_600 } = options;
  for (
    const [name, instead] of [["headers", "the handshake's"], ["maxPayload", "maxMessageBytes"]]
  ) {
    if (options.options?.[name!] !== undefined) {
      throw new TypeError(`Cannot make a ws leaf: options.${name} is not used, ${instead} is`);
    }
  }
  return webSocketLeaf({
    name: "ws",
    capabilities: {
      headers: true,
      handshakeStatus: "exact",
      ping: true,
      seePing: true,
      terminate: true,
      maxMessageBytes,
      wireDials: 1,
      recvAxis: false,
    },
    dial({ url, protocols, headers }): DialledSocket {
      const socket = new constructor(url.href, protocols, {
        perMessageDeflate: false,
        maxPayload: maxMessageBytes,
        followRedirects: false,
        ...options.options,
        headers: Object.fromEntries(headers),
      });
      let facts: DialFacts = {};
      socket.on("unexpected-response", (_request: never, answer: never) => {
        facts = factsOf(answer);
        (answer as Answer).resume();
        // With a listener the package leaves the end to it; this makes `error` and `close` follow.
        socket.terminate();
      });
      return {
        // Its attributes and events are those of the standard.
        socket: socket as unknown as WebSocket,
        facts: () => facts,
        terminate: () => socket.terminate(),
        ping: (data) => socket.ping(data),
        observe(seen) {
          for (const type of ["ping", "pong"] as const) {
            socket.on(type, (data: never) => seen(type, new Uint8Array(data as Uint8Array)));
          }
        },
      };
    },
  });
}

function factsOf(answer: Answer): DialFacts {
  const wait = retryAfterMs(answer.headers["retry-after"], Date.now());
  return {
    ...(answer.statusCode === undefined ? {} : { status: answer.statusCode }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}
