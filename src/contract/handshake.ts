/**
 * The handshake: what one dial says to the server, and the checks that every leaf does before any I/O.
 *
 * @module
 */
import { TransportError } from "./errors.ts";

/** Url, subprotocols and headers of one dial. Each dial has a fresh one, which the auth source may change. */
export interface Handshake {
  /** Where to. */
  url: URL;
  /** Offered subprotocols, most wanted first. */
  protocols: string[];
  /** Request headers. */
  headers: Headers;
}

/** Request headers, in each form that `new Headers()` takes. */
export type HeadersLike = Headers | Iterable<readonly string[]> | Readonly<Record<string, string>>;

/** What a handshake is made of. */
export interface HandshakeInit {
  /** Where to: `ws:`, `wss:`, `http:` or `https:`. */
  readonly url: string | URL;
  /** Offered subprotocols, most wanted first. @default {[]} */
  readonly protocols?: readonly string[];
  /** Request headers. @default {none} */
  readonly headers?: HeadersLike;
}

/** Headers that belong to the handshake itself; platforms ignore, override or corrupt them, so we refuse them. */
const reserved: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "upgrade",
  "transfer-encoding",
  "content-length",
  "keep-alive",
  "expect",
]);

/** RFC 9110, section 5.6.2: what a subprotocol name is made of. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What is wrong with a handshake: a TypeError that can be told from others, as a `fetch` that fails throws one as well. */
class HandshakeError extends TypeError {}

/** Whether this is what a handshake was refused for, before any I/O; its message holds no secret. */
export function isHandshakeError(error: unknown): error is TypeError {
  return error instanceof HandshakeError;
}

/**
 * Makes a fresh handshake and checks it.
 *
 * @throws {TypeError} If url, a subprotocol or a header is not one.
 */
export function handshakeOf(init: HandshakeInit): Handshake {
  const handshake = {
    url: urlOf(init.url),
    protocols: [...init.protocols ?? []],
    headers: headersOf(init.headers),
  };
  checkHandshake(handshake);
  return handshake;
}

/**
 * A fresh copy of headers. What platforms say of a header that is not one holds its value, which may be a secret; this does not.
 *
 * @throws {TypeError} If a name or a value cannot be sent.
 */
export function headersOf(init: HeadersLike | undefined): Headers {
  const headers = new Headers();
  if (init === undefined) return headers;
  if (typeof init !== "object" || init === null) {
    throw new HandshakeError("Cannot set headers: neither Headers, pairs nor an object");
  }
  const pairs: Iterable<readonly string[]> = Symbol.iterator in init ? init : Object.entries(init);
  for (const pair of pairs) {
    const [name = "", value = ""] = pair;
    try {
      if (pair.length !== 2) throw new TypeError("not a pair");
      headers.append(name, value);
    } catch {
      throw new HandshakeError(
        `Cannot set header ${JSON.stringify(name)}: name or value is invalid`,
      );
    }
  }
  return headers;
}

/** The url of a dial, as `ws:` or `wss:`. The message of the error does not hold the url, which may hold a secret. */
function urlOf(value: string | URL): URL {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new HandshakeError("Cannot connect: url is not an absolute URL");
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  return url;
}

/**
 * Checks a handshake as it is about to be dialled, after the auth source had it.
 *
 * @throws {TypeError} If url, a subprotocol or a header is not one.
 */
export function checkHandshake(handshake: Handshake): void {
  const { url, protocols, headers } = handshake;
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new HandshakeError(
      `Cannot connect: url has the scheme ${url.protocol} instead of ws: or wss:`,
    );
  }
  // An empty fragment is one too, and `hash` does not show it.
  if (url.href.includes("#")) throw new HandshakeError("Cannot connect: url has a fragment");
  for (const [index, protocol] of protocols.entries()) {
    // By its place: where a browser is the client, the subprotocol is where credentials go.
    const which = `subprotocol ${index + 1} of ${protocols.length}`;
    if (typeof protocol !== "string" || !token.test(protocol)) {
      throw new HandshakeError(`Cannot connect: ${which} is not a token`);
    }
    if (protocols.indexOf(protocol) < index) {
      throw new HandshakeError(`Cannot connect: ${which} is listed twice`);
    }
  }
  for (const name of headers.keys()) {
    if (reserved.has(name) || name.startsWith("sec-websocket-")) {
      throw new HandshakeError(`Cannot set header ${name}: it belongs to the handshake itself`);
    }
  }
  if ((url.username !== "" || url.password !== "") && headers.has("authorization")) {
    throw new HandshakeError("Cannot connect: url has a user and there is an authorization header");
  }
}

/**
 * The handshake as a leaf puts it on the wire: userinfo of the url has become an `Authorization` header (two of five platforms
 * drop it silently), and headers are there only where the leaf can send them.
 *
 * @throws {TypeError} As {@link checkHandshake}.
 * @throws {TransportError} `unsupported`, if there are headers and the leaf cannot send any.
 */
export function wireHandshake(
  handshake: Handshake,
  leaf: { readonly name: string; readonly headers: boolean },
): Handshake {
  checkHandshake(handshake);
  const url = new URL(handshake.url);
  const headers = new Headers(handshake.headers);
  const basic = basicOf(url);
  if (basic !== undefined) headers.set("authorization", basic);
  url.username = url.password = "";
  if (!leaf.headers) refuseHeaders(headers, `the ${leaf.name} leaf`);
  return { url, protocols: [...handshake.protocols], headers };
}

/** @throws {TransportError} `unsupported`, if there is a header, as `who` cannot send any. */
export function refuseHeaders(headers: Headers, who: string): void {
  const names = [...headers.keys()];
  if (names.length === 0) return;
  throw new TransportError(
    "unsupported",
    `Cannot send header ${names.join(", ")}: ${who} has no headers; ` +
      "the subpaths ./deno, ./node, ./bun and ./workerd have",
  );
}

/**
 * The userinfo of a url as credentials in a header, if it has any.
 *
 * @throws {TypeError} If it is not percent-encoded UTF-8.
 */
export function basicOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  let user: string;
  try {
    user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw new HandshakeError("Cannot connect: the user of the url is not percent-encoded UTF-8");
  }
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(user)))}`;
}

/**
 * Checks the subprotocol that the server chose, which two platforms leave to us.
 *
 * @throws {TransportError} `protocol_error`, if it was not offered, or some were offered and none was chosen.
 */
export function checkProtocol(offered: readonly string[], chosen: string): void {
  if (chosen === "" ? offered.length === 0 : offered.includes(chosen)) return;
  throw new TransportError(
    "protocol_error",
    chosen === ""
      ? "Cannot connect: the server chose none of the offered subprotocols"
      : "Cannot connect: the server chose a subprotocol that was not offered",
  );
}

/** A url as it may be shown: without user, password and query. */
export function redactedUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?..."}`;
}
