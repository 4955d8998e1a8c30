/**
 * One pump over WHATWG `WebSocket`, for every platform that has it. What platforms do differently is data and small functions of a
 * {@link Dialect}; what they do wrong is mended here, once:
 *
 * - a dial settles once, on the first of open, error, close and abort, because Node 22 gives `error` without `close` and others both;
 * - code 0 (Deno) becomes 1006, `error` without `close` (workerd, after open) becomes 1006, whatever follows the first end is ignored;
 * - all listeners and `binaryType` are set in the constructor's own tick, and frames are kept from that moment;
 * - the subprotocol is checked (Deno and workerd do not);
 * - `send` on a socket that is not open throws (four of five platforms drop the frame silently).
 *
 * @module
 */
import { nothing, onAbort, raced } from "../contract/abort.ts";
import {
  checkClose,
  type FrameSink,
  type SessionEnd,
  type WsConnection,
} from "../contract/connection.ts";
import type { Capabilities, WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { dataFrame, type Frame } from "../contract/frame.ts";
import { checkProtocol, type Handshake, wireHandshake } from "../contract/handshake.ts";
import { readableOf, writableOf } from "../contract/session_streams.ts";

/** What a platform's failed dial shows beside the fact. */
export interface DialFacts {
  /** HTTP status. */
  readonly status?: number;
  /** `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
  /** What kind of trouble, in the platform's words, without anything of the request. */
  readonly why?: string;
}

/** One socket of a platform, being dialled. */
export interface DialledSocket {
  /** The socket. */
  readonly socket: WebSocket;
  /** What is known of the failure, given the event that told of it. */
  facts?(event: Event): DialFacts;
  /** The dial is settled: gives back what was only needed for it. */
  settled?(): void;
  /** Destroys the socket without a close handshake. */
  terminate?(): void;
  /** Sends a protocol ping. */
  ping?(data: Uint8Array<ArrayBuffer>): void;
  /** Tells of the server's pings and pongs. */
  observe?(seen: (type: "ping" | "pong", data: Uint8Array<ArrayBuffer>) => void): void;
}

/** What a platform does in its own way. */
export interface Dialect {
  /** The leaf's name, for messages. */
  readonly name: string;
  /** What it can honour. */
  readonly capabilities: Capabilities;
  /** Makes the socket, in this tick. What it throws is permanent. */
  dial(handshake: Handshake): DialledSocket;
}

/** Frames that wait for whoever attaches, or reads the stream; more than that means that nobody will. */
const MAX_EARLY_FRAMES = 65_536;

/** How often a full socket is looked at by `writable`; no platform has a drain event. */
const POLL_MS = 10;

/** What `writable` lets a socket hold before it waits, in bytes. */
const HIGH_WATER_MARK = 1_048_576;

/** A session over a socket that is open already. Its frames are kept from now on. */
export function openedSession(dialled: DialledSocket, maxMessageBytes: number): WsConnection {
  const session = new WebSocketSession(dialled, maxMessageBytes);
  attend(dialled.socket, session);
  return session;
}

/** What is heard of a socket that is open. It holds nothing of the dial, which an idle connection should not keep in memory. */
function attend(socket: WebSocket, session: WebSocketSession): void {
  socket.onopen = null;
  socket.onerror = () => session.errored();
  socket.onclose = (event) => session.closedBy(event);
}

/** Makes the leaf of a platform. */
export function webSocketLeaf(dialect: Dialect): WsConnector {
  return {
    capabilities: dialect.capabilities,
    // Async, so that what is wrong with the handshake rejects like everything else.
    connect: async (handshake, { signal }) => {
      signal.throwIfAborted();
      const { name, capabilities } = dialect;
      const wire = wireHandshake(handshake, { name, headers: capabilities.headers });
      return await open(dialect, wire, signal);
    },
  };
}

function open(dialect: Dialect, wire: Handshake, signal: AbortSignal): Promise<WsConnection> {
  return new Promise((resolve, reject) => {
    let dialled: DialledSocket;
    try {
      dialled = dialect.dial(wire);
      dialled.socket.binaryType = "arraybuffer";
    } catch (error) {
      return reject(refusal(error));
    }
    const { socket } = dialled;
    const session = new WebSocketSession(dialled, dialect.capabilities.maxMessageBytes);
    let pending = true;
    const settle = (act: () => void) => {
      if (!pending) return;
      pending = false;
      forget();
      dialled.settled?.();
      act();
    };
    const fail = (event: Event) =>
      settle(() => {
        session.abandon();
        const { why = "no reason given", ...facts } = dialled.facts?.(event) ?? {};
        const { status } = facts;
        const end: SessionEnd = { ...lost, origin: "handshake", ...facts };
        const detail = status === undefined ? why : `status ${status}`;
        reject(new TransportError("connect_failed", `Cannot connect: ${detail}`, { end }));
      });
    socket.onopen = () =>
      settle(() => {
        try {
          checkProtocol(wire.protocols, socket.protocol ?? "");
        } catch (error) {
          session.abandon();
          return reject(error);
        }
        attend(socket, session);
        resolve(session);
      });
    socket.onerror = (event) => pending ? fail(event) : session.errored();
    socket.onclose = (event) => {
      if (pending) fail(event);
      session.closedBy(event);
    };
    const forget = onAbort(signal, () =>
      settle(() => {
        session.abandon();
        reject(signal.reason);
      }));
  });
}

/** An exception of the platform's constructor. Its message may hold the url, so only its name is told. */
function refusal(error: unknown): TransportError {
  const name = error instanceof Error ? error.name : typeof error;
  const message = "WebSocket" in globalThis
    ? `Cannot connect: the platform refuses the dial (${name})`
    : "Cannot connect: the platform has no WebSocket (Node 22 has)";
  return new TransportError("unsupported", message);
}

class WebSocketSession implements WsConnection {
  readonly closed: Promise<SessionEnd>;
  readonly #dialled: DialledSocket;
  readonly #socket: WebSocket;
  readonly #maxMessageBytes: number;
  #resolveClosed: (end: SessionEnd) => void = nothing;
  #sink: FrameSink | undefined;
  #early: Frame[] | undefined = [];
  #end: SessionEnd | undefined;
  #abandoned = false;
  #closing = false;
  #listener = (event: MessageEvent<unknown>): void => this.#message(event.data);
  #readable: ReadableStream<Frame> | undefined;
  #writable: WritableStream<Frame> | undefined;

  constructor(dialled: DialledSocket, maxMessageBytes: number) {
    this.#dialled = dialled;
    this.#socket = dialled.socket;
    this.#maxMessageBytes = maxMessageBytes;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    // Not `onmessage`, which Deno wraps once more.
    this.#socket.addEventListener("message", this.#listener);
    dialled.observe?.((type, data) => this.#emit({ type, data }));
  }

  get protocol(): string {
    // workerd has null where the standard has the empty string.
    return this.#socket.protocol ?? "";
  }

  get bufferedAmount(): number {
    // The socket of workerd's fetch has none.
    return this.#socket.bufferedAmount ?? 0;
  }

  get readable(): ReadableStream<Frame> {
    return this.#readable ??= readableOf(this, MAX_EARLY_FRAMES, () => {
      this.#fail(ours);
    });
  }

  get writable(): WritableStream<Frame> {
    return this.#writable ??= writableOf(this, async (signal) => {
      while (this.bufferedAmount > HIGH_WATER_MARK && this.#end === undefined) {
        await pause(signal);
      }
    });
  }

  attach(sink: FrameSink): void {
    if (this.#sink !== undefined) {
      throw new TypeError("Cannot attach: the frames go elsewhere already");
    }
    // Nothing comes any more; a stream that is made now must end all the same.
    if (this.#abandoned) return tell(sink, this.#end ?? lost);
    this.#sink = sink;
    const early = this.#early ?? [];
    this.#early = undefined;
    // The session may have ended meanwhile: what came before is delivered all the same.
    for (const frame of early) this.#hand(frame);
    // The sink may have thrown, or let go.
    if (this.#sink !== sink) return;
    if (this.#end !== undefined) tell(sink, this.#end);
    else if (sink.text !== undefined) this.#short(sink, sink.text);
  }

  send(frame: Frame): void {
    if (
      this.#end !== undefined || this.#closing || this.#abandoned || this.#socket.readyState !== 1
    ) {
      throw new TransportError("not_connected", "Cannot send frame: the socket is not open");
    }
    switch (frame.type) {
      case "text":
      case "binary":
        return this.#socket.send(dataFrame(frame.data).data);
      case "ping":
        if (this.#dialled.ping !== undefined) return this.#dialled.ping(frame.data);
        throw new TransportError("unsupported", "Cannot send ping: this leaf has none");
      case "close":
        return this.close(frame.code, frame.reason);
      case "pong":
        throw new TransportError("unsupported", "Cannot send pong: the platform sends them");
      default:
        return frame satisfies never;
    }
  }

  close(code = 1000, reason = ""): void {
    checkClose(code, reason);
    if (this.#end !== undefined || this.#closing) return;
    this.#closing = true;
    this.#socket.close(code, reason);
  }

  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#unlisten();
    this.#early = undefined;
    // Contained: the stream may be the one whose cancelling led here, and cannot be closed any more.
    if (this.#readable !== undefined && this.#end === undefined) tell(this.#sink, lost);
    this.#sink = undefined;
    if (this.#end !== undefined) return;
    try {
      if (this.#dialled.terminate !== undefined) this.#dialled.terminate();
      else if (!this.#closing) this.#socket.close();
    } catch {
      // Whatever the platform has against it, nobody listens to this socket any more.
    }
  }

  /** `close` event. The first end counts. */
  closedBy({ code, reason }: CloseEvent): void {
    const lossy = code === 0 || code === 1006;
    this.#finish({
      code: code === 0 ? 1006 : code,
      reason: lossy ? "" : reason,
      clean: !lossy,
      origin: this.#closing || this.#abandoned ? "local" : lossy ? "network" : "server",
    });
  }

  /** `error` event after open. A `close` event with a code may follow at once; workerd gives none. */
  errored(): void {
    if (this.#end !== undefined) return;
    // Nobody waits for the code of a session that was let go of, and a timer would outlive a shutdown.
    if (this.#abandoned) return this.#finish(ours);
    setTimeout(() => this.#finish(lost), 0);
  }

  /** Text goes straight to the sink from now on. This is the way of nearly every frame, and each call on it is dear. */
  #short(sink: FrameSink, text: (data: string) => void): void {
    const max = this.#maxMessageBytes;
    this.#unlisten();
    this.#listener = ({ data }) => {
      if (
        typeof data !== "string" || data.length > max || this.#sink !== sink ||
        this.#end !== undefined
      ) return this.#message(data);
      try {
        text(data);
      } catch {
        this.#thrown();
      }
    };
    this.#socket.addEventListener("message", this.#listener);
  }

  /** A platform may keep a socket for a quarter of an hour after its session; it must not keep what its frames led to. */
  #unlisten(): void {
    this.#socket.removeEventListener("message", this.#listener);
    this.#listener = nothing;
  }

  #message(data: unknown): void {
    if (typeof data === "string") {
      if (data.length <= this.#maxMessageBytes) return this.#emit({ type: "text", data });
    } else if (data instanceof ArrayBuffer) {
      if (data.byteLength <= this.#maxMessageBytes) {
        // Node (22 to 26) and npm `ws` have one buffer for all empty messages; whoever transfers it has taken that of the next.
        const bytes = data.byteLength === 0 ? new Uint8Array(0) : new Uint8Array(data);
        return this.#emit({ type: "binary", data: bytes });
      }
    }
    this.#fail({ code: 1009, reason: "", clean: false, origin: "protocol" });
  }

  #emit(frame: Frame): void {
    if (this.#end !== undefined || this.#abandoned) return;
    if (this.#sink !== undefined) return this.#hand(frame);
    if (this.#early!.push(frame) > MAX_EARLY_FRAMES) this.#fail(lost);
  }

  #hand(frame: Frame): void {
    try {
      this.#sink?.frame(frame);
    } catch {
      this.#thrown();
    }
  }

  /** What the sink throws must not reach the platform, which would end the process; the session's end tells of it. */
  #thrown(): void {
    this.#fail(ours);
  }

  /** Ends the session from this side. */
  #fail(end: SessionEnd): void {
    if (this.#end !== undefined || this.#abandoned) return;
    const sink = this.#sink;
    this.#sink = undefined;
    this.abandon();
    this.#finish(end);
    tell(sink, end);
  }

  #finish(end: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#unlisten();
    this.#resolveClosed(end);
    if (!this.#abandoned) tell(this.#sink, end);
  }
}

const lost: SessionEnd = { code: 1006, reason: "", clean: false, origin: "network" };

/** As {@link lost}, from this side. */
const ours: SessionEnd = { ...lost, origin: "local" };

function tell(sink: FrameSink | undefined, end: SessionEnd): void {
  try {
    sink?.end(end);
  } catch {
    // The session has ended as it is; its `closed` says so too.
  }
}

/** Waits a moment. @throws The signal's reason, when that aborts. */
function pause(signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = () => new Promise<void>((resolve) => timer = setTimeout(resolve, POLL_MS));
  return raced(signal, waited).finally(() => clearTimeout(timer));
}
