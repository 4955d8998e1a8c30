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

/** Makes the socket with `construct`, and listens to its handshake until the dial is settled. */
export function watchHandshake(construct: () => WebSocket): DialledSocket {
  let request: object | undefined;
  let transport: Message["socket"];
  let facts: DialFacts = {};
  const mine = (take: (message: Message) => void): Listener => (message) => {
    const own = message as Message;
    if (own.request !== undefined && own.request === request) take(own);
  };
  const channels: readonly (readonly [string, Listener])[] = [
    ["undici:client:sendHeaders", mine(({ socket }) => transport = socket)],
    ["undici:request:headers", mine(({ response }) => facts = factsOf(response))],
    ["undici:request:error", mine(({ error }) => facts = { ...whyOf(error), ...facts })],
  ];
  const settled = () => {
    for (const [name, listener] of channels) unsubscribe(name, listener);
  };
  for (const [name, listener] of channels) subscribe(name, listener);
  const created: Listener = (message) => request ??= (message as Message).request;
  subscribe("undici:request:create", created);
  try {
    const socket = construct();
    return {
      socket,
      settled,
      facts: () => facts,
      terminate: () => transport === undefined ? socket.close() : transport.destroy(),
    };
  } catch (error) {
    settled();
    throw error;
  } finally {
    unsubscribe("undici:request:create", created);
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
