/**
 * A leaf whose every dial is a handle that the test answers.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import {
  checkClose,
  type FrameSink,
  type SessionEnd,
  type WsConnection,
} from "../contract/connection.ts";
import type { Capabilities, ConnectContext, WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { type Data, dataFrame, type Frame, frameBytes } from "../contract/frame.ts";
import { checkProtocol, type Handshake, wireHandshake } from "../contract/handshake.ts";
import { readableOf, writableOf } from "../contract/session_streams.ts";

/** One dial, in the hands of a test. */
export interface MockDial {
  /** What the dial said: url, subprotocols, headers. */
  readonly handshake: Handshake;
  /** The data that was sent over it, in order. */
  readonly sent: readonly Data[];
  /** Every frame that was sent over it, in order. */
  readonly sentFrames: readonly Frame[];
  /** Whether the dial was given up before it opened. */
  readonly aborted: boolean;
  /** Whether it waits for {@link open} or {@link fail}. */
  readonly waits: boolean;
  /** Whether the socket was let go of. */
  readonly abandoned: boolean;
  /** The close frame that was sent, if there was one. */
  readonly closing: { readonly code: number; readonly reason: string } | undefined;
  /** What `bufferedAmount` says. */
  bufferedAmount: number;
  /** Answers the handshake. */
  open(options?: { protocol?: string }): void;
  /** Refuses the handshake. Of the facts the leaf tells what its `handshakeStatus` lets it see. */
  fail(end?: Partial<SessionEnd>): void;
  /** A data frame arrives; one above `maxMessageBytes` ends the session instead. */
  receive(data: Data): void;
  /** A ping or pong arrives, which only a leaf with `seePing` shows. */
  receiveControl(type: "ping" | "pong", data?: Uint8Array<ArrayBuffer>): void;
  /** The leaf reports that it dropped frames. */
  drop(frames: number, bytes: number): void;
  /** The socket ends. */
  end(end?: Partial<SessionEnd>): void;
}

/** What a {@link MockConnector} is made of. */
export interface MockConnectorOptions {
  /** What it honours; what it does not, it neither does nor shows. @default {everything but a recv axis} */
  readonly capabilities?: Partial<Capabilities>;
  /** Whether the server answers a close frame by itself. @default {true} */
  readonly answersClose?: boolean;
}

/** A leaf without a network. */
export class MockConnector implements WsConnector {
  /** What it honours. */
  readonly capabilities: Capabilities;
  /** All dials so far, oldest first. */
  readonly dials: MockDial[] = [];
  /** Whether the server answers a close frame by itself. */
  answersClose: boolean;
  #taken = 0;

  /** Makes one. */
  constructor({ capabilities = {}, answersClose = true }: MockConnectorOptions = {}) {
    this.answersClose = answersClose;
    this.capabilities = {
      headers: true,
      handshakeStatus: "exact",
      ping: true,
      seePing: true,
      terminate: true,
      maxMessageBytes: Infinity,
      wireDials: 1,
      recvAxis: false,
      ...capabilities,
    };
  }

  /** Starts a dial; the test finds it with {@link next}. */
  connect(handshake: Handshake, { signal }: ConnectContext): Promise<WsConnection> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const { headers } = this.capabilities;
      let wire: Handshake;
      try {
        wire = wireHandshake(handshake, { name: "mock", headers });
      } catch (error) {
        return reject(error);
      }
      this.dials.push(
        new Dial(wire, {
          signal,
          resolve,
          reject,
          capabilities: this.capabilities,
          answersClose: () => this.answersClose,
        }),
      );
    });
  }

  /** The oldest dial that was not taken yet and still waits for an answer, or `undefined`. */
  next(): MockDial | undefined {
    for (;;) {
      const dial = this.dials[this.#taken];
      if (dial === undefined) return undefined;
      this.#taken++;
      if (dial.waits) return dial;
    }
  }
}

interface Settle {
  readonly signal: AbortSignal;
  resolve(connection: WsConnection): void;
  reject(reason: unknown): void;
  readonly capabilities: Capabilities;
  answersClose(): boolean;
}

class Dial implements MockDial, WsConnection {
  readonly handshake: Handshake;
  readonly sentFrames: Frame[] = [];
  readonly closed: Promise<SessionEnd>;
  bufferedAmount = 0;
  protocol = "";
  aborted = false;
  abandoned = false;
  closing: { readonly code: number; readonly reason: string } | undefined;
  readonly #settle: Settle;
  readonly #forget: () => void;
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #state: "dialing" | "open" | "ended" = "dialing";
  #sink: FrameSink | undefined;
  #early: Frame[] = [];
  #end: SessionEnd | undefined;
  #readable: ReadableStream<Frame> | undefined;
  #writable: WritableStream<Frame> | undefined;

  constructor(handshake: Handshake, settle: Settle) {
    this.handshake = handshake;
    this.#settle = settle;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#forget = onAbort(settle.signal, () => {
      this.aborted = true;
      settle.reject(settle.signal.reason);
    });
  }

  get waits(): boolean {
    return this.#state === "dialing" && !this.aborted;
  }

  get sent(): Data[] {
    return this.sentFrames.filter((frame) => frame.type === "text" || frame.type === "binary")
      .map((frame) => frame.data);
  }

  get readable(): ReadableStream<Frame> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Frame> {
    return this.#writable ??= writableOf(this);
  }

  open({ protocol }: { protocol?: string } = {}): void {
    if (this.#state !== "dialing") throw new Error("Cannot open dial: it is settled");
    this.#forget();
    this.#state = "open";
    this.protocol = protocol ?? this.handshake.protocols[0] ?? "";
    try {
      checkProtocol(this.handshake.protocols, this.protocol);
    } catch (error) {
      this.#state = "ended";
      return this.#settle.reject(error);
    }
    this.#settle.resolve(this);
  }

  fail(end: Partial<SessionEnd> = {}): void {
    if (this.#state !== "dialing") throw new Error("Cannot fail dial: it is settled");
    this.#forget();
    this.#state = "ended";
    const { handshakeStatus } = this.#settle.capabilities;
    const { status, retryAfterMs, ...rest } = end;
    const full: SessionEnd = {
      code: 1006,
      reason: "",
      clean: false,
      origin: "handshake",
      ...rest,
      ...(status === undefined || handshakeStatus === "none" ? {} : { status }),
      ...(retryAfterMs === undefined || handshakeStatus !== "exact" ? {} : { retryAfterMs }),
    };
    const detail = full.status === undefined ? "refused" : `status ${full.status}`;
    this.#settle.reject(
      new TransportError("connect_failed", `Cannot connect: ${detail}`, { end: full }),
    );
  }

  receive(data: Data): void {
    const frame = dataFrame(data);
    if (frameBytes(frame) <= this.#settle.capabilities.maxMessageBytes) return this.#emit(frame);
    this.end({ code: 1009, clean: false, origin: "protocol" });
  }

  receiveControl(type: "ping" | "pong", data: Uint8Array<ArrayBuffer> = new Uint8Array(0)): void {
    if (this.#settle.capabilities.seePing) this.#emit({ type, data });
  }

  drop(frames: number, bytes: number): void {
    if (this.#state === "open" && !this.abandoned) this.#sink?.dropped(frames, bytes);
  }

  end(end: Partial<SessionEnd> = {}): void {
    if (this.#state === "dialing") throw new Error("Cannot end dial: it has not opened");
    if (this.#state === "ended") return;
    this.#state = "ended";
    const code = end.code ?? 1006;
    this.#end = {
      code,
      reason: "",
      clean: code !== 1006,
      origin: this.closing !== undefined ? "local" : code === 1006 ? "network" : "server",
      ...end,
    };
    this.#resolveClosed(this.#end);
    if (!this.abandoned) this.#sink?.end(this.#end);
  }

  attach(sink: FrameSink): void {
    if (this.#sink !== undefined) {
      throw new TypeError("Cannot attach: the frames go elsewhere already");
    }
    this.#sink = sink;
    for (const frame of this.#early.splice(0)) {
      if (!this.abandoned) sink.frame(frame);
    }
    if (this.#end !== undefined && !this.abandoned) sink.end(this.#end);
  }

  send(frame: Frame): void {
    if (this.#state !== "open" || this.closing !== undefined || this.abandoned) {
      throw new TransportError("not_connected", "Cannot send frame: the socket is not open");
    }
    switch (frame.type) {
      case "text":
      case "binary":
        this.sentFrames.push(copied(dataFrame(frame.data)));
        return;
      case "close":
        return this.close(frame.code, frame.reason);
      case "ping":
        if (!this.#settle.capabilities.ping) {
          throw new TransportError("unsupported", "Cannot send ping: this leaf has none");
        }
        this.sentFrames.push(copied(frame));
        return;
      case "pong":
        throw new TransportError("unsupported", "Cannot send pong: the platform sends them");
      default:
        return frame satisfies never;
    }
  }

  close(code = 1000, reason = ""): void {
    checkClose(code, reason);
    if (this.#state !== "open" || this.closing !== undefined) return;
    this.closing = { code, reason };
    if (this.#settle.answersClose()) this.end({ code, reason, clean: true });
  }

  abandon(): void {
    if (this.abandoned) return;
    this.abandoned = true;
    this.#early = [];
  }

  #emit(frame: Frame): void {
    if (this.#state === "dialing") throw new Error("Cannot receive: the dial has not opened");
    if (this.#state === "ended" || this.abandoned) return;
    if (this.#sink === undefined) this.#early.push(frame);
    else this.#sink.frame(frame);
  }
}

/** As every leaf has taken it when `send` returns: what its owner writes into it later is not sent. */
function copied(frame: Exclude<Frame, { readonly type: "close" }>): Frame {
  return frame.type === "text" ? frame : { ...frame, data: frame.data.slice() };
}
