/**
 * The worker's side: one dial, and one session with heartbeat and ring.
 *
 * ```text
 *   socket ─> heartbeat ─> ring ─> batch ─(credit)─> main thread
 *   socket <───────────────────── send, close <───── main thread
 * ```
 *
 * It never waits for the main thread: while that is blocked, frames are read, pings are answered by the platform, silence is noticed, and the ring drops
 * the oldest and counts.
 *
 * @module
 */
import { nothing } from "../contract/abort.ts";
import type { SessionEnd, WsConnection } from "../contract/connection.ts";
import type { WsConnector } from "../contract/connector.ts";
import { isTransportError } from "../contract/errors.ts";
import { type Frame, frameBytes, isDataFrame } from "../contract/frame.ts";
import type { Clock } from "../contract/runtime.ts";
import type { SessionEvent } from "../contract/session.ts";
import { heartbeat } from "../recv/heartbeat.ts";
import { BatchQueue } from "./batch_queue.ts";
import {
  CREDIT,
  type DialMessage,
  type FromWorker,
  type HostedAxis,
  PROTOCOL_VERSION,
  readToWorker,
  type Report,
  wordEveryMs,
} from "./protocol.ts";
import { failureOf, wireFrame } from "./wire.ts";

/** What a {@link SocketHost} works with. */
export interface SocketHostOptions {
  /** Says something to the main thread. */
  readonly post: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  /** The leaf that dials. */
  readonly connector: WsConnector;
  /** Time. */
  readonly clock: Clock;
}

/** The buffer of a raw session, which was told none: the defaults of a connection. */
const defaultBuffer: HostedAxis["buffer"] = {
  maxFrames: 16_384,
  maxBytes: 16_777_216,
  overflow: "dropOldest",
};

/** How often a socket that holds sent bytes is looked at; no platform has a drain event. */
const POLL_MS = 10;

/** Reports that wait for a blocked main thread. Levels count, so the newest are what matters. */
const MAX_REPORTS = 32;

const lostHere: SessionEnd = { code: 1006, reason: "", clean: false, origin: "local" };

/** One dial and its session. */
export class SocketHost {
  readonly #options: SocketHostOptions;
  readonly #abort: AbortController = new AbortController();
  #dial: DialMessage | undefined;
  #connection: WsConnection | undefined;
  #queue: BatchQueue = new BatchQueue(defaultBuffer);
  #credit = CREDIT;
  #reports: Report[] = [];
  #taken = 0;
  #news = false;
  #turning = false;
  #toldBuffered = 0;
  #cancelPoll: (() => void) | undefined;
  #cancelWord: () => void = nothing;
  #last: (FromWorker & { readonly type: "end" }) | undefined;
  #over = false;

  /** Makes one and says hello. */
  constructor(options: SocketHostOptions) {
    this.#options = options;
    const { capabilities } = options.connector;
    options.post({ type: "hello", version: PROTOCOL_VERSION, capabilities }, []);
  }

  /** Takes what the main thread said. */
  receive(value: unknown): void {
    const message = readToWorker(value);
    if (message === undefined) return this.#misunderstood();
    switch (message.type) {
      case "dial":
        return this.#dial === undefined ? void this.#connect(message) : this.#misunderstood();
      case "send":
        return this.#send(message.frame);
      case "close":
        return this.#close(message.code, message.reason);
      case "ack":
        this.#credit = Math.min(CREDIT, this.#credit + 1);
        return this.#flush();
      default:
        return message satisfies never;
    }
  }

  async #connect(dial: DialMessage): Promise<void> {
    this.#dial = dial;
    try {
      const handshake = {
        url: new URL(dial.url),
        protocols: [...dial.protocols],
        headers: new Headers(dial.headers.map(([name, value]): [string, string] => [name, value])),
      };
      const { signal } = this.#abort;
      this.#adopt(await this.#options.connector.connect(handshake, { signal }), dial);
    } catch (error) {
      this.#over = true;
      this.#options.post(failureOf(error), []);
    }
  }

  #adopt(connection: WsConnection, dial: DialMessage): void {
    this.#connection = connection;
    this.#queue = new BatchQueue(dial.axis?.buffer ?? defaultBuffer);
    this.#options.post({ type: "opened", protocol: connection.protocol }, []);
    const pass = (frame: Frame) => this.#received(frame, dial);
    const frame = dial.axis === undefined ? pass : this.#watched(pass, dial.axis);
    if (dial.axis !== undefined) this.#word(wordEveryMs(dial.axis));
    let read: Promise<void> | undefined;
    if (connection.attach === undefined) read = pump(connection, frame);
    else connection.attach({ frame, dropped: () => {}, end: () => {} });
    void connection.closed.then(async (end) => {
      await read;
      this.#end({ type: "end", end });
    });
  }

  /** Puts the heartbeat in front. */
  #watched(pass: (frame: Frame) => void, { liveness }: HostedAxis): (frame: Frame) => void {
    const layer = heartbeat(liveness)({
      epoch: 0, // the main thread knows which it is
      clock: this.#options.clock,
      signal: this.#abort.signal,
      send: (frame) => {
        try {
          this.#connection?.send(frame);
        } catch {
          // The socket has ended, and its end is on its way.
        }
      },
      report: (event) => this.#report(event),
    });
    const out: TransformStreamDefaultController<Frame> = {
      desiredSize: 1,
      enqueue: (frame) => {
        if (frame !== undefined) pass(frame);
      },
      error: () => this.#fail(lostHere),
      terminate: () => this.#fail(lostHere),
    };
    void layer.start?.(out);
    return (frame) => void layer.transform?.(frame, out);
  }

  #report(event: SessionEvent): void {
    switch (event.type) {
      case "dead": {
        const { code, message } = event.error;
        this.#connection?.abandon();
        const dead = { code: code === "layer_failed" ? code : "session_lost", message } as const;
        return this.#end({ type: "end", end: lostHere, dead });
      }
      case "dropped":
        return;
      default: {
        if (this.#reports.length >= MAX_REPORTS) {
          this.#reports.splice(Math.max(0, this.#reports.indexOf("probe")), 1);
        }
        this.#reports.push(event.type);
        return this.#flush();
      }
    }
  }

  #received(frame: Frame, { seePing, maxMessageBytes }: DialMessage): void {
    if (this.#over || this.#last !== undefined) return;
    if (!isDataFrame(frame)) {
      if (!seePing || frame.type === "close") return;
    } else if (frameBytes(frame) > maxMessageBytes) {
      return this.#fail({ code: 1009, reason: "", clean: false, origin: "protocol" });
    }
    this.#queue.push(frame);
    this.#flush();
  }

  #send(frame: Frame): void {
    this.#taken += frameBytes(frame);
    this.#news = true;
    if (this.#over || this.#last !== undefined || this.#connection === undefined) return;
    try {
      this.#connection.send(frame);
    } catch (error) {
      // Not open any more: its end is on its way. Anything else is a frame that is lost, so the session is.
      if (!isTransportError(error, "not_connected")) this.#fail(lostHere);
    }
    if (this.#turning) return;
    // One answer for all that is sent in one turn.
    this.#turning = true;
    this.#options.clock.turn(() => {
      this.#turning = false;
      this.#flush();
    });
  }

  #close(code: number, reason: string): void {
    if (this.#over || this.#last !== undefined) return;
    try {
      this.#connection?.close(code, reason);
    } catch {
      this.#fail(lostHere);
    }
  }

  /** Ends the session from here. */
  #fail(end: SessionEnd): void {
    this.#connection?.abandon();
    this.#end({ type: "end", end });
  }

  /** The first end counts; it crosses after the frames. */
  #end(last: FromWorker & { readonly type: "end" }): void {
    if (this.#over || this.#last !== undefined) return;
    this.#last = last;
    this.#abort.abort();
    this.#cancelPoll?.();
    this.#cancelWord();
    this.#flush();
  }

  /** Not every platform tells the main thread of a worker that has exited, and none of one that is stuck. */
  #word(everyMs: number): void {
    this.#cancelWord = this.#options.clock.setTimer(() => {
      this.#news = true;
      this.#flush();
      this.#word(everyMs);
    }, everyMs);
  }

  /** What we do not understand may have been a frame to send: the session cannot go on as if nothing were. */
  #misunderstood(): void {
    if (this.#connection !== undefined) return this.#fail(lostHere);
    this.#over = true;
    this.#abort.abort();
    const message = "Cannot connect: the worker was told what it does not know";
    this.#options.post({ type: "failed", code: "protocol_error", message }, []);
  }

  #flush(): void {
    const connection = this.#connection;
    if (this.#over || connection === undefined) return;
    while (
      this.#credit > 0 && (!this.#queue.empty || this.#reports.length > 0 || this.#news)
    ) {
      this.#credit--;
      this.#news = false;
      const reports = this.#reports;
      this.#reports = [];
      const { frames, ...loss } = this.#queue.take();
      const transfer: ArrayBuffer[] = [];
      const wire = frames.map((frame) => wireFrame(frame, transfer));
      const buffered = this.#toldBuffered = connection.bufferedAmount;
      const taken = this.#taken;
      const { post } = this.#options;
      post({ type: "batch", ...loss, frames: wire, reports, taken, buffered }, transfer);
    }
    if (this.#last !== undefined) {
      if (!this.#queue.empty || this.#reports.length > 0) return;
      this.#over = true;
      return this.#options.post(this.#last, []);
    }
    if (this.#toldBuffered > 0) this.#poll(connection);
  }

  #poll(connection: WsConnection): void {
    if (this.#cancelPoll !== undefined) return;
    this.#cancelPoll = this.#options.clock.setTimer(() => {
      this.#cancelPoll = undefined;
      this.#news ||= connection.bufferedAmount !== this.#toldBuffered;
      this.#flush();
    }, POLL_MS);
  }
}

/** A leaf without the synchronous path. */
async function pump(connection: WsConnection, take: (frame: Frame) => void): Promise<void> {
  const reader = connection.readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) take(next.value);
}
