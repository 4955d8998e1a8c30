/**
 * What Node's `WebSocket` hides and undici's diagnostics channels tell: status and headers of a refused handshake, and the socket itself.
 *
 * `undici:request:create` is published synchronously inside the constructor, so the request it names is the handshake's; the other messages are
 * matched by that identity. (Measured on Node 22, 24, 26; an AsyncLocalStorage instead loses handshakes that ride a pooled connection.)
 *
 * @module
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { retryAfterMs } from "../rfc6455/retry_after.ts";
import type { DialFacts, DialledSocket } from "./web_socket.ts";

interface Message {
  readonly request?: object;
  readonly response?: { readonly statusCode: number; readonly headers: readonly Uint8Array[] };
  readonly error?: { readonly code?: unknown };
  readonly socket?: { destroy(): void };
}

type Listener = (message: unknown) => void;

/** The handshakes under way, by their requests. */
const watched: Map<object, HandshakeWatch> = new Map();

/** A listener for the messages about one of them. */
function about(take: (watch: HandshakeWatch, message: Message) => void): Listener {
  return (message) => {
    const own = message as Message;
    const watch = own.request === undefined ? undefined : watched.get(own.request);
    if (watch !== undefined) take(watch, own);
  };
}

/** Listened to while a handshake is under way. */
const channels: readonly (readonly [string, Listener])[] = [
  ["undici:client:sendHeaders", about((watch, { socket }) => watch.transport = socket)],
  ["undici:request:headers", about((watch, { response }) => watch.seen = factsOf(response))],
  [
    "undici:request:error",
    about((watch, { error }) => watch.seen = { ...whyOf(error), ...watch.seen }),
  ],
];

const nothingSeen: DialFacts = {};

/** Makes the socket with `construct`, and listens to its handshake until the dial is settled. */
export function watchHandshake(construct: () => WebSocket): DialledSocket {
  return new HandshakeWatch(construct);
}

class HandshakeWatch implements DialledSocket {
  readonly socket: WebSocket;
  transport: Message["socket"];
  seen: DialFacts = nothingSeen;
  #request: object | undefined;

  constructor(construct: () => WebSocket) {
    const created: Listener = (message) => this.#watch((message as Message).request);
    subscribe("undici:request:create", created);
    try {
      this.socket = construct();
    } catch (error) {
      this.settled();
      throw error;
    } finally {
      unsubscribe("undici:request:create", created);
    }
  }

  facts(): DialFacts {
    return this.seen;
  }

  terminate(): void {
    if (this.transport === undefined) this.socket.close();
    else this.transport.destroy();
  }

  #watch(request: object | undefined): void {
    if (request === undefined || this.#request !== undefined) return;
    this.#request = request;
    if (watched.size === 0) { for (const [name, listener] of channels) subscribe(name, listener); }
    watched.set(request, this);
  }

  settled(): void {
    if (this.#request === undefined || !watched.delete(this.#request)) return;
    this.#request = undefined;
    if (watched.size > 0) return;
    for (const [name, listener] of channels) unsubscribe(name, listener);
  }
}

function factsOf(response: Message["response"]): DialFacts {
  if (response === undefined || response.statusCode === 101) return {};
  const text = new TextDecoder("latin1");
  const { headers } = response;
  let retry: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (text.decode(headers[i]!).toLowerCase() === "retry-after") {
      retry = text.decode(headers[i + 1]!);
    }
  }
  const wait = retryAfterMs(retry, Date.now());
  return { status: response.statusCode, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
}

/** A system error code such as ECONNREFUSED; the message would name the host. */
function whyOf(error: Message["error"]): DialFacts {
  return typeof error?.code === "string" ? { why: error.code } : {};
}
