/**
 * A client that knows nothing of WebSocket: it sends bytes and collects what comes back. For tests
 * of the raw server itself.
 *
 * @module
 */
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { CA_CERTIFICATE } from "../tls/certificates.ts";
import { joined } from "./frames.ts";

/** The key of the example in RFC 6455, section 1.3. */
export const EXAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** An opening request with the example key. */
export function openingRequest(path = "/", headers: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${EXAMPLE_KEY}`,
    "Sec-WebSocket-Version: 13",
    ...headers,
    "",
    "",
  ].join("\r\n");
}

/** One TCP or TLS connection of a client. */
export class RawClient {
  /** Resolves with "end" (FIN) or the code of the error, such as `ECONNRESET`. */
  readonly over: Promise<string>;
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  readonly #gone: Promise<void>;
  #wake: () => void = () => {};
  #done = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#gone = new Promise((resolve) => socket.once("close", () => resolve()));
    this.over = new Promise((resolve) => {
      const finish = (how: string) => {
        this.#done = true;
        this.#wake();
        resolve(how);
      };
      socket.once("end", () => finish("end"));
      socket.once("close", () => finish("close"));
      socket.on("error", (error: Error & { code?: string }) => finish(error.code ?? error.message));
    });
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
  }

  /** Connects to a port of the loopback; `ca: false` trusts only what the platform trusts. */
  static async open(
    port: number,
    options: { readonly secure?: boolean; readonly ca?: boolean; readonly host?: string } = {},
  ): Promise<RawClient> {
    const { secure = false, ca = true, host = "127.0.0.1" } = options;
    const socket = secure
      ? connectTls({ port, host, servername: "localhost", ...(ca ? { ca: CA_CERTIFICATE } : {}) })
      : connectTcp({ port, host });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(secure ? "secureConnect" : "connect", () => resolve());
      socket.once("error", reject);
    });
    return client;
  }

  /** Sends bytes or text. */
  send(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** Bytes that wait here because the server does not read. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** All bytes so far, once `enough` says so, or the connection is over. */
  async bytes(enough: (all: Uint8Array) => boolean = () => false): Promise<Uint8Array> {
    for (;;) {
      const all = joined(this.#chunks);
      if (enough(all) || this.#done) return all;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** The slices as they came. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** Sends FIN. */
  fin(): void {
    this.#socket.end();
  }

  /** Gives the socket back. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#gone;
  }
}
