/**
 * One connection of the raw server, from the request head to the end of its TCP connection.
 * Nothing happens here by itself but what a good server does without being told: it answers a Ping
 * with a Pong and a Close with a Close, and each of that can be turned off.
 *
 * @module
 */
import type { Socket } from "node:net";
import { acceptance, type AcceptOptions, refusal } from "./answers.ts";
import {
  bytesOf,
  closeFrame,
  frame,
  frameBytes,
  type FrameOptions,
  message,
  type MessageOptions,
  OPCODE,
  writeFrame,
} from "./frames.ts";
import { FrameReader } from "./frame_reader.ts";
import { MessageJoiner } from "./message_joiner.ts";
import type { RequestHead } from "./request_head.ts";
import { resetTcp } from "./reset.ts";

/** A frame that came in: what a test asks about order, rate and size. */
export interface Arrival {
  readonly opcode: number;
  readonly bytes: number;
  /** `performance.now()` when its last byte was read. */
  readonly atMs: number;
}

/** How a connection ended, seen from the server. */
export interface PeerEnd {
  /** The code of the client's Close frame, 1005 when it had none, 1006 without a Close frame. */
  readonly code: number;
  readonly reason: string;
  /** The code of the socket error, such as `ECONNRESET`. */
  readonly error?: string;
}

/** What {@link RawPeer.close} takes. */
export interface CloseOptions {
  /**
   * When the TCP connection ends: after the client's Close frame, at once, or never, not even when
   * the client has ended its half.
   *
   * @default {"after answer"}
   */
  readonly endTcp?: "after answer" | "at once" | "never";
}

/** A handler that was not set drops what it gets. */
function nothing(): void {}

/** One connection. Before `accept` it only has a request; after it, frames. */
export class RawPeer {
  /** The request as it came. */
  readonly request: RequestHead;
  /** True on a `wss:` or `https:` port. */
  readonly secure: boolean;
  /** Resolves when the TCP connection has ended. */
  readonly closed: Promise<PeerEnd>;
  /** Every frame that came in, if {@link recording} is on. */
  readonly arrivals: Arrival[] = [];
  /** The rules of RFC 6455 that the client broke. */
  readonly violations: string[] = [];
  /** Turn off for a flood from the client. */
  recording = true;
  /** Answer Pings by itself. */
  autoPong = true;
  /** A whole text message. */
  onText: (data: string) => void = nothing;
  /** A whole binary message. */
  onBinary: (data: Uint8Array) => void = nothing;
  /** A Ping, after it was answered. */
  onPing: (data: Uint8Array) => void = nothing;
  /** A Pong. */
  onPong: (data: Uint8Array) => void = nothing;
  /** A Close frame, before it is answered; 1005 when it had no code. */
  onClose: (code: number, reason: string) => void = nothing;

  readonly #socket: Socket;
  readonly #tcp: Socket;
  readonly #reader: FrameReader;
  readonly #messages: MessageJoiner = new MessageJoiner();
  readonly #waiting: ((ended?: true) => void)[] = [];
  readonly #cancelTimers: Set<() => void> = new Set();
  #early: Uint8Array[] = [];
  #accepted = false;
  #hung = false;
  #ended = false;
  #writing = true;
  #answersClose = true;
  #closeSent = false;
  #endTcpAfterAnswer = true;
  #keepsTcp = false;
  #code = 1006;
  #reason = "";

  /**
   * @param socket What to read and write: the TCP socket, or the TLS socket over it.
   * @param tcp The TCP socket: what a reset is for.
   * @param request The request head that came on it.
   * @param secure Whether `socket` is a TLS one.
   */
  constructor(socket: Socket, tcp: Socket, request: RequestHead, secure: boolean) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.request = request;
    this.secure = secure;
    this.#reader = new FrameReader({
      frame: (opcode, data, fin) => this.#frame(opcode, data, fin),
      violation: (rule) => {
        this.violations.push(rule);
        this.close(1002, rule.slice(0, 100), { endTcp: "at once" });
      },
    });
    let error: string | undefined;
    const failed = (cause: Error & { code?: string }) => error ??= cause.code ?? cause.message;
    socket.on("error", failed);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#ended = true;
        for (const cancel of [...this.#cancelTimers]) cancel();
        for (const wake of this.#waiting.splice(0)) wake(true);
        const end = { code: this.#code, reason: this.#reason };
        resolve(error === undefined ? end : { ...end, error });
      });
    });
    socket.on("drain", () => {
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** Whether the handshake was accepted. */
  get accepted(): boolean {
    return this.#accepted;
  }

  /** Whether the TCP connection has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that wait in this process because the client does not read. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  // ---------------------------------------------------------------- the handshake

  /** Answers 101 and begins to read frames. */
  accept(options: AcceptOptions = {}): void {
    this.#write(acceptance(this.request, options));
    this.#accepted = true;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.receive(chunk);
  }

  /** Answers with another status than 101 and ends the connection. */
  refuse(
    status: number,
    headers: Readonly<Record<string, string>> = {},
    body: string | Uint8Array = "",
  ): void {
    this.#write(refusal(status, headers, body));
    this.#hung = true;
    this.#socket.end();
  }

  /** Never answers; the connection stays until the client or the server's `close()` ends it. */
  hang(): void {
    this.#hung = true;
  }

  // ---------------------------------------------------------------- the end of TCP

  /** Sends RST, on TLS too. It must be the TCP socket's: a TLS socket's own throws on Node and sends FIN on Deno. */
  reset(): void {
    resetTcp(this.#tcp, this.#socket);
    this.#socket.destroy();
  }

  /** Sends FIN after what is written, without a Close frame. */
  fin(): void {
    this.#socket.end();
  }

  /** Ends both directions at once, by FIN where nothing is unread. */
  destroy(): void {
    this.#socket.destroy();
    this.#tcp.destroy();
  }

  // ---------------------------------------------------------------- sending

  /** Sends a text message. */
  sendText(data: string, options?: MessageOptions): void {
    this.#write(message(OPCODE.text, data, options));
  }

  /** Sends a binary message. */
  sendBinary(data: Uint8Array, options?: MessageOptions): void {
    this.#write(message(OPCODE.binary, data, options));
  }

  /** Sends a frame with any opcode and any head. */
  sendFrame(opcode: number, payload: string | Uint8Array, options?: FrameOptions): void {
    this.#write(frame(opcode, payload, options));
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  /** Sends a Ping. */
  ping(payload: string | Uint8Array = ""): void {
    this.sendFrame(OPCODE.ping, payload);
  }

  /** Sends a Pong that nobody asked for. */
  pong(payload: string | Uint8Array = ""): void {
    this.sendFrame(OPCODE.pong, payload);
  }

  /** Sends a Close frame; without a code, an empty one. */
  close(code?: number, reason = "", options: CloseOptions = {}): void {
    const { endTcp = "after answer" } = options;
    this.#endTcpAfterAnswer = endTcp !== "never";
    this.#keepsTcp = endTcp === "never";
    this.#closeSent = true;
    this.#write(closeFrame(code, reason));
    // The client may have closed first: then its answer is already here.
    const answered = this.#code !== 1006;
    if (endTcp === "at once" || endTcp === "after answer" && answered) this.#socket.end();
  }

  /**
   * Sends many messages, framed beforehand in pieces of about 64 KiB and no faster than the client
   * reads them.
   *
   * @returns How many messages were handed to the socket: all, unless it ended before.
   */
  async flood(count: number, makePayload: (index: number) => string | Uint8Array): Promise<number> {
    const chunkBytes = 64 * 1024;
    let chunk = new Uint8Array(chunkBytes * 2);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const payload = makePayload(i);
      const bytes = bytesOf(payload);
      const needs = frameBytes(bytes.length);
      if (at > 0 && (at >= chunkBytes || at + needs > chunk.length)) {
        this.#write(chunk.subarray(0, at));
        // The socket may still hold it: a new one, not the same one again.
        chunk = new Uint8Array(Math.max(chunkBytes * 2, needs));
        at = 0;
        if (!(await this.drained())) return i;
      } else if (needs > chunk.length) {
        chunk = new Uint8Array(needs);
      }
      at = writeFrame(chunk, at, typeof payload === "string" ? OPCODE.text : OPCODE.binary, bytes);
    }
    if (this.#ended) return 0;
    if (at > 0) this.#write(chunk.subarray(0, at));
    return count;
  }

  /** Sends bytes in slices with a pause between them: a slow or slicing network. */
  async sendSlowly(
    bytes: Uint8Array,
    options: { readonly sliceBytes?: number; readonly everyMs?: number } = {},
  ): Promise<void> {
    const { sliceBytes = 1, everyMs = 1 } = options;
    this.#tcp.setNoDelay(true);
    for (let at = 0; at < bytes.length && !this.#ended; at += sliceBytes) {
      this.#write(bytes.subarray(at, at + sliceBytes));
      await this.#pause(everyMs);
    }
  }

  /** Resolves with true when the socket takes more, with false when it has ended. */
  drained(): Promise<boolean> {
    if (this.#ended || this.#socket.destroyed) return Promise.resolve(false);
    if (!this.#socket.writableNeedDrain) return Promise.resolve(true);
    return new Promise((resolve) => this.#waiting.push((ended) => resolve(ended !== true)));
  }

  // ---------------------------------------------------------------- misbehaviour

  /** From now on a Close frame of the client stays without an answer, and TCP open. */
  ignoreClose(): void {
    this.#answersClose = false;
    this.#endTcpAfterAnswer = false;
  }

  /** Stops reading: the client's bytes fill the kernel's buffers, then the client's own. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resumeReading(): void {
    this.#socket.resume();
  }

  /**
   * Drops all that would be sent from now on, Pongs and the answer to a Close included, while it
   * goes on reading: to the client a half-open connection, to the server still one whose end is
   * seen. Not what a cut cable does to TCP (that needs a packet filter).
   */
  stopWriting(): void {
    this.#writing = false;
  }

  // ---------------------------------------------------------------- from the server

  /** Takes bytes that came behind the request head; the server calls it. */
  receive(chunk: Uint8Array): void {
    if (this.#accepted) this.#reader.push(chunk);
    else if (!this.#hung) this.#early.push(chunk.slice());
  }

  /** The client's FIN; the server calls it. */
  receiveEnd(): void {
    if (this.#keepsTcp) return;
    if (this.#writing && (this.#accepted || this.#hung)) this.#socket.end();
    // A half-open peer has no FIN to send: the end of reading must do to release the descriptor.
    else this.destroy();
  }

  #write(bytes: Uint8Array): void {
    if (this.#writing && this.#socket.writable) this.#socket.write(bytes);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = () => {
        clearTimeout(timer);
        this.#cancelTimers.delete(cancel);
        resolve();
      };
      const timer = setTimeout(cancel, ms);
      this.#cancelTimers.add(cancel);
    });
  }

  #frame(opcode: number, data: Uint8Array, fin: boolean): void {
    if (this.recording) {
      this.arrivals.push({ opcode, bytes: data.length, atMs: performance.now() });
    }
    switch (opcode) {
      case OPCODE.ping:
        if (this.autoPong) this.pong(data);
        this.onPing(data);
        break;
      case OPCODE.pong:
        this.onPong(data);
        break;
      case OPCODE.close:
        this.#closeCame(data);
        break;
      default:
        this.#dataCame(opcode, data, fin);
    }
  }

  #dataCame(opcode: number, data: Uint8Array, fin: boolean): void {
    const message = this.#messages.push(opcode, data, fin);
    if (message === undefined) return;
    if (message instanceof Uint8Array) return this.onBinary(message);
    if (typeof message === "string") return this.onText(message);
    this.violations.push(message.violation);
    this.close(1007, "", { endTcp: "at once" });
  }

  #closeCame(data: Uint8Array): void {
    if (data.length === 1) this.violations.push("a Close payload of one byte (5.5.1)");
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.#code = data.length >= 2 ? view.getUint16(0) : 1005;
    this.#reason = new TextDecoder().decode(data.subarray(2));
    this.onClose(this.#code, this.#reason);
    if (this.#answersClose && !this.#closeSent) {
      this.#closeSent = true;
      this.#write(closeFrame(this.#code === 1005 ? undefined : this.#code, this.#reason));
    }
    if (this.#endTcpAfterAnswer && this.#writing) this.#socket.end();
  }
}
