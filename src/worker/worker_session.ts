/**
 * The main thread's side of a session whose socket lives in a worker.
 *
 * A batch is acknowledged when the sink has had all of it: a sink that is slow, or a thread that is blocked, takes no more than two. Frames that nobody
 * is attached for yet are kept here, as every leaf keeps them.
 *
 * @module
 */
import { nothing, onAbort } from "../contract/abort.ts";
import {
  checkClose,
  type FrameSink,
  type SessionEnd,
  type WsConnection,
} from "../contract/connection.ts";
import { TransportError } from "../contract/errors.ts";
import { dataFrame, type Frame, frameBytes } from "../contract/frame.ts";
import type { Clock } from "../contract/runtime.ts";
import { readableOf, writableOf } from "../contract/session_streams.ts";
import type { WorkerChannel } from "./channel.ts";
import type { BatchMessage, FromWorker } from "./protocol.ts";
import { receivedFrame } from "./wire.ts";

/** How a {@link WorkerSession} is made. */
export interface WorkerSessionOptions {
  /** The worker. */
  readonly channel: WorkerChannel;
  /** The negotiated subprotocol. */
  readonly protocol: string;
  /** Whether the leaf in the worker can ping. */
  readonly ping: boolean;
  /** Which clock says that a worker without a word for twice so long has gone. @default {none: it may be silent} */
  readonly watch?: { readonly clock: Clock; readonly everyMs: number };
}

/** Frames that wait for whoever attaches, or reads the stream; more than that means that nobody will. */
const MAX_EARLY_FRAMES = 65_536;

/** What `writable` lets worker and socket hold before it waits, in bytes. */
const HIGH_WATER_MARK = 1_048_576;

const lost: SessionEnd = { code: 1006, reason: "", clean: false, origin: "network" };
const lostHere: SessionEnd = { ...lost, origin: "local" };

/** One session over a socket in a worker. */
export class WorkerSession implements WsConnection {
  readonly protocol: string;
  readonly closed: Promise<SessionEnd>;
  readonly #channel: WorkerChannel;
  readonly #ping: boolean;
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #sink: FrameSink | undefined;
  #early: BatchMessage[] = [];
  #earlyFrames = 0;
  #end: SessionEnd | undefined;
  #abandoned = false;
  /** Whether the sink was told the end: nothing follows. */
  #told = false;
  #closing = false;
  /** Bytes posted in all, and of these what the worker has not handled or its socket still holds. */
  #posted = 0;
  #taken = 0;
  #buffered = 0;
  #wakeWriter: () => void = () => {};
  #readable: ReadableStream<Frame> | undefined;
  #writable: WritableStream<Frame> | undefined;

  /** Messages so far. */
  #words = 0;
  #unwatch: () => void = nothing;

  /** Makes one, of a worker whose socket has opened. */
  constructor({ channel, protocol, ping, watch }: WorkerSessionOptions) {
    this.#channel = channel;
    this.#ping = ping;
    this.protocol = protocol;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    if (watch !== undefined) this.#watch(watch, false);
  }

  get bufferedAmount(): number {
    return this.#posted - this.#taken + this.#buffered;
  }

  get readable(): ReadableStream<Frame> {
    return this.#readable ??= readableOf(this, MAX_EARLY_FRAMES, () => this.#fail(lostHere));
  }

  get writable(): WritableStream<Frame> {
    return this.#writable ??= writableOf(this, async (signal) => {
      const forget = onAbort(signal, () => this.#wakeWriter());
      while (this.#isFull && !signal.aborted) {
        await new Promise<void>((resolve) => this.#wakeWriter = resolve);
      }
      forget();
    });
  }

  attach(sink: FrameSink): void {
    if (this.#sink !== undefined) {
      throw new TypeError("Cannot attach: the frames go elsewhere already");
    }
    // Nothing comes any more; a stream that is made now must end all the same.
    if (this.#abandoned) return tell(sink, this.#end ?? lostHere);
    this.#sink = sink;
    const early = this.#early;
    this.#early = [];
    for (const batch of early) this.#deliver(batch);
    this.#tellEnd();
  }

  send(frame: Frame): void {
    if (this.#end !== undefined || this.#closing || this.#abandoned) {
      throw new TransportError("not_connected", "Cannot send frame: the socket is not open");
    }
    switch (frame.type) {
      case "text":
      case "binary":
        return this.#post(dataFrame(frame.data));
      case "ping":
        if (this.#ping) return this.#post(frame);
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
    this.#channel.post({ type: "close", code, reason });
  }

  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#unwatch();
    this.#early = [];
    // Contained: the stream may be the one whose cancelling led here, and cannot be closed any more.
    const sink = this.#readable !== undefined && this.#end === undefined ? this.#sink : undefined;
    if (sink !== undefined) tell(sink, lostHere);
    this.#sink = undefined;
    this.#wakeWriter();
    void this.#channel.end().then(() => this.#finish(lostHere));
  }

  /** The worker said something. */
  take(message: FromWorker | undefined): void {
    this.#words++;
    switch (message?.type) {
      case "batch": {
        const { taken } = message;
        // Never more than was posted, and never less than before.
        this.#taken = Math.max(this.#taken, Math.min(this.#posted, taken));
        this.#buffered = message.buffered;
        this.#wakeWriter();
        if (this.#sink !== undefined) this.#deliver(message);
        else this.#keep(message);
        return this.#channel.post({ type: "ack" });
      }
      case "end": {
        const { dead, end } = message;
        if (dead !== undefined) {
          const error = new TransportError(dead.code, dead.message);
          this.#guarded((sink) => sink.report?.({ type: "dead", error }));
        }
        return this.#finish(end);
      }
      default:
        return this.#fail(lostHere);
    }
  }

  /** The worker has ended by itself. */
  gone(): void {
    this.#fail(lostHere);
  }

  /** Two looks in a row: with the first one, after a thread was blocked or a machine slept, what was said may wait to be heard. */
  #watch(watch: NonNullable<WorkerSessionOptions["watch"]>, silent: boolean): void {
    const words = this.#words;
    this.#unwatch = watch.clock.setTimer(() => {
      if (this.#words !== words) return this.#watch(watch, false);
      if (silent) return this.gone();
      this.#watch(watch, true);
    }, watch.everyMs);
  }

  get #isFull(): boolean {
    return this.bufferedAmount > HIGH_WATER_MARK && this.#end === undefined && !this.#abandoned;
  }

  #post(frame: Exclude<Frame, { readonly type: "close" }>): void {
    this.#posted += frameBytes(frame);
    if (frame.type === "text") return this.#channel.post({ type: "send", frame });
    // The caller keeps its bytes; the copy goes over without another.
    const data = frame.data.slice();
    this.#channel.post({ type: "send", frame: { type: frame.type, data } }, [data.buffer]);
  }

  #keep(batch: BatchMessage): void {
    const { frames, reports, droppedFrames } = batch;
    // The answer to a send; whoever only sends, and never attaches, must not gather these.
    if (frames.length === 0 && reports.length === 0 && droppedFrames === 0) return;
    this.#early.push(batch);
    this.#earlyFrames += frames.length;
    if (this.#earlyFrames > MAX_EARLY_FRAMES) this.#fail(lost);
  }

  #deliver({ droppedFrames, droppedBytes, frames, reports }: BatchMessage): void {
    if (droppedFrames > 0) this.#guarded((sink) => sink.dropped(droppedFrames, droppedBytes));
    for (const frame of frames) this.#guarded((sink) => sink.frame(receivedFrame(frame)));
    for (const type of reports) this.#guarded((sink) => sink.report?.({ type }));
  }

  /** Runs the sink. What it throws must not reach the platform; the session's end tells of it. */
  #guarded(run: (sink: FrameSink) => void): void {
    if (this.#sink === undefined || this.#abandoned || this.#told) return;
    try {
      run(this.#sink);
    } catch {
      this.#fail(lostHere);
    }
  }

  /** Ends the session from this side. */
  #fail(end: SessionEnd): void {
    if (this.#end !== undefined || this.#abandoned) return;
    this.#early = [];
    this.#finish(end);
  }

  #finish(end: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#unwatch();
    this.#resolveClosed(end);
    this.#wakeWriter();
    void this.#channel.end();
    this.#tellEnd();
  }

  #tellEnd(): void {
    const [sink, end] = [this.#sink, this.#end];
    if (sink === undefined || end === undefined || this.#abandoned || this.#told) return;
    this.#told = true;
    tell(sink, end);
  }
}

function tell(sink: FrameSink, end: SessionEnd): void {
  try {
    sink.end(end);
  } catch {
    // The session has ended as it is; its `closed` says so too.
  }
}
