/**
 * A raw RFC 6455 server for fault tests, simulators and demos: nothing but `node:net` and
 * `node:tls`, so Deno, Node and Bun all run it, and nothing between a test and the bytes.
 *
 * ```ts ignore
 * const server = await startRawServer({
 *   secure: true,                              // wss:, with the certificate in tests/support/tls
 *   onPeer(peer) {                             // one call per request head
 *     if (peer.request.url.pathname === "/401") return peer.refuse(401);
 *     peer.accept({ extra: frame(OPCODE.text, "hello") }); // with the 101, in one segment
 *     peer.onText = (text) => peer.sendText(text, { fragments: 3 });
 *     peer.onClose = (code) => console.log(code);
 *   },
 * });
 * server.url;                                  // "wss://127.0.0.1:PORT/"
 * server.counters;                             // { tcp, requests, handshakes, open }
 * const peer = await server.accepted();        // the next connection that is accepted
 * peer.stopWriting();                          // half-open; stopReading() for back-pressure
 * await peer.flood(100_000, (i) => `tick ${i}`);
 * peer.reset();                                // RST; fin() for FIN without a Close frame
 * await peer.closed;                           // { code, reason, error? }
 * await server.close();                        // gives every socket and timer back
 * ```
 *
 * A handler that neither accepts nor refuses leaves the request open; `peer.hang()` says so on
 * purpose. What a peer can do is in `raw/peer.ts`, frames and their faults in `raw/frames.ts`.
 *
 * @module
 */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { RawPeer } from "./raw/peer.ts";
import { HeadCollector, parseRequestHead } from "./raw/request_head.ts";
import { SERVER_CERTIFICATE, SERVER_KEY } from "./tls/certificates.ts";

export { closeFrame, frame, joined, message, OPCODE } from "./raw/frames.ts";
export type { FrameOptions, MessageOptions } from "./raw/frames.ts";
export { RawPeer } from "./raw/peer.ts";
export type { AcceptOptions } from "./raw/answers.ts";
export type { Arrival, CloseOptions, PeerEnd } from "./raw/peer.ts";
export type { RequestHead } from "./raw/request_head.ts";
export { CA_CERTIFICATE } from "./tls/certificates.ts";

/** What {@link startRawServer} takes. */
export interface RawServerOptions {
  /**
   * Decides about each request. A handler that throws or rejects resets the connection and makes
   * `close()` reject with that error.
   */
  readonly onPeer: (peer: RawPeer) => void | Promise<void>;
  /** Speaks TLS, with the certificate for localhost and 127.0.0.1. @default {false} */
  readonly secure?: boolean;
  /** What TLS offers by ALPN; an empty list for no such extension. @default {["http/1.1"]} */
  readonly alpnProtocols?: readonly string[];
  /** The port; zero for a free one. A number is for a server that comes back. @default {0} */
  readonly port?: number;
  /** Before the first byte: take the connection, let it hang there, or reset it. */
  readonly onTcp?: () => "take" | "hang" | "reset";
}

/** Running totals, and `open`, which is a level. */
export interface RawServerCounters {
  /** TCP connections that the server took. */
  readonly tcp: number;
  /** Request heads that arrived whole, WebSocket or not. */
  readonly requests: number;
  /** Requests for a WebSocket, accepted or not. */
  readonly handshakes: number;
  /** TCP connections that are open now. */
  readonly open: number;
}

/** A running server. */
export interface RawServer {
  /** `ws://127.0.0.1:PORT/`, or `wss:`. */
  readonly url: string;
  /** The same as `http:` or `https:`. */
  readonly httpUrl: string;
  readonly port: number;
  readonly counters: RawServerCounters;
  /** The peers whose connection is open, in the order of their requests. */
  readonly peers: ReadonlySet<RawPeer>;
  /** The next peer that is accepted; one that nobody has asked for before is kept. */
  accepted(): Promise<RawPeer>;
  /** Stops to listen and destroys what is open; resolves when all of it has gone. */
  close(): Promise<void>;
}

/** Over TLS, a connection from which nothing has come after so many milliseconds is given up. */
const TLS_REQUEST_MS = 10_000;

/** Starts a server on 127.0.0.1. */
export async function startRawServer(options: RawServerOptions): Promise<RawServer> {
  const { onPeer, secure = false, alpnProtocols = ["http/1.1"], port = 0, onTcp } = options;
  const counters = { tcp: 0, requests: 0, handshakes: 0, open: 0 };
  const peers = new Set<RawPeer>();
  const sockets = new Map<Socket, Promise<void>>();
  const acceptedPeers: RawPeer[] = [];
  const askers: ((peer: RawPeer) => void)[] = [];
  const failures: unknown[] = [];

  async function decide(peer: RawPeer): Promise<void> {
    peers.add(peer);
    void peer.closed.then(() => peers.delete(peer));
    try {
      await onPeer(peer);
    } catch (error) {
      failures.push(error);
      peer.reset();
    }
    if (!peer.accepted) return;
    const asker = askers.shift();
    if (asker) asker(peer);
    else acceptedPeers.push(peer);
  }

  function readRequest(socket: Socket, tcp: Socket): void {
    const collector = new HeadCollector();
    let peer: RawPeer | undefined;
    socket.on("data", (chunk: Uint8Array) => {
      if (peer !== undefined) return peer.receive(chunk);
      const head = collector.push(chunk);
      if (head === undefined) return;
      const request = head === "too long" ? undefined : parseRequestHead(head.text);
      if (head === "too long" || request === undefined) {
        socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      counters.requests++;
      if (request.upgrade) counters.handshakes++;
      peer = new RawPeer(socket, tcp, request, secure);
      if (head.rest.length > 0) peer.receive(head.rest);
      void decide(peer);
    });
    socket.on("end", () => peer === undefined ? socket.destroy() : peer.receiveEnd());
  }

  function track(socket: Socket): Promise<void> {
    // Errors end in "close", which is what counts; a peer notes them.
    socket.on("error", () => {});
    const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    sockets.set(socket, gone);
    void gone.then(() => sockets.delete(socket));
    return gone;
  }

  const listener = createServer({ allowHalfOpen: true }, (tcp: Socket) => {
    counters.tcp++;
    counters.open++;
    void track(tcp).then(() => counters.open--);
    const wish = onTcp?.() ?? "take";
    if (wish === "reset") return void tcp.resetAndDestroy();
    if (wish === "hang") {
      tcp.on("end", () => tcp.destroy());
      return void tcp.resume();
    }
    if (!secure) return readRequest(tcp, tcp);
    const socket = new TLSSocket(tcp, {
      isServer: true,
      key: SERVER_KEY,
      cert: SERVER_CERTIFICATE,
      ...(alpnProtocols.length > 0 ? { ALPNProtocols: [...alpnProtocols] } : {}),
    });
    // Node's TLS does not always tell when the client has gone within the TLS handshake (seen with 24.21.0).
    const deadline = setTimeout(() => socket.destroy(), TLS_REQUEST_MS);
    socket.once("data", () => clearTimeout(deadline));
    void track(socket).then(() => {
      clearTimeout(deadline);
      tcp.destroy();
    });
    tcp.once("close", () => socket.destroy());
    readRequest(socket, tcp);
  });

  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = listener.address() as AddressInfo;
  return {
    url: `${secure ? "wss" : "ws"}://127.0.0.1:${taken}/`,
    httpUrl: `${secure ? "https" : "http"}://127.0.0.1:${taken}/`,
    port: taken,
    counters,
    peers,
    accepted() {
      const peer = acceptedPeers.shift();
      if (peer !== undefined) return Promise.resolve(peer);
      return new Promise((resolve) => askers.push(resolve));
    },
    async close() {
      const stopped = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const socket of sockets.keys()) socket.destroy();
      await Promise.all(sockets.values());
      await stopped;
      if (failures.length > 0) throw failures[0];
    },
  };
}
