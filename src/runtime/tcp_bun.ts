/**
 * Bytes over Bun's own sockets.
 *
 * - `node:net` and `node:tls` dial: they can be told to stop (a dial of `Bun.connect` cannot, and keeps its socket and the process until the system
 *   gives up; Bun 1.4.5), and their TLS is that of Node, checks and client certificates included.
 * - Once connected, the native socket beneath is told to call us instead (`reload()`, https://bun.com/docs/runtime/networking/tcp). A read is then one
 *   copy and one call, a write has no stream around it.
 * - Links to a proxy, and TLS through one, stay with `tcp_node.ts`, as does everything if a Bun has no such socket beneath.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { WsConnector } from "../contract/connector.ts";
import { tcpLeaf } from "./tcp_leaf.ts";
import { nodeTransport } from "./tcp_node.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { platformSeams } from "./tcp_seams.ts";
import { bufferText } from "./tcp_text.ts";
import type { ByteLink, ByteReceiver, ByteTransport } from "./tcp_transport.ts";

/** What is used of Bun's native socket; its types are not there when others read this file. */
interface BunSocket {
  reload(options: { readonly socket: BunHandlers }): void;
  /** @returns How much was taken; negative once the socket is closed. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
}

interface BunHandlers {
  readonly binaryType: "uint8array";
  data(socket: unknown, bytes: Uint8Array<ArrayBuffer>): void;
  drain(): void;
  end(): void;
  close(socket: unknown, cause?: unknown): void;
  error(socket: unknown, cause: unknown): void;
}

/**
 * The tcp leaf of Bun.
 *
 * @throws {TransportError} `invalid_options`, with every problem.
 */
export function tcp(options: TcpOptions = {}): WsConnector {
  const seams = { ...platformSeams, text: bufferText(), releasesWrites: true };
  return tcpLeaf(bunTransport(), options, seams);
}

/** The transport. */
export function bunTransport(): ByteTransport {
  return nodeTransport(bunLink);
}

/** A link over what is beneath a connected socket of `node:net`; `undefined` if that is not Bun's native socket. */
export function bunLink(socket: Socket, receiver: ByteReceiver): ByteLink | undefined {
  const native = (socket as unknown as { readonly _handle?: Partial<BunSocket> })._handle;
  for (const name of ["reload", "write", "pause", "resume", "shutdown"] as const) {
    if (typeof native?.[name] !== "function") return undefined;
  }
  return new BunLink(socket, native as BunSocket, receiver);
}

class BunLink implements ByteLink {
  /** Kept for its `destroy()`, which Node defines better than Bun its own ways to close. */
  readonly #socket: Socket;
  readonly #native: BunSocket;
  readonly #receiver: ByteReceiver;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #ending = false;
  #over = false;

  constructor(socket: Socket, native: BunSocket, receiver: ByteReceiver) {
    this.#socket = socket;
    this.#native = native;
    this.#receiver = receiver;
    native.reload({
      socket: {
        binaryType: "uint8array",
        data: (_, bytes) => {
          if (!this.#over) receiver.bytes(bytes);
        },
        drain: () => this.#drain(),
        end: () => this.#end(),
        close: (_, cause) => this.#end(cause),
        error: (_, cause) => this.#end(cause),
      },
    });
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    if (this.#over) return;
    for (const chunk of chunks) {
      const taken = this.#bytes > 0 ? 0 : Math.max(0, this.#native.write(chunk));
      if (this.#over) return; // a write that fails may say so at once
      if (taken === chunk.length) continue;
      // Bun keeps nothing of what it did not take, and calls back once it would take more.
      this.#waiting.push(taken === 0 ? chunk : chunk.subarray(taken));
      this.#bytes += chunk.length - taken;
    }
  }

  pause(): void {
    if (!this.#over) this.#native.pause();
  }

  resume(): void {
    if (!this.#over) this.#native.resume();
  }

  end(): void {
    if (this.#over) return;
    this.#ending = true;
    if (this.#bytes === 0) this.#native.shutdown();
  }

  destroy(): void {
    this.#over = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#socket.destroy();
  }

  #drain(): void {
    if (this.#over || this.#bytes === 0) return;
    const waiting = this.#waiting;
    let at = 0;
    for (; at < waiting.length; at++) {
      const chunk = waiting[at]!;
      const taken = Math.max(0, this.#native.write(chunk));
      if (this.#over) return;
      this.#bytes -= taken;
      if (taken < chunk.length) {
        waiting[at] = chunk.subarray(taken);
        break;
      }
    }
    waiting.splice(0, at);
    if (this.#bytes > 0) return;
    if (this.#ending) this.#native.shutdown();
    this.#receiver.drained();
  }

  #end(cause?: unknown): void {
    if (this.#over) return;
    this.destroy();
    this.#receiver.ended(cause);
  }
}
