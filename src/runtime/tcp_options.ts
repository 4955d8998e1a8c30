/**
 * What the tcp leaf can be told, and its checks.
 *
 * @module
 */
import { basicOf, type HeadersLike, headersOf } from "../contract/handshake.ts";
import { OptionCheck } from "../contract/options.ts";

/** TLS options of the tcp leaf. Certificates and keys are in PEM. */
export interface TcpTlsOptions {
  /** Certificate authorities that are trusted in addition to the platform's own, such as a gateway's private one. @default {none} */
  readonly ca?: string | readonly string[];
  /** The client's own certificate chain, with {@link key}. @default {none} */
  readonly cert?: string;
  /** The private key of {@link cert}. @default {none} */
  readonly key?: string;
  /** The name that the server's certificate must have, and the SNI. @default {the host of the url} */
  readonly serverName?: string;
}

/** A proxy that opens tunnels by HTTP CONNECT. */
export interface TcpProxyOptions {
  /** Its `http:` url; user and password become `Proxy-Authorization`. */
  readonly url: string | URL;
  /** Further headers for the proxy. @default {none} */
  readonly headers?: HeadersLike;
}

/** Options of the tcp leaf. */
export interface TcpOptions {
  /** For `wss:`. @default {the platform's own authorities, no client certificate} */
  readonly tls?: TcpTlsOptions;
  /** Go through this proxy. Environment variables are not looked at. @default {none} */
  readonly proxy?: TcpProxyOptions;
  /** Largest message received, in bytes, up to 536,870,888; a larger one ends the session with 1009. @default {16_777_216} */
  readonly maxMessageBytes?: number;
  /** Longest response head accepted, in bytes. @default {16_384} */
  readonly maxHeadBytes?: number;
  /**
   * Whether text messages that arrive together are decoded together. Faster, but a kept message then keeps up to 4 KiB of its
   * neighbours in memory; `false` is for applications that hold on to a few of many small messages. @default {true}
   */
  readonly batch?: boolean;
}

/** Options with every default put in. */
export interface ResolvedTcpOptions {
  /** As {@link TcpTlsOptions}. */
  readonly tls: { readonly ca: readonly string[] } & Omit<TcpTlsOptions, "ca">;
  /** The proxy's address and headers. */
  readonly proxy:
    | { readonly host: string; readonly port: number; readonly headers: Headers }
    | undefined;
  /** As {@link TcpOptions.maxMessageBytes}. */
  readonly maxMessageBytes: number;
  /** As {@link TcpOptions.maxHeadBytes}. */
  readonly maxHeadBytes: number;
  /** As {@link TcpOptions.batch}. */
  readonly batch: boolean;
}

/** The longest string of V8, in characters. Text that is longer cannot be made one. */
const LONGEST_TEXT = 0x1fff_ffe8;

/** Host of a url without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function proxyOf(
  check: OptionCheck<TcpOptions>,
  proxy: TcpProxyOptions,
): ResolvedTcpOptions["proxy"] {
  let url: URL;
  try {
    url = new URL(proxy.url);
  } catch {
    check.note("proxy.url", proxy.url, "an absolute url");
    return undefined;
  }
  if (url.protocol !== "http:") {
    check.note("proxy.url", proxy.url, "an http: url; TLS to the proxy itself is not supported");
    return undefined;
  }
  let headers: Headers;
  try {
    headers = headersOf(proxy.headers);
  } catch {
    check.note("proxy.headers", proxy.headers, "headers");
    return undefined;
  }
  try {
    const basic = basicOf(url);
    if (basic !== undefined) headers.set("proxy-authorization", basic);
  } catch {
    check.note("proxy.url", proxy.url, "a url whose user is percent-encoded UTF-8");
  }
  return { host: hostOf(url), port: url.port === "" ? 80 : Number(url.port), headers };
}

/**
 * Checks options and puts the defaults in.
 *
 * @throws {TransportError} `invalid_options` with every problem.
 */
export function resolveTcpOptions(options: TcpOptions): ResolvedTcpOptions {
  const check = new OptionCheck(options, "tcp");
  check.within("tls").known("ca", "cert", "key", "serverName");
  check.within("proxy").known("url", "headers");
  check.known("batch");
  const maxMessageBytes = check.whole("maxMessageBytes", 16_777_216);
  if (maxMessageBytes > LONGEST_TEXT) {
    check.note("maxMessageBytes", maxMessageBytes, `at most ${LONGEST_TEXT}`);
  }
  const maxHeadBytes = check.whole("maxHeadBytes", 16_384, 256);
  const { batch = true } = options;
  const tls = options.tls ?? {};
  if (typeof batch !== "boolean") check.note("batch", batch, "true or false");
  const { ca = [], ...rest } = tls;
  const list: readonly string[] = typeof ca === "string" ? [ca] : Array.isArray(ca) ? [...ca] : [];
  if (typeof ca !== "string" && !Array.isArray(ca)) {
    check.note("tls.ca", ca, "a certificate in PEM, or an array of them");
  }
  for (const [i, pem] of list.entries()) {
    if (typeof pem !== "string") check.note(`tls.ca[${i}]`, pem, "a certificate in PEM");
  }
  for (const name of ["cert", "key", "serverName"] as const) {
    const value: unknown = rest[name];
    if (value !== undefined && typeof value !== "string") check.note(`tls.${name}`, value, "text");
  }
  if ((rest.cert === undefined) !== (rest.key === undefined)) {
    check.note("tls", tls, "without cert and key, or with both");
  }
  const proxy = options.proxy ? proxyOf(check, options.proxy) : undefined;
  check.done("make the tcp leaf");
  return { tls: { ...rest, ca: list }, proxy, maxMessageBytes, maxHeadBytes, batch };
}
