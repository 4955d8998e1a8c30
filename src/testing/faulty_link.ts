/**
 * A bad network between the stack and any leaf.
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
import { dataFrame, type Frame, frameBytes, isDataFrame } from "../contract/frame.ts";
import type { Handshake } from "../contract/handshake.ts";
import type { Clock, Runtime } from "../contract/runtime.ts";
import { readableOf, writableOf } from "../contract/session_streams.ts";
import { FaultyWire } from "./faulty_wire.ts";

/** What a {@link FaultyLink} does to what passes. */
export interface LinkConditions {
  /** Delay of everything, each way, in milliseconds. @default {0} */
  readonly latencyMs?: number;
  /** Further delay, uniform in 0 to this, in whole milliseconds. Nothing overtakes. @default {0} */
  readonly jitterMs?: number;
  /** Share of the received data frames that are lost, 0 to 1: what a venue does that sheds load. @default {0} */
  readonly dropRate?: number;
  /** Messages travel in slices, one per interval; a message arrives with its last slice. @default {none} */
  readonly slice?: { readonly bytes: number; readonly everyMs: number };
}

/** Which way nothing passes: towards us, towards the server, or neither way. */
export type HalfOpenDirection = "in" | "out" | "both";

/**
 * A connector around any leaf, with a network in between that is as bad as the test says. Time and randomness are the runtime's, so that with a
 * mock runtime everything repeats.
 *
 * @example How an adapter tests that it subscribes again
 * ```ts
 * import { open } from "@holdfast/ws";
 * import { FaultyLink, mockRuntime } from "@holdfast/ws/testing";
 *
 * const mock = mockRuntime();
 * const link = new FaultyLink(mock.runtime, { latencyMs: 20 });
 * const feed = open("ws://venue", { runtime: link.runtime, onSession: (s) => s.send("subscribe A") });
 * (await mock.dial()).open();
 * await mock.advance(100);
 * link.reset();
 * const second = await mock.dial();
 * second.open();
 * await mock.advance(100);
 * console.log(second.sent); // [ "subscribe A" ]
 * void feed.control.shutdown();
 * await mock.advance(100);
 * ```
 */
export class FaultyLink implements WsConnector {
  /** Those of the leaf, but for `recvAxis`: a heartbeat behind the link would not notice what the link does. */
  readonly capabilities: Capabilities;
  /** The runtime that was given, with this link in front of its leaf. */
  readonly runtime: Runtime;
  /** Data frames lost because of `dropRate`. */
  lost = 0;
  readonly #leaf: WsConnector;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #ends: Set<LinkEnd> = new Set();
  #conditions: Required<Omit<LinkConditions, "slice">> & Pick<LinkConditions, "slice">;
  #blocked: HalfOpenDirection | undefined;
  #refusal: Partial<SessionEnd> | undefined;

  /**
   * Puts a link in front of the runtime's leaf.
   *
   * @throws {RangeError} If a condition is out of its range.
   */
  constructor(runtime: Runtime, conditions: LinkConditions = {}) {
    const { connector, clock, random } = runtime;
    this.#leaf = connector;
    this.#clock = clock;
    this.#random = random;
    this.capabilities = { ...connector.capabilities, recvAxis: false };
    this.runtime = { ...runtime, connector: this };
    this.#conditions = checked(conditions);
  }

  /** Sessions and dials that the link carries. */
  get carried(): number {
    return this.#ends.size;
  }

  /** Changes the conditions for what is put in from now on; what is not named stays. @throws {RangeError} If one is out of its range. */
  set(conditions: LinkConditions): void {
    this.#conditions = checked({ ...this.#conditions, ...conditions });
  }

  /** From now on nothing passes, and nobody is told: sockets stay open, dials hang. {@link heal} lets through what was held. */
  halfOpen(direction: HalfOpenDirection = "both"): void {
    this.#blocked = direction;
  }

  /** From now on dials are refused, until {@link heal}. */
  refuse(end: Partial<SessionEnd> = {}): void {
    this.#refusal = end;
  }

  /** Ends every session and every dial at once, without a close frame, as a router that restarts does. */
  reset(): void {
    for (const end of [...this.#ends]) end.reset();
  }

  /** Ends {@link halfOpen} and {@link refuse}; what was held goes on. Latency, jitter, loss and slices stay: see {@link set}. */
  heal(): void {
    this.#blocked = this.#refusal = undefined;
    for (const end of [...this.#ends]) end.run();
  }

  /** Dials through the link. */
  connect(handshake: Handshake, context: ConnectContext): Promise<WsConnection> {
    const { signal } = context;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#refusal !== undefined) return Promise.reject(refusal(this.#refusal));
    const abort = new AbortController();
    return new Promise((resolve, reject) => {
      const end = new LinkEnd(this.#parts, {
        dial: async () => await this.#leaf.connect(handshake, { ...context, signal: abort.signal }),
        cancel: (reason) => abort.abort(reason),
        ping: this.capabilities.ping,
        resolve,
        reject,
      });
      this.#ends.add(end);
      const forget = onAbort(signal, () => end.giveUp(signal.reason));
      void end.settled.then(forget);
    });
  }

  readonly #parts: LinkParts = {
    out: () => new FaultyWire(this.#clock, () => isBlocked(this.#blocked, "out")),
    in: () => new FaultyWire(this.#clock, () => isBlocked(this.#blocked, "in")),
    delayMs: (frame) => this.#delayMs(frame),
    loses: (frame) => {
      const { dropRate } = this.#conditions;
      if (dropRate === 0 || !isDataFrame(frame) || this.#random() >= dropRate) return false;
      this.lost++;
      return true;
    },
    over: (end) => this.#ends.delete(end),
  };

  #delayMs(frame: Frame | undefined): number {
    const { latencyMs, jitterMs, slice } = this.#conditions;
    const jitter = jitterMs === 0 ? 0 : Math.floor(this.#random() * (jitterMs + 1));
    const slices = slice === undefined || frame === undefined
      ? 0
      : Math.max(0, Math.ceil(frameBytes(frame) / slice.bytes) - 1);
    return latencyMs + jitter + slices * (slice?.everyMs ?? 0);
  }
}

/** What both ends of a session need of the link. */
interface LinkParts {
  out(): FaultyWire;
  in(): FaultyWire;
  delayMs(frame?: Frame): number;
  loses(frame: Frame): boolean;
  over(end: LinkEnd): void;
}

interface LinkDial {
  dial(): Promise<WsConnection>;
  /** The leaf's dial is not wanted any more. */
  cancel(reason: unknown): void;
  /** Whether the leaf can ping. */
  readonly ping: boolean;
  resolve(connection: WsConnection): void;
  reject(reason: unknown): void;
}

const cut: SessionEnd = { code: 1006, reason: "", clean: false, origin: "network" };

/** Our end of one dial and of the session that it becomes. */
class LinkEnd implements WsConnection {
  readonly closed: Promise<SessionEnd>;
  /** Resolves when the dial is over, one way or the other. */
  readonly settled: Promise<void>;
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #resolveSettled: () => void = () => {};
  readonly #link: LinkParts;
  readonly #dial: LinkDial;
  readonly #out: FaultyWire;
  readonly #in: FaultyWire;
  #inner: WsConnection | undefined;
  #state: "dialing" | "open" | "closing" | "over" = "dialing";
  #sink: FrameSink | undefined;
  #early: ((sink: FrameSink) => void)[] = [];
  #waitingBytes = 0;
  #readable: ReadableStream<Frame> | undefined;
  #writable: WritableStream<Frame> | undefined;

  constructor(link: LinkParts, dial: LinkDial) {
    this.#link = link;
    this.#dial = dial;
    this.#out = link.out();
    this.#in = link.in();
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.settled = new Promise((resolve) => this.#resolveSettled = resolve);
    this.#out.push(link.delayMs(), () => this.#connect());
  }

  get protocol(): string {
    return this.#inner?.protocol ?? "";
  }

  get bufferedAmount(): number {
    return this.#waitingBytes + (this.#inner?.bufferedAmount ?? 0);
  }

  get readable(): ReadableStream<Frame> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Frame> {
    return this.#writable ??= writableOf(this);
  }

  attach(sink: FrameSink): void {
    if (this.#sink !== undefined) {
      throw new TypeError("Cannot attach: the frames go elsewhere already");
    }
    this.#sink = sink;
    for (const tell of this.#early.splice(0)) tell(sink);
  }

  send(frame: Frame): void {
    if (this.#state !== "open") {
      throw new TransportError("not_connected", "Cannot send frame: the socket is not open");
    }
    if (frame.type === "close") return this.close(frame.code, frame.reason);
    // What the leaf would refuse is refused now: on its way it could only vanish.
    if (frame.type === "pong" || frame.type === "ping" && !this.#dial.ping) {
      throw new TransportError("unsupported", `Cannot send ${frame.type}: this leaf sends none`);
    }
    const sent = taken(frame);
    const bytes = frameBytes(sent);
    this.#waitingBytes += bytes;
    this.#out.push(this.#link.delayMs(sent), () => {
      this.#waitingBytes -= bytes;
      try {
        this.#inner!.send(sent);
      } catch {
        // The far end has closed meanwhile: what was on its way is lost, as on a real wire.
      }
    });
  }

  close(code = 1000, reason = ""): void {
    checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#out.push(this.#link.delayMs(), () => this.#inner!.close(code, reason));
  }

  abandon(): void {
    if (this.#state === "over") return;
    this.#finish();
    this.#sink = undefined;
    this.#early = [];
    this.#inner?.abandon();
    // It is the platform's socket that is left behind, and its end that counts.
    void this.#inner?.closed.then(this.#resolveClosed);
  }

  /** The dial is not wanted any more. */
  giveUp(reason: unknown): void {
    if (this.#state !== "dialing") return;
    this.#fail(reason);
    this.#inner?.abandon();
  }

  /** Cut, on both sides. */
  reset(): void {
    if (this.#state === "over") return;
    if (this.#state === "dialing") this.#fail(refusal({ ...cut, origin: "handshake" }));
    else this.#ended(cut);
    this.#inner?.abandon();
  }

  /** The link lets through again. */
  run(): void {
    this.#out.run();
    this.#in.run();
  }

  #connect(): void {
    this.#dial.dial().then((inner) => {
      if (this.#state !== "dialing") return inner.abandon();
      this.#inner = inner;
      this.#in.push(this.#link.delayMs(), () => this.#opened());
      this.#listen(inner);
    }, (reason) => {
      if (this.#state === "dialing") this.#in.push(this.#link.delayMs(), () => this.#fail(reason));
    });
  }

  #listen(inner: WsConnection): void {
    const frame = (frame: Frame) => {
      if (this.#state === "over" || this.#link.loses(frame)) return;
      this.#in.push(this.#link.delayMs(frame), () => this.#tell((sink) => sink.frame(frame)));
    };
    const dropped = (frames: number, bytes: number) => {
      if (this.#state === "over") return;
      this.#in.push(
        this.#link.delayMs(),
        () => this.#tell((sink) => sink.dropped(frames, bytes)),
      );
    };
    const end = (end: SessionEnd) => {
      if (this.#state === "over") return;
      this.#in.push(this.#link.delayMs(), () => this.#ended(end));
    };
    if (inner.attach === undefined) {
      // What came before the end may still be in the stream.
      const read = pump(inner, frame);
      void inner.closed.then(async (it) => {
        await read;
        end(it);
      });
      return;
    }
    inner.attach({ frame, dropped, end: () => {} });
    void inner.closed.then(end);
  }

  #opened(): void {
    if (this.#state !== "dialing") return;
    this.#state = "open";
    this.#resolveSettled();
    this.#dial.resolve(this);
  }

  #tell(tell: (sink: FrameSink) => void): void {
    if (this.#sink === undefined) this.#early.push(tell);
    else tell(this.#sink);
  }

  #fail(reason: unknown): void {
    this.#finish();
    this.#dial.cancel(reason);
    this.#dial.reject(reason);
  }

  #ended(end: SessionEnd): void {
    this.#finish();
    this.#resolveClosed(end);
    this.#tell((sink) => sink.end(end));
  }

  #finish(): void {
    this.#state = "over";
    this.#out.clear();
    this.#in.clear();
    this.#waitingBytes = 0;
    this.#resolveSettled();
    this.#link.over(this);
  }
}

/** A leaf without the synchronous path: its stream is read instead. */
async function pump(connection: WsConnection, frame: (frame: Frame) => void): Promise<void> {
  const reader = connection.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    frame(value);
  }
}

/** A frame as a leaf has taken it when `send` returns: checked, and without the memory of its owner. */
function taken(
  frame: Exclude<Frame, { readonly type: "close" }>,
): Exclude<Frame, { readonly type: "close" }> {
  if (frame.type === "ping" || frame.type === "pong") return { ...frame, data: frame.data.slice() };
  const checked = dataFrame(frame.data);
  return checked.type === "text" ? checked : { ...checked, data: checked.data.slice() };
}

function isBlocked(blocked: HalfOpenDirection | undefined, direction: "in" | "out"): boolean {
  return blocked === "both" || blocked === direction;
}

function refusal(end: Partial<SessionEnd>): TransportError {
  const detail = end.status === undefined ? "the link refuses" : `status ${end.status}`;
  return new TransportError("connect_failed", `Cannot connect: ${detail}`, {
    end: { ...cut, origin: "handshake", ...end },
  });
}

function checked(
  conditions: LinkConditions,
): Required<Omit<LinkConditions, "slice">> & Pick<LinkConditions, "slice"> {
  const { latencyMs = 0, jitterMs = 0, dropRate = 0, slice } = conditions;
  for (const [name, value] of Object.entries({ latencyMs, jitterMs, dropRate })) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`Cannot set ${name} to ${value}: it must be a finite number, 0 or more`);
    }
  }
  if (dropRate > 1) throw new RangeError(`Cannot set dropRate to ${dropRate}: it is 1 at most`);
  if (slice !== undefined && !(slice.bytes > 0 && slice.everyMs >= 0)) {
    throw new RangeError("Cannot set slice: bytes must be above 0, everyMs 0 or more");
  }
  return { latencyMs, jitterMs, dropRate, ...(slice === undefined ? {} : { slice }) };
}
