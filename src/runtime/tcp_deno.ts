/**
 * Bytes over `Deno.connect`.
 *
 * - TLS is that of `node:tls`, over a TCP connection of `Deno.connect`. A TLS connection of `Deno` that is closed keeps its socket for as long as the peer
 *   likes: until TLS has begun, and until what was written is read (2.9.5). A socket of `node:tls` reads on although it is paused (2.9.5).
 * - A read that is ready resolves within microtasks; a loop over it starves everything else. After each larger read comes a macrotask.
 * - `conn.readable` is avoided: it costs memory per connection and milliseconds at the 99th percentile.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { onAbort } from "../contract/abort.ts";
import type { WsConnector } from "../contract/connector.ts";
import { tcpLeaf } from "./tcp_leaf.ts";
import { secureOver } from "./tcp_node.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { type BytePipe, PulledLink } from "./tcp_pulled_link.ts";
import { platformSeams } from "./tcp_seams.ts";
import { bufferText } from "./tcp_text.ts";
import type { ByteLink, ByteReceiver, ByteTransport, TlsSettings } from "./tcp_transport.ts";

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

/** What is used of `Deno`; its types are not there when others read this file. */
interface DenoNet {
  connect(to: { hostname: string; port: number; signal: AbortSignal }): Promise<TcpConn>;
}

/** Calls back in the next macrotask. */
type Turn = (callback: () => void) => void;

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
export function denoTransport(turn: Turn): ByteTransport {
  return {
    tls: true,
    async connect(address, receiver, signal) {
      const { host: hostname, port, tls } = address;
      const conn = await connectTcp({ hostname, port }, signal);
      conn.setNoDelay(true);
      if (tls) return await TlsLink.over(new ConnDuplex(conn, turn), tls, receiver, signal);
      return new PulledLink(new DenoPipe(conn, turn), receiver);
    },
    secure(plain, tls, receiver, signal) {
      const { conn } = (plain as PulledLink<DenoPipe>).detach();
      return TlsLink.over(new ConnDuplex(conn, turn), tls, receiver, signal);
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

/** TLS of `node:tls` over a TCP connection that is read no further while the link is paused. */
class TlsLink implements ByteLink {
  readonly #conn: ConnDuplex;
  readonly #link: ByteLink;

  constructor(conn: ConnDuplex, link: ByteLink) {
    this.#conn = conn;
    this.#link = link;
  }

  static async over(
    under: ConnDuplex,
    tls: TlsSettings,
    receiver: ByteReceiver,
    signal: AbortSignal,
  ): Promise<TlsLink> {
    try {
      return new TlsLink(under, await secureOver(under, tls, receiver, signal));
    } catch (error) {
      under.destroy();
      throw error;
    }
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#link.write(chunks);
  }

  pause(): void {
    this.#conn.hold();
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
    this.#conn.goOn();
  }

  end(): void {
    this.#link.end();
  }

  destroy(): void {
    this.#link.destroy();
    this.#conn.destroy();
  }
}

/** A connection as `node:tls` wants it. */
class ConnDuplex extends Duplex {
  readonly #conn: Conn;
  readonly #turn: Turn;
  #buffer = new Uint8Array(FIRST_READ_BYTES);
  #burst = false;
  #held: PromiseWithResolvers<void> | undefined;

  constructor(conn: Conn, turn: Turn) {
    super();
    this.#conn = conn;
    this.#turn = turn;
    this.on("error", () => {}); // the TLS socket says so too
  }

  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  override async _read(): Promise<void> {
    try {
      if (this.#burst) await new Promise<void>(this.#turn);
      while (this.#held) await this.#held.promise;
      if (this.destroyed) return;
      const bytes = await this.#conn.read(this.#buffer);
      if (this.destroyed) return;
      const chunk = bytes === null ? null : this.#buffer.slice(0, bytes);
      const { length } = this.#buffer;
      if (bytes === length && length < LARGEST_READ_BYTES) {
        this.#buffer = new Uint8Array(2 * length);
      }
      this.#burst = bytes !== null && bytes >= BURST_BYTES;
      this.push(chunk);
    } catch (cause) {
      this.destroy(cause as Error);
    }
  }

  override async _write(
    chunk: Uint8Array,
    _encoding: string,
    done: () => void,
  ): Promise<void> {
    try {
      for (let at = 0; at < chunk.length;) at += await this.#conn.write(chunk.subarray(at));
    } catch {
      // Reading ends as well, behind what the peer had sent before.
    }
    done();
  }

  override _final(done: (cause?: Error) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.goOn();
    this.#conn.close();
    done(cause);
  }
}

class DenoPipe implements BytePipe {
  readonly conn: Conn;
  readonly readsOut = true;
  readonly #turn: Turn;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_READ_BYTES);

  constructor(conn: Conn, turn: Turn) {
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
