/**
 * The leaf as the stack sees it, with somebody who writes down what the stack does to it.
 *
 * @module
 */
import type {
  Capabilities,
  ConnectContext,
  Frame,
  FrameSink,
  Handshake,
  SessionEnd,
  WsConnection,
  WsConnector,
} from "../../mod.ts";
import { TransportError } from "../../mod.ts";

/** Who writes it down. */
export interface LeafObserver {
  dialled(handshake: Handshake): void;
  /** The dial failed, or is not wanted any more. */
  dialFailed(): void;
  opened(socket: WatchedSocket): void;
  attached(socket: WatchedSocket): void;
  handedOver(socket: WatchedSocket, frame: Frame): void;
  closing(socket: WatchedSocket, code: number): void;
  abandoned(socket: WatchedSocket): void;
}

/** A connector in front of another. */
export class WatchedLeaf implements WsConnector {
  readonly capabilities: Capabilities;
  readonly #inner: WsConnector;
  readonly #observer: LeafObserver;
  /** Never aborts: what a leaf listens to that does not care whether it is still wanted. */
  readonly #deaf: AbortSignal | undefined;

  /** `stubborn`: dials go on after they were aborted, so that sockets open late. */
  constructor(inner: WsConnector, observer: LeafObserver, stubborn: boolean) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#observer = observer;
    this.#deaf = stubborn ? new AbortController().signal : undefined;
  }

  connect(handshake: Handshake, context: ConnectContext): Promise<WsConnection> {
    this.#observer.dialled(handshake);
    context.signal.addEventListener("abort", () => this.#observer.dialFailed(), { once: true });
    const signal = this.#deaf ?? context.signal;
    return this.#inner.connect(handshake, { ...context, signal }).then((connection) => {
      const socket = new WatchedSocket(connection, this.#observer);
      this.#observer.opened(socket);
      return socket;
    }, (error) => {
      if (!context.signal.aborted) this.#observer.dialFailed();
      throw error;
    });
  }
}

/** A socket in front of another. */
export class WatchedSocket implements WsConnection {
  attached = false;
  abandoned = false;
  ended = false;
  /** Whether it refuses frames although nobody has heard yet that it ended. */
  deaf = false;
  /** The session that it became. */
  epoch = 0;
  sink: FrameSink | undefined;
  readonly #inner: WsConnection;
  readonly #observer: LeafObserver;

  constructor(inner: WsConnection, observer: LeafObserver) {
    this.#inner = inner;
    this.#observer = observer;
    void inner.closed.then(() => this.ended = true);
  }

  get protocol(): string {
    return this.#inner.protocol;
  }

  get bufferedAmount(): number {
    return this.#inner.bufferedAmount;
  }

  get closed(): Promise<SessionEnd> {
    return this.#inner.closed;
  }

  get readable(): ReadableStream<Frame> {
    return this.#inner.readable;
  }

  get writable(): WritableStream<Frame> {
    return this.#inner.writable;
  }

  attach(sink: FrameSink): void {
    this.attached = true;
    this.sink = sink;
    this.#observer.attached(this);
    this.#inner.attach!(sink);
  }

  send(frame: Frame): void {
    if (this.deaf) {
      throw new TransportError("not_connected", "Cannot send frame: the socket has just ended");
    }
    this.#inner.send(frame);
    this.#observer.handedOver(this, frame);
  }

  close(code?: number, reason?: string): void {
    this.#observer.closing(this, code ?? 1000);
    this.#inner.close(code, reason);
  }

  abandon(): void {
    if (!this.abandoned) this.#observer.abandoned(this);
    this.abandoned = true;
    this.#inner.abandon();
  }
}
