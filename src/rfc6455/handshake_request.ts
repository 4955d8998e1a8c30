/**
 * The opening handshake of the client (section 4.1), and the request that opens a tunnel through a proxy (RFC 9110, section 9.3.6).
 *
 * @module
 */
import type { Handshake } from "../contract/handshake.ts";

/** Fields that the request writes itself; a caller's own would corrupt it. */
const own: ReadonlySet<string> = new Set(["host", "upgrade", "connection"]);
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/;
// deno-lint-ignore no-control-regex -- it is control characters that must be kept out
const unsafe = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;
// deno-lint-ignore no-control-regex -- as above, and no space: the target stands in the request line
const unsafeTarget = /[\x00-\x20\x7f]|[^\x00-\x7f]/;

/** Base64 (RFC 4648, section 4) of the bytes. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The value of `Sec-WebSocket-Key`: 16 fresh random bytes per dial, in base64. */
export function handshakeKey(fill: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const nonce = new Uint8Array(16);
  fill(nonce);
  return base64(nonce);
}

/** Adds one field, or throws: a line end inside a value would begin a field, or a request, of its own. */
function field(name: string, value: string): string {
  if (!fieldName.test(name)) throw new TypeError("Cannot send header: its name is not a token");
  if (unsafe.test(value)) {
    throw new TypeError(`Cannot send header ${name}: its value has forbidden characters`);
  }
  return `${name}: ${value}\r\n`;
}

/** HTTP field text to bytes, one byte per char. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Writes the request. The handshake is one that `wireHandshake()` made: userinfo is a header already.
 *
 * @param handshake Url, subprotocols and headers.
 * @param key The value of `Sec-WebSocket-Key`.
 * @throws {TypeError} If something in the handshake cannot be put on the wire safely. Nothing is sent then.
 */
export function handshakeRequest(handshake: Handshake, key: string): Uint8Array<ArrayBuffer> {
  const { url, protocols, headers } = handshake;
  const target = `${url.pathname === "" ? "/" : url.pathname}${url.search}`;
  if (!target.startsWith("/") || unsafeTarget.test(target)) {
    throw new TypeError("Cannot connect: url cannot be put on a request line");
  }
  let text = `GET ${target} HTTP/1.1\r\n` + field("Host", url.host) +
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" + field("Sec-WebSocket-Key", key) +
    "Sec-WebSocket-Version: 13\r\n";
  if (protocols.length > 0) text += field("Sec-WebSocket-Protocol", protocols.join(", "));
  for (const [name, value] of headers) {
    if (own.has(name) || name.startsWith("sec-websocket-")) {
      throw new TypeError(`Cannot set header ${name}: it belongs to the handshake itself`);
    }
    text += field(name, value);
  }
  return bytesOf(text + "\r\n");
}

/**
 * Writes the request for a tunnel.
 *
 * @param authority Host and port that the tunnel leads to; a bracketed host for IPv6.
 * @param headers Fields for the proxy, such as `Proxy-Authorization`.
 * @throws {TypeError} If something cannot be put on the wire safely.
 */
export function tunnelRequest(authority: string, headers: Headers): Uint8Array<ArrayBuffer> {
  if (unsafeTarget.test(authority)) {
    throw new TypeError("Cannot connect: host cannot be put on a request line");
  }
  let text = `CONNECT ${authority} HTTP/1.1\r\n` + field("Host", authority);
  for (const [name, value] of headers) text += field(name, value);
  return bytesOf(text + "\r\n");
}
