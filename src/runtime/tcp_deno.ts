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
import { platformSeams } from "./tcp_seams.ts";
import { bufferText } from "./tcp_text.ts";
import type { ByteLink, ByteReceiver, ByteTransport, TlsSettings } from "./tcp_transport.ts";
import { WriteQueue } from "./tcp_write_queue.ts";

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
  return {
    tls: true,
    async connect(address, receiver, signal) {
      const { host: hostname, port, tls, tunnel } = address;
      if ((tls ?? tunnel)?.cert !== undefined) return viaNode.connect(address, receiver, signal);
      const conn = await connectTcp({ hostname, port }, signal);
      conn.setNoDelay(true);
      if (!tls) return new DenoLink(conn, receiver, turn);
      return new DenoLink(await startTls(conn, tls, signal), receiver, turn);
    },
    async secure(link, tls, receiver, signal) {
      if (!(link instanceof DenoLink)) return viaNode.secure!(link, tls, receiver, signal);
      const conn = link.detach() as TcpConn;
      return new DenoLink(await startTls(conn, tls, signal), receiver, turn);
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

class DenoLink implements ByteLink {
  readonly #conn: Conn;
  readonly #receiver: ByteReceiver;
  readonly #turn: (callback: () => void) => void;
  readonly #queue: WriteQueue;
  #over = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(conn: Conn, receiver: ByteReceiver, turn: (callback: () => void) => void) {
    this.#conn = conn;
    this.#receiver = receiver;
    this.#turn = turn;
    this.#queue = new WriteQueue((chunk) => this.#write(chunk), {
      drained: () => receiver.drained(),
      failed: (cause) => this.#end(cause),
    });
    void this.#read();
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#queue.push(chunks);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
    this.#wake = undefined;
  }

  end(): void {
    this.#queue.whenEmpty(() => {
      // A peer that is gone already makes this fail; the read loop says so too.
      if (!this.#over) this.#conn.closeWrite().catch(() => {});
    });
  }

  destroy(): void {
    if (!this.#over) {
      this.#over = true;
      this.#close();
    }
  }

  /** Gives the connection away. The link is paused, so no read is under way. */
  detach(): Conn {
    this.#over = true;
    this.#queue.stop();
    this.resume();
    return this.#conn;
  }

  #close(): void {
    this.#queue.stop();
    this.#conn.close();
    this.resume();
  }

  #end(cause?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#close();
    this.#receiver.ended(cause);
  }

  async #write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    let written = await this.#conn.write(chunk);
    while (written < chunk.length) written += await this.#conn.write(chunk.subarray(written));
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(FIRST_READ_BYTES);
    try {
      for (;;) {
        if (this.#paused) await new Promise<void>((resolve) => this.#wake = resolve);
        if (this.#over) return;
        const bytes = await this.#conn.read(buffer);
        if (this.#over) return;
        if (bytes === null) return this.#end();
        this.#receiver.bytes(buffer.subarray(0, bytes));
        if (bytes >= BURST_BYTES) await new Promise<void>(this.#turn);
        if (bytes === buffer.length && bytes < LARGEST_READ_BYTES) {
          buffer = new Uint8Array(2 * bytes);
        }
      }
    } catch (cause) {
      this.#end(cause);
    }
  }
}
