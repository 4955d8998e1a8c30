/**
 * Holdfast on edge workers (workerd): dials with `fetch` and an `Upgrade` header, which sends any header and shows the status, the headers and the
 * subprotocol of the answer exactly.
 *
 * A worker lives as long as its request, or as what is handed to `waitUntil`; a feed for longer than that belongs into a Durable Object.
 *
 * @example
 * ```ts ignore -- runs in an edge worker
 * import { open, type ReconnectingConnection } from "@holdfast/ws";
 * import { workerd } from "@holdfast/ws/workerd";
 *
 * export class Feed {
 *   #state: DurableObjectState;
 *   #feed: ReconnectingConnection | undefined;
 *   constructor(state: DurableObjectState) {
 *     this.#state = state;
 *   }
 *   fetch(): Response {
 *     this.#feed ??= open("wss://example.com/feed", { runtime: workerd(this.#state) });
 *     return Response.json(this.#feed.lifecycle.value);
 *   }
 * }
 * ```
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { SessionEnd, WsConnection } from "../contract/connection.ts";
import type { WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { checkProtocol, type Handshake, wireHandshake } from "../contract/handshake.ts";
import type { Runtime } from "../contract/runtime.ts";
import { retryAfterMs } from "../rfc6455/retry_after.ts";
import { connecter, type Entry, opener } from "../stack.ts";
import { systemClock } from "./clock.ts";
import { executor } from "./executor.ts";
import { openedSession } from "./web_socket.ts";

export type { Runtime } from "../contract/runtime.ts";
export type { Entry } from "../stack.ts";

/** What a workerd runtime can be told: an execution context or a Durable Object's state will do. */
export interface WorkerdOptions {
  /** Keeps the worker alive while a connection lives. @default {nothing does} */
  waitUntil?(promise: Promise<unknown>): void;
}

interface WorkerdSocket extends WebSocket {
  accept(): void;
}

const maxMessageBytes = 32 * 1024 * 1024;

const leaf: WsConnector = {
  capabilities: {
    headers: true,
    handshakeStatus: "exact",
    ping: false,
    seePing: false,
    terminate: true,
    maxMessageBytes,
    wireDials: 1,
    recvAxis: false,
  },
  connect: async (handshake, { signal }) => {
    signal.throwIfAborted();
    return await dial(wireHandshake(handshake, { name: "workerd", headers: true }), signal);
  },
};

async function dial(
  { url, protocols, headers }: Handshake,
  signal: AbortSignal,
): Promise<WsConnection> {
  // The fetch's own signal ends the socket even after it opened; the dial's signal must not.
  const socketAbort = new AbortController();
  const forget = onAbort(signal, () => socketAbort.abort(signal.reason));
  try {
    headers.set("upgrade", "websocket");
    if (protocols.length > 0) headers.set("sec-websocket-protocol", protocols.join(", "));
    const response = await answer(url, headers, socketAbort.signal);
    signal.throwIfAborted();
    const socket = (response as { readonly webSocket?: WorkerdSocket | null }).webSocket;
    if (!socket) throw refused(response);
    const protocol = response.headers.get("sec-websocket-protocol") ?? "";
    try {
      checkProtocol(protocols, protocol);
    } catch (error) {
      socketAbort.abort();
      throw error;
    }
    return accepted(socket, protocol, socketAbort);
  } finally {
    forget();
  }
}

async function answer(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
  const target = new URL(url);
  target.protocol = url.protocol === "wss:" ? "https:" : "http:";
  try {
    // Redirects are followed by default, with the credentials; a handshake must not be.
    return await fetch(target, { headers, signal, redirect: "manual" });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TypeError) {
      throw new TransportError("unsupported", "Cannot connect: the platform refuses the dial");
    }
    throw failed("no answer", {});
  }
}

/** The subprotocol is not on the socket but in the answer. */
function accepted(
  socket: WorkerdSocket,
  protocol: string,
  socketAbort: AbortController,
): WsConnection {
  const session = openedSession({ socket, terminate: () => socketAbort.abort() }, maxMessageBytes);
  try {
    socket.binaryType = "arraybuffer";
  } catch {
    // Older compatibility dates have ArrayBuffer as the only type.
  }
  socket.accept();
  return Object.defineProperty(session, "protocol", { value: protocol });
}

function refused(response: Response): TransportError {
  // Nobody reads it; that a body which failed cannot be cancelled harms nobody.
  response.body?.cancel().catch(() => {});
  const wait = retryAfterMs(response.headers.get("retry-after") ?? undefined, Date.now());
  return failed(`status ${response.status}`, {
    status: response.status,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function failed(why: string, facts: Partial<SessionEnd>): TransportError {
  return new TransportError("connect_failed", `Cannot connect: ${why}`, {
    end: { code: 1006, reason: "", clean: false, origin: "handshake", ...facts },
  });
}

/** The platform: `fetch` as its dial, clock, executor and randomness. */
export function workerd(options: WorkerdOptions = {}): Runtime {
  return {
    clock: systemClock,
    spawn: executor({ started: (ended) => options.waitUntil?.(ended) }),
    random: Math.random,
    connector: leaf,
  };
}

/** Gives the connection at once, in phase `connecting`. See {@link Entry.open}. */
export const open: Entry["open"] = /* @__PURE__ */ opener(() => workerd());

/** Connects, and resolves at the first healthy session. See {@link Entry.connect}. */
export const connect: Entry["connect"] = /* @__PURE__ */ connecter(open);
