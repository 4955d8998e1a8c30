/**
 * The tcp leaf over any pair of WHATWG streams: the sockets of edge workers, a tunnel of one's own, a test.
 *
 * It behaves as the tcp leaves of `./deno`, `./node` and `./bun` do; only where bytes come from and go to is yours to say.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { WsConnector } from "../contract/connector.ts";
import { tcpLeaf } from "./tcp_leaf.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { type BytePipe, PulledLink } from "./tcp_pulled_link.ts";
import { platformSeams } from "./tcp_seams.ts";
import type { ByteAddress, ByteTransport } from "./tcp_transport.ts";

export type { WsConnector } from "../contract/connector.ts";
export type { TcpOptions, TcpProxyOptions, TcpTlsOptions } from "./tcp_options.ts";
export type { ByteAddress, TlsSettings } from "./tcp_transport.ts";

/** A duplex stream of bytes. */
export interface ByteDuplex {
  /** What the peer sends. Its chunks become ours: they may be written into. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What is sent to the peer. */
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  /** Gives back what lies under the streams, if cancelling one and aborting the other does not. */
  close?(): unknown;
}

/** Opens a duplex stream to an address; with `tls` in it, one that speaks TLS. */
export type OpenByteDuplex = (
  address: ByteAddress,
  options: { readonly signal: AbortSignal },
) => ByteDuplex | Promise<ByteDuplex>;

/** Options of {@link tcpOver}. */
export interface TcpOverOptions extends Omit<TcpOptions, "tls"> {
  /** Whether the opener speaks TLS when the address asks for it; if not, `wss:` is refused before any I/O. @default {false} */
  readonly speaksTls?: boolean;
}

/**
 * The tcp leaf over streams of your own: the sockets of an edge worker, a tunnel, a serial line.
 *
 * @param open Opens a stream to an address.
 * @param options See {@link TcpOverOptions}.
 * @throws {TransportError} `invalid_options`, with every problem.
 *
 * @example
 * ```ts
 * import { tcpOver } from "@holdfast/ws/tcp";
 *
 * // Where streams come from is the platform's: here one end of a pair that leads nowhere.
 * const leaf = tcpOver(() => new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>());
 * console.log(leaf.capabilities.handshakeStatus); // exact
 * ```
 */
export function tcpOver(open: OpenByteDuplex, options: TcpOverOptions = {}): WsConnector {
  const { speaksTls = false, ...rest } = options;
  return tcpLeaf(streamTransport(open, speaksTls), rest, platformSeams);
}

function streamTransport(open: OpenByteDuplex, tls: boolean): ByteTransport {
  return {
    tls,
    async connect(address, receiver, signal) {
      const duplex = await aborting(Promise.resolve(open(address, { signal })), signal);
      return new PulledLink(new StreamPipe(duplex), receiver);
    },
  };
}

/** Waits for a stream; one that comes after the abort is closed unused. */
function aborting(opening: Promise<ByteDuplex>, signal: AbortSignal): Promise<ByteDuplex> {
  return new Promise((resolve, reject) => {
    let stopListening = () => {};
    opening.then((duplex) => {
      stopListening();
      if (signal.aborted) closeDuplex(duplex);
      else resolve(duplex);
    }, (cause) => {
      stopListening();
      reject(cause);
    });
    stopListening = onAbort(signal, () => reject(signal.reason));
  });
}

/** For what a stream says to being let go: of no interest any more. */
const ignore = () => {};

/** Lets go of a stream that nobody has locked. */
function closeDuplex(duplex: ByteDuplex): void {
  duplex.readable.cancel().catch(ignore);
  duplex.writable.abort().catch(ignore);
  giveBack(duplex);
}

/** What is under the streams may be closed already, by them, and throw. */
function giveBack(duplex: ByteDuplex): void {
  new Promise((resolve) => resolve(duplex.close?.())).catch(ignore);
}

class StreamPipe implements BytePipe {
  readonly #duplex: ByteDuplex;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor(duplex: ByteDuplex) {
    this.#duplex = duplex;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    // Errors arrive through reads and writes; an unobserved `closed` would end a process.
    this.#reader.closed.catch(ignore);
    this.#writer.closed.catch(ignore);
    this.#writer.ready.catch(ignore);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.#reader.read()).value;
  }

  write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#writer.write(chunk);
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  close(): void {
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    giveBack(this.#duplex);
  }
}
