/**
 * The tcp leaf: a WebSocket client of our own over a stream of bytes. It behaves the same on every runtime because only the byte
 * transport differs, and it sees what native sockets hide: status and `Retry-After`, pings, the moment a frame was read.
 *
 * ```text
 *   connect -> [CONNECT tunnel -> TLS] -> request ........ head -> session
 *      every arrow ends early on: abort (the caller's deadline), end of the stream, a limit
 * ```
 *
 * A dial has no clock of its own: the caller's signal is its deadline, and destroys the socket.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { SessionEnd, WsConnection } from "../contract/connection.ts";
import type { Capabilities, ConnectContext, WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { type Handshake, wireHandshake } from "../contract/handshake.ts";
import { handshakeKey, handshakeRequest, tunnelRequest } from "../rfc6455/handshake_request.ts";
import { judgeResponse, type Refused } from "../rfc6455/handshake_response.ts";
import { type HttpHead, HttpHeadReader } from "../rfc6455/http_head.ts";
import { retryAfterMs } from "../rfc6455/retry_after.ts";
import {
  hostOf,
  type ResolvedTcpOptions,
  resolveTcpOptions,
  type TcpOptions,
} from "./tcp_options.ts";
import type { TcpSeams } from "./tcp_seams.ts";
import { TcpSession } from "./tcp_session.ts";
import type { ByteLink, ByteReceiver, ByteTransport, TlsSettings } from "./tcp_transport.ts";

/**
 * Makes the leaf.
 *
 * @param transport Where bytes come from and go to.
 * @param options See {@link TcpOptions}.
 * @param seams Time, randomness, text.
 * @throws {TransportError} `invalid_options` with every problem; `unsupported`, if the transport cannot do what an option asks for.
 */
export function tcpLeaf(
  transport: ByteTransport,
  options: TcpOptions,
  seams: TcpSeams,
): WsConnector {
  const resolved = resolveTcpOptions(options);
  if (options.tls !== undefined && !transport.tls) {
    throw new TransportError("unsupported", "Cannot make the tcp leaf: transport has no TLS");
  }
  const capabilities: Capabilities = Object.freeze({
    headers: true,
    handshakeStatus: "exact",
    ping: true,
    seePing: true,
    terminate: true,
    maxMessageBytes: resolved.maxMessageBytes,
    wireDials: 1,
    recvAxis: false,
  });
  return {
    capabilities,
    connect: (handshake, context) => dial(transport, resolved, seams, handshake, context),
  };
}

/** Where bytes go at this moment of the dial; set anew at each step. */
class Switch implements ByteReceiver {
  #to: ByteReceiver = { bytes() {}, drained() {}, ended() {} };
  #ended: { readonly cause: unknown } | undefined;

  /** Directs what follows, and an end that has been. */
  to(receiver: ByteReceiver): void {
    this.#to = receiver;
    if (this.#ended) receiver.ended(this.#ended.cause);
  }

  bytes(chunk: Uint8Array<ArrayBuffer>): void {
    this.#to.bytes(chunk);
  }

  drained(): void {
    this.#to.drained();
  }

  ended(cause?: unknown): void {
    this.#ended = { cause };
    this.#to.ended(cause);
  }
}

async function dial(
  transport: ByteTransport,
  options: ResolvedTcpOptions,
  seams: TcpSeams,
  given: Handshake,
  context: ConnectContext,
): Promise<WsConnection> {
  const handshake = wireHandshake(given, { name: "tcp", headers: true });
  const { signal } = context;
  signal.throwIfAborted();
  const { url } = handshake;
  const secure = url.protocol === "wss:";
  const { proxy } = options;
  if (secure && (!transport.tls || (proxy && !transport.secure))) {
    const what = proxy ? "TLS through a proxy" : "TLS";
    throw new TransportError("unsupported", `Cannot connect: transport has no ${what}`);
  }
  const key = handshakeKey(seams.fillRandom);
  const request = handshakeRequest(handshake, key);
  const host = hostOf(url);
  const port = url.port !== "" ? Number(url.port) : secure ? 443 : 80;
  const tls = secure ? tlsOf(options, host) : undefined;

  const receiver = new Switch();
  let link: ByteLink | undefined;
  const stopListening = onAbort(signal, () => link?.destroy());
  try {
    if (proxy) {
      const at = { host: proxy.host, port: proxy.port, ...(tls ? { tunnel: tls } : {}) };
      link = await transport.connect(at, receiver, signal).catch(connectFailure(signal));
      await openTunnel(link, receiver, options, seams, { host, port, secure, signal });
      if (tls) {
        link = await transport.secure!(link, tls, receiver, signal).catch(connectFailure(signal));
      }
    } else {
      const at = { host, port, ...(tls ? { tls } : {}) };
      link = await transport.connect(at, receiver, signal).catch(connectFailure(signal));
    }
    signal.throwIfAborted();
    const sent = { handshake, key, request, signal };
    const session = await openSession(link, receiver, options, seams, sent);
    if (signal.aborted) session.abandon(); // in the turn of the answer: its link is destroyed
    signal.throwIfAborted();
    return session;
  } catch (error) {
    link?.destroy();
    throw error;
  } finally {
    stopListening();
  }
}

function tlsOf(options: ResolvedTcpOptions, host: string): TlsSettings {
  return { ...options.tls, serverName: options.tls.serverName ?? host };
}

const failed = (facts: Partial<SessionEnd> = {}): SessionEnd => ({
  code: 1006,
  reason: "",
  clean: false,
  origin: "handshake",
  ...facts,
});

/** How platforms say that they were told not to let this program connect: Deno by name (of an address; of a name by code, below), Node by code. */
const DENIED: ReadonlySet<unknown> = new Set([
  "NotCapable",
  "PermissionDenied",
  "ERR_ACCESS_DENIED",
]);

/** Turns what a transport rejects with into our error; an abort passes as it is. */
function connectFailure(signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted();
    const { name, code, syscall } = (cause ?? {}) as Partial<Record<string, unknown>>;
    const unasked = code === "EPERM" && syscall === "getaddrinfo"; // node:tls of Deno 2.9.5
    if (DENIED.has(name) || DENIED.has(code) || unasked) {
      const message = "Cannot connect: the platform denies this program the network";
      throw new TransportError("unsupported", message, { cause });
    }
    // A name or a code names no host; a certificate that is not trusted is something else than nobody there.
    const why = [code, name].find((told) => typeof told === "string" && told !== "Error");
    const message = `Cannot connect: ${why ?? "no connection to the host"}`;
    throw new TransportError("connect_failed", message, {
      cause,
      end: failed({ origin: "network" }),
    });
  };
}

/** Writes a request and reads the head that answers it. The bytes behind it go to `next`, in the same tick as the head. */
function exchange<T>(
  link: ByteLink,
  receiver: Switch,
  sent: {
    readonly request: Uint8Array<ArrayBuffer>;
    readonly maxHeadBytes: number;
    readonly signal: AbortSignal;
  },
  next: (head: HttpHead) => T,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const { signal } = sent;
    const head = new HttpHeadReader(sent.maxHeadBytes);
    let stopListening = () => {};
    let settled = false;
    function settle(how: () => void): void {
      settled = true;
      stopListening();
      receiver.to({ bytes() {}, drained() {}, ended() {} });
      how();
    }
    stopListening = onAbort(signal, () => settle(() => reject(signal.reason)));
    if (settled) return;
    receiver.to({
      bytes(chunk) {
        const outcome = head.push(chunk);
        if (outcome === undefined) return;
        settle(() => {
          if ("failure" in outcome) {
            return reject(
              new TransportError("protocol_error", `Cannot connect: ${outcome.failure}`, {
                end: failed(),
              }),
            );
          }
          try {
            resolve(next(outcome));
          } catch (error) {
            reject(error);
          }
        });
      },
      drained() {},
      ended(cause) {
        const error = new TransportError(
          "connect_failed",
          "Cannot connect: connection ended before the server answered",
          { ...(cause === undefined ? {} : { cause }), end: failed({ origin: "network" }) },
        );
        settle(() => reject(error));
      },
    });
    // The link may have ended before, which the receiver has then been told already.
    if (!settled) link.write([sent.request]);
  });
}

/** Asks the proxy for a tunnel. */
function openTunnel(
  link: ByteLink,
  receiver: Switch,
  options: ResolvedTcpOptions,
  seams: TcpSeams,
  to: {
    readonly host: string;
    readonly port: number;
    readonly secure: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { host, port, secure, signal } = to;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const request = tunnelRequest(authority, options.proxy!.headers);
  return exchange(
    link,
    receiver,
    { request, maxHeadBytes: options.maxHeadBytes, signal },
    (head) => {
      if (head.status < 200 || head.status > 299) {
        const wait = retryAfterMs(head.headers.get("retry-after")?.[0], seams.clock.wallNow());
        throw new TransportError(
          "connect_failed",
          `Cannot connect: proxy answered ${head.status}`,
          {
            end: failed({
              status: head.status,
              ...(wait === undefined ? {} : { retryAfterMs: wait }),
            }),
          },
        );
      }
      // A server behind the tunnel waits for us to speak first, so these bytes are the proxy's own.
      if (head.rest.length > 0) {
        throw new TransportError(
          "protocol_error",
          "Cannot connect: proxy sent data with its answer",
          {
            end: failed(),
          },
        );
      }
      if (secure) link.pause();
    },
  );
}

/** The opening handshake itself. */
function openSession(
  link: ByteLink,
  receiver: Switch,
  options: ResolvedTcpOptions,
  seams: TcpSeams,
  sent: {
    readonly handshake: Handshake;
    readonly key: string;
    readonly request: Uint8Array<ArrayBuffer>;
    readonly signal: AbortSignal;
  },
): Promise<WsConnection> {
  const { request, signal, key } = sent;
  const { protocols } = sent.handshake;
  return exchange(
    link,
    receiver,
    { request, maxHeadBytes: options.maxHeadBytes, signal },
    (head) => {
      const answer = judgeResponse(head, { key, protocols, wallNowMs: seams.clock.wallNow() });
      if (answer.type !== "accepted") throw refusal(answer);
      const session = new TcpSession(link, answer.protocol, options, seams);
      receiver.to(session.receiver);
      if (head.rest.length > 0) session.receiver.bytes(head.rest);
      return session;
    },
  );
}

function refusal(answer: Refused): TransportError {
  const { status, retryAfterMs: wait } = answer;
  const facts = answer.type === "refused"
    ? { status, ...(wait === undefined ? {} : { retryAfterMs: wait }) }
    : {};
  const code = answer.type === "refused" ? "connect_failed" : "protocol_error";
  return new TransportError(code, `Cannot connect: ${answer.reason}`, { end: failed(facts) });
}
