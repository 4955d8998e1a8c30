/**
 * Bytes over `node:net` and `node:tls`, for Node (and for dials on Bun, proxies there, and TLS on Deno).
 *
 * Sockets read into one buffer that all of them share: the callback is synchronous, and the reader has used the bytes when it returns.
 * That is faster than 'data' events and takes no memory per connection. A TLS socket over a tunnel cannot do so and uses events.
 *
 * @module
 */
import { connect as tcpConnect, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  checkServerIdentity,
  connect as tlsConnect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
} from "node:tls";
import { onAbort } from "../contract/abort.ts";
import type { WsConnector } from "../contract/connector.ts";
import { tcpLeaf } from "./tcp_leaf.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { platformSeams } from "./tcp_seams.ts";
import { bufferText } from "./tcp_text.ts";
import type { ByteLink, ByteReceiver, ByteTransport, TlsSettings } from "./tcp_transport.ts";

const READ_BYTES = 262_144;
let shared: Uint8Array<ArrayBuffer> | undefined;

/** One context per set of certificates: making it parses them. */
const contexts = new WeakMap<readonly string[], SecureContext>();

function contextOf(tls: TlsSettings): SecureContext {
  let context = contexts.get(tls.ca);
  if (!context) {
    const { ca, cert, key } = tls;
    context = createSecureContext({
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    // Its option `ca` replaces the authorities of the platform, and those of its command line and environment (NODE_EXTRA_CA_CERTS).
    for (const pem of ca) context.context.addCACert(pem);
    contexts.set(ca, context);
  }
  return context;
}

function tlsOptions(tls: TlsSettings): ConnectionOptions {
  const { serverName } = tls;
  return {
    // An IP address is no server name (RFC 6066, section 3), and the host need not be the one that is to be checked.
    ...(isIP(serverName)
      ? { checkServerIdentity: (_, cert) => checkServerIdentity(serverName, cert) }
      : { servername: serverName }),
    ALPNProtocols: ["http/1.1"],
    secureContext: contextOf(tls),
  };
}

/** Makes another link of a connected socket, from which none of its bytes has been read. */
export type Adopt = (socket: Socket, receiver: ByteReceiver) => ByteLink | undefined;

interface OnRead {
  readonly buffer: Uint8Array;
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/**
 * The tcp leaf of Node.
 *
 * @throws {TransportError} `invalid_options`, with every problem.
 */
export function tcp(options: TcpOptions = {}): WsConnector {
  const seams = { ...platformSeams, text: bufferText(), releasesWrites: true };
  return tcpLeaf(nodeTransport(), options, seams);
}

/**
 * The transport.
 *
 * @param adopt Takes over a connected socket that nothing else will be done with, or declines.
 */
export function nodeTransport(adopt: Adopt = () => undefined): ByteTransport {
  return {
    tls: true,
    connect(address, receiver, signal) {
      const { host, port, tls, tunnel } = address;
      return open(
        (onread) => {
          const common = { host, port, noDelay: true, ...(tunnel ? {} : { onread }) };
          if (!tls) return tcpConnect(common);
          return tlsConnect({ ...common, ...tlsOptions(tls) } as ConnectionOptions);
        },
        tunnel
          ? { ready: "connect", events: true }
          : { ready: tls ? "secureConnect" : "connect", events: false, adopt },
        receiver,
        signal,
      );
    },
    secure: (link, tls, receiver, signal) =>
      secureOver((link as NodeLink).detach(), tls, receiver, signal),
  };
}

/** Speaks TLS over a socket, or any other stream both ways, of which nothing has been read. */
export function secureOver(
  socket: Duplex,
  tls: TlsSettings,
  receiver: ByteReceiver,
  signal: AbortSignal,
): Promise<ByteLink> {
  return open(
    () => tlsConnect({ ...tlsOptions(tls), socket }),
    { ready: "secureConnect", events: true },
    receiver,
    signal,
  );
}

/** Waits for a socket to be ready. */
function open(
  make: (onread: OnRead) => Socket,
  how: {
    readonly ready: "connect" | "secureConnect";
    readonly events: boolean;
    readonly adopt?: Adopt;
  },
  receiver: ByteReceiver,
  signal: AbortSignal,
): Promise<ByteLink> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = make({
      buffer: shared ??= new Uint8Array(READ_BYTES),
      callback(bytes, buffer) {
        link.read(buffer.subarray(0, bytes));
        return true;
      },
    });
    const link = new NodeLink(socket, receiver, how.events);
    const stopListening = onAbort(signal, () => {
      link.destroy();
      reject(signal.reason);
    });
    link.opening = (cause) => {
      stopListening();
      link.destroy();
      reject(cause ?? new Error("Connection ended while it was opened"));
    };
    socket.once(how.ready, () => {
      stopListening();
      link.opening = undefined;
      const adopted = how.adopt?.(socket, receiver);
      if (adopted) link.detach();
      resolve(adopted ?? link);
    });
  });
}

class NodeLink implements ByteLink {
  /** Takes the end while the socket is being opened. */
  opening: ((cause: unknown) => void) | undefined;
  readonly #socket: Socket;
  readonly #receiver: ByteReceiver;
  #over = false;
  // A Buffer's slice() would be a view on it, not a copy.
  readonly #onData = ({ buffer, byteOffset, length }: Uint8Array) =>
    this.read(new Uint8Array(buffer, byteOffset, length));
  // Not 'drain', which is not said of less than the high water mark of the socket (64 KiB).
  readonly #onWritten = (cause?: unknown) => {
    if (!this.#over && !cause && this.#socket.writableLength === 0) this.#receiver.drained();
  };
  readonly #onEnd = () => this.#end();
  readonly #onError = (cause: unknown) => this.#end(cause);

  constructor(socket: Socket, receiver: ByteReceiver, events: boolean) {
    this.#socket = socket;
    this.#receiver = receiver;
    if (events) socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", this.#onError);
  }

  get bufferedBytes(): number {
    return this.#over ? 0 : this.#socket.writableLength;
  }

  read(chunk: Uint8Array): void {
    if (!this.#over) this.#receiver.bytes(chunk as Uint8Array<ArrayBuffer>);
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    if (this.#over) return;
    const socket = this.#socket;
    if (chunks.length === 1) {
      socket.write(chunks[0]!, this.#onWritten);
      return;
    }
    socket.cork();
    for (const chunk of chunks) socket.write(chunk, this.#onWritten);
    socket.uncork();
  }

  pause(): void {
    if (!this.#over) this.#socket.pause();
  }

  resume(): void {
    if (!this.#over) this.#socket.resume();
  }

  end(): void {
    if (!this.#over) this.#socket.end();
  }

  destroy(): void {
    this.#over = true;
    this.opening = undefined;
    this.#socket.destroy();
  }

  /** Gives the socket away; errors are still taken, so that none is thrown at the process. */
  detach(): Socket {
    this.#over = true;
    this.#socket.off("data", this.#onData);
    return this.#socket;
  }

  #end(cause?: unknown): void {
    if (this.#over) return;
    if (this.opening) {
      this.opening(cause);
      return;
    }
    this.#over = true;
    this.#receiver.ended(cause);
  }
}
