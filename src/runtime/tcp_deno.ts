/**
 * Bytes over `Deno.connect`.
 *
 * - Deno's TLS connection has no switch for Nagle's algorithm, so the TCP connection is made first, set to no delay, and TLS begun on it.
 * - A read that is ready resolves within microtasks; a loop over it starves everything else. After each larger read comes a macrotask.
 * - `conn.readable` is avoided: it costs memory per connection and milliseconds at the 99th percentile.
 * - `Deno.startTls` takes no client certificate (Deno 2.9); dials that have one go through `node:tls`.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { WsConnector } from "../contract/connector.ts";
import { tcpLeaf } from "./tcp_leaf.ts";
import { nodeTransport } from "./tcp_node.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { type BytePipe, PulledLink } from "./tcp_pulled_link.ts";
import { platformSeams } from "./tcp_seams.ts";
import { bufferText } from "./tcp_text.ts";
import type { ByteReceiver, ByteTransport, TlsSettings } from "./tcp_transport.ts";

/** What is used of a `Deno.Conn`. */
interface Conn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  closeWrite(): Promise<void>;
}

interface TcpConn extends Conn {
  setNoDelay(on?: boolean): void;
}

interface TlsConn extends Conn {
  handshake(): Promise<unknown>;
}

/** What is used of `Deno`; its types are not there when others read this file. */
interface DenoNet {
  connect(to: { hostname: string; port: number; signal: AbortSignal }): Promise<TcpConn>;
  startTls(
    conn: TcpConn,
    options: { hostname: string; caCerts: string[]; alpnProtocols: string[] },
  ): Promise<TlsConn>;
}

const net = (globalThis as unknown as { Deno: DenoNet }).Deno;

/** Reads of this size are the sign of a burst. */
const BURST_BYTES = 8_192;
/** The read buffer grows to the largest as full reads show need. */
const FIRST_READ_BYTES = 8_192;
const LARGEST_READ_BYTES = 131_072;

/**
 * The tcp leaf of Deno. It needs `--allow-net`.
 *
 * @throws {TransportError} `invalid_options`, with every problem.
 */
export function tcp(options: TcpOptions = {}): WsConnector {
  const seams = { ...platformSeams, text: bufferText() };
  return tcpLeaf(denoTransport(seams.clock.turn), options, seams);
}

/**
 * The transport.
 *
 * @param turn Calls back in the next macrotask.
 */
export function denoTransport(turn: (callback: () => void) => void): ByteTransport {
  const viaNode = nodeTransport();
  const link = (conn: Conn, receiver: ByteReceiver) =>
    new PulledLink(new DenoPipe(conn, turn), receiver);
  return {
    tls: true,
    async connect(address, receiver, signal) {
      const { host: hostname, port, tls, tunnel } = address;
      if ((tls ?? tunnel)?.cert !== undefined) return viaNode.connect(address, receiver, signal);
      const conn = await connectTcp({ hostname, port }, signal);
      conn.setNoDelay(true);
      return link(tls ? await startTls(conn, tls, signal) : conn, receiver);
    },
    async secure(plain, tls, receiver, signal) {
      if (!(plain instanceof PulledLink)) return viaNode.secure!(plain, tls, receiver, signal);
      const { conn } = (plain as PulledLink<DenoPipe>).detach();
      return link(await startTls(conn as TcpConn, tls, signal), receiver);
    },
  };
}

/**
 * `Deno.connect` loses a connection that opened in the turn of the abort: it looks at the signal once more before it hands the connection over, and
 * throws it away without closing it (2.9.5: up to one of ten dials that are aborted while they open). So its signal never says that it is aborted
 * in so many words; what opens all the same is closed here.
 */
async function connectTcp(
  to: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<TcpConn> {
  const inner = new AbortController();
  Object.defineProperty(inner.signal, "throwIfAborted", { value: () => {} });
  const stopListening = onAbort(signal, () => inner.abort(signal.reason));
  try {
    const conn = await net.connect({ ...to, signal: inner.signal });
    if (signal.aborted) conn.close();
    return conn;
  } finally {
    stopListening();
    signal.throwIfAborted();
  }
}

async function startTls(conn: TcpConn, tls: TlsSettings, signal: AbortSignal): Promise<TlsConn> {
  const secured = await net.startTls(conn, {
    hostname: tls.serverName,
    caCerts: [...tls.ca],
    alpnProtocols: ["http/1.1"],
  });
  const stopListening = onAbort(signal, () => secured.close());
  try {
    await secured.handshake();
    signal.throwIfAborted();
    return secured;
  } catch (error) {
    signal.throwIfAborted(); // then it is closed already
    secured.close();
    throw error;
  } finally {
    stopListening();
  }
}

class DenoPipe implements BytePipe {
  readonly conn: Conn;
  readonly #turn: (callback: () => void) => void;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_READ_BYTES);

  constructor(conn: Conn, turn: (callback: () => void) => void) {
    this.conn = conn;
    this.#turn = turn;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await this.conn.read(this.#buffer);
    return bytes === null ? undefined : this.#buffer.subarray(0, bytes);
  }

  rest(bytes: number): Promise<void> | undefined {
    if (bytes === this.#buffer.length && bytes < LARGEST_READ_BYTES) {
      this.#buffer = new Uint8Array(2 * bytes);
    }
    return bytes >= BURST_BYTES ? new Promise(this.#turn) : undefined;
  }

  async write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    let written = await this.conn.write(chunk);
    while (written < chunk.length) written += await this.conn.write(chunk.subarray(written));
  }

  end(): Promise<void> {
    return this.conn.closeWrite();
  }

  close(): void {
    this.conn.close();
  }
}
