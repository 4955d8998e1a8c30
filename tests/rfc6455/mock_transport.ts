/**
 * A byte transport without a network and a clock that stands still: the whole tcp leaf, one step at a time.
 *
 * @module
 */
import type { WsConnection } from "../../src/contract/connection.ts";
import { type HandshakeInit, handshakeOf } from "../../src/contract/handshake.ts";
import { acceptOf } from "../../src/rfc6455/handshake_response.ts";
import type { TextCodec } from "../../src/rfc6455/text_codec.ts";
import { tcpLeaf } from "../../src/runtime/tcp_leaf.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";
import type { TcpSeams } from "../../src/runtime/tcp_seams.ts";
import type {
  ByteAddress,
  ByteLink,
  ByteReceiver,
  ByteTransport,
  TlsSettings,
} from "../../src/runtime/tcp_transport.ts";
import { joined } from "../support/raw/frames.ts";

/** One connection, seen from the server. */
export class MockLink implements ByteLink {
  /** Where it leads. */
  readonly address: ByteAddress;
  /** Settings of TLS begun over it. */
  secured: TlsSettings | undefined;
  /** What the client wrote, write by write. */
  readonly writes: Uint8Array[] = [];
  /** Bytes that count as not taken by the operating system. */
  bufferedBytes = 0;
  paused = false;
  halfClosed = false;
  destroyed = false;
  readonly #receiver: ByteReceiver;

  constructor(address: ByteAddress, receiver: ByteReceiver) {
    this.address = address;
    this.#receiver = receiver;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    if (!this.destroyed) this.writes.push(joined(chunks));
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.halfClosed = true;
  }
  destroy(): void {
    this.destroyed = true;
  }

  /** The server sends. The bytes are spoilt afterwards, as those of a shared read buffer. */
  receive(bytes: Uint8Array | string): void {
    if (this.destroyed) return;
    const chunk = typeof bytes === "string"
      ? Uint8Array.from(bytes, (char) => char.charCodeAt(0))
      : new Uint8Array(bytes);
    this.#receiver.bytes(chunk);
    chunk.fill(0xee);
  }
  /** The operating system took everything. */
  drain(): void {
    this.bufferedBytes = 0;
    this.#receiver.drained();
  }
  /** The connection ends. */
  over(cause?: unknown): void {
    if (!this.destroyed) this.#receiver.ended(cause);
  }

  /** All that was written since the last call, as text. */
  text(): string {
    return String.fromCharCode(...joined(this.writes.splice(0)));
  }
  /** The client frames written since the last call, unmasked. */
  frames(): { readonly opcode: number; readonly payload: Uint8Array }[] {
    const bytes = joined(this.writes.splice(0));
    const view = new DataView(bytes.buffer);
    const frames: { opcode: number; payload: Uint8Array }[] = [];
    for (let at = 0; at < bytes.length;) {
      const short = view.getUint8(at + 1) & 0x7f;
      const wide = short < 126 ? 0 : short === 126 ? 2 : 8;
      const length = wide === 0
        ? short
        : wide === 2
        ? view.getUint16(at + 2)
        : Number(view.getBigUint64(at + 2));
      const key = bytes.subarray(at + 2 + wide, at + 6 + wide);
      const start = at + 6 + wide;
      const payload = bytes.slice(start, start + length).map((byte, i) => byte ^ key[i % 4]!);
      frames.push({ opcode: view.getUint8(at) & 0x0f, payload });
      at = start + length;
    }
    return frames;
  }
  /** Answers the request that was written with 101, and with `extra` in the same segment. */
  accept(extra: Uint8Array = new Uint8Array(0), lines: readonly string[] = []): void {
    const key = /sec-websocket-key: (\S+)/i.exec(this.text())![1]!;
    const head = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptOf(key)}`,
      ...lines,
      "",
      "",
    ].join("\r\n");
    this.receive(joined([new TextEncoder().encode(head), extra]));
  }
}

/** Time that moves when the test says so. */
export class StillClock {
  readonly #turns: (() => void)[] = [];
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  #now = 0;

  wallNow = (): number => 1_800_000_000_000 + this.#now;
  turn = (callback: () => void): void => void this.#turns.push(callback);
  setTimer = (callback: () => void, delayMs: number): () => void => {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };
  /** Turns that were asked for. */
  get turns(): number {
    return this.#turns.length;
  }
  /** Timers that run. */
  get timers(): number {
    return this.#timers.size;
  }
  /** Runs the turns asked for so far. */
  nextTurn(): void {
    for (const callback of this.#turns.splice(0)) callback();
  }
  /** Moves on and fires what is due. */
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
    }
  }
}

/** A leaf over links that the test holds. */
export class MockTcp {
  /** Every connection asked for. */
  readonly links: MockLink[] = [];
  readonly clock: StillClock = new StillClock();
  readonly #connected: (() => void)[] = [];
  readonly leaf: ReturnType<typeof tcpLeaf>;
  /** Makes connections fail with this. */
  refuse: unknown;

  constructor(
    options: TcpOptions = {},
    can: { readonly tls?: boolean; readonly secure?: boolean; readonly text?: TextCodec } = {},
  ) {
    const { tls = true, secure = true, text } = can;
    const transport: ByteTransport = {
      tls,
      connect: (address, receiver, signal) => this.#connect(address, receiver, signal),
      ...(secure
        ? {
          secure: (link, settings, receiver, signal) => {
            const plain = link as MockLink;
            if (!plain.paused) throw new Error("TLS was begun on a link that is being read");
            plain.destroy();
            return this.#connect(plain.address, receiver, signal).then((secured) => {
              secured.secured = settings;
              return secured;
            });
          },
        }
        : {}),
    };
    const seams: TcpSeams = {
      clock: this.clock,
      fillRandom: (bytes) => void crypto.getRandomValues(bytes),
      ...text === undefined ? {} : { text },
    };
    this.leaf = tcpLeaf(transport, options, seams);
  }

  #connect(address: ByteAddress, receiver: ByteReceiver, signal: AbortSignal): Promise<MockLink> {
    return new Promise((resolve, reject) => {
      if (this.refuse !== undefined) return reject(this.refuse);
      if (signal.aborted) return reject(signal.reason);
      const link = new MockLink(address, receiver);
      this.links.push(link);
      resolve(link);
    });
  }

  /** Begins a dial; resolves when the request, or the tunnel's, was written. */
  async dial(
    init: Partial<HandshakeInit> = {},
    signal: AbortSignal = new AbortController().signal,
  ) {
    const handshake = handshakeOf({ url: "ws://server.test/feed", ...init });
    const outcome = this.leaf.connect(handshake, { signal });
    outcome.catch(() => {});
    await settled();
    const link = this.links.at(-1);
    if (!link) throw new Error("the leaf did not connect");
    return { link, outcome };
  }

  /** An open session. */
  async open(extra?: Uint8Array): Promise<{ link: MockLink; session: WsConnection }> {
    const { link, outcome } = await this.dial();
    link.accept(extra);
    return { link, session: await outcome };
  }
}

/** Resolves when all promises that can settle now have. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}
