/**
 * One session on both axes: the layers that its frames pass, and what becomes of them.
 *
 * The leaf's sink, the outlet of the recv layers and the context of the heartbeat are one object: a connection that is idle should not hold a
 * closure for each thing that may happen to it.
 *
 * @module
 */
import { handled, ignored, onAbort, rejected } from "./contract/abort.ts";
import type { FrameSink } from "./contract/connection.ts";
import { sessionLost, TransportError } from "./contract/errors.ts";
import { dataFrame, type DeliveredFrame, type Frame, isDataFrame } from "./contract/frame.ts";
import type { ResolvedOptions } from "./contract/options.ts";
import type { Clock } from "./contract/runtime.ts";
import type {
  FrameLayer,
  FrameTransformer,
  SessionContext,
  SessionEvent,
  SessionStart,
} from "./contract/session.ts";
import type { AxesSession } from "./reconnect/axes.ts";
import type { BufferHooks, DropOldestBuffer } from "./recv/drop_oldest_buffer.ts";
import { fuse, fuseWith } from "./recv/fuse.ts";
import { Heartbeat, type HeartbeatContext } from "./recv/heartbeat.ts";
import type { Outbox, OutboxHooks } from "./send/outbox.ts";

/** What the axes tell the rest. */
export interface AxesHooks extends BufferHooks, OutboxHooks {
  /** Frames were lost or are not wanted any more. */
  onCount(): void;
  /** A layer, or a leaf with a heartbeat of its own, reports. */
  onReport(epoch: number, event: SessionEvent): void;
  /** Nothing new is delivered or sent: what was counted as lost will not grow. */
  onFinish(): void;
}

/** What a session finds when it opens. */
export interface FlowParts {
  readonly hooks: AxesHooks;
  readonly buffer: DropOldestBuffer;
  readonly outbox: Outbox;
  readonly recvLayers: readonly FrameLayer[];
  readonly sendLayers: readonly FrameLayer[];
  /** What the heartbeat is told; `undefined` where the leaf has one of its own. */
  readonly liveness: ResolvedOptions["liveness"] | undefined;
  /** Round trip of the last answered ping, in milliseconds. */
  roundTripMs: number | undefined;
}

type Tap = (frame: DeliveredFrame) => void;

/** Nobody asked for a frame: shared, as most sessions never have one who does. */
const nobody: readonly Tap[] = [];

/** One session's layers and sink. */
export class SessionFlow implements FrameSink, HeartbeatContext {
  readonly epoch: number;
  /** Where no layer looks at frames: the way of nearly every one, without the object that only layers look at. */
  readonly text?: (data: string) => void;
  readonly desiredSize = 1;
  readonly #parts: FlowParts;
  readonly #session: AxesSession;
  #chain: FrameTransformer = {};
  #beat: Heartbeat | undefined;
  /** Whether its frames are not wanted any more. */
  #over = false;
  /** Whether the session has ended: what its layers say has no effect. */
  #released = false;
  #listens = false;
  #taps: readonly Tap[] = nobody;
  #pingAt: number | undefined;
  #reader: ReadableStreamDefaultReader<Frame> | undefined;

  /** Opens the outbox, and builds the recv layers; frames flow from {@link listen} on. */
  constructor(parts: FlowParts, session: AxesSession) {
    this.#parts = parts;
    this.#session = session;
    const { epoch, connection } = session;
    this.epoch = epoch;
    const { recvLayers, sendLayers, liveness } = parts;
    const context = this.#context();
    let layers: FrameTransformer | undefined;
    try {
      if (sendLayers.length > 0) layers = fuse(...sendLayers.map((layer) => layer(context)));
    } catch (error) {
      // Without its layers nothing may be sent in this session, and nothing of it need be read.
      this.#over = this.#released = true;
      this.#fail("a send layer failed", error);
      return;
    }
    parts.outbox.open({ epoch, connection, layers });
    try {
      const beat = liveness === undefined ? undefined : new Heartbeat(this, liveness);
      this.#beat = beat;
      if (beat !== undefined && recvLayers.length === 0) {
        // The heartbeat alone is as good as fused with nothing, and nearer.
        this.#chain = beat;
        if (beat.hearsAll) this.text = this.#short(beat);
      } else {
        const recv = recvLayers.map((layer) => layer(context));
        const all = beat === undefined ? recv : [beat, ...recv];
        this.#chain = fuseWith(all, (index, method) => {
          const layer = recvLayers[index - all.length + recv.length];
          return notSynchronous(layer?.name || `number ${index}`, method);
        });
      }
      void this.#chain.start!(this);
    } catch (error) {
      this.error(error);
    }
  }

  get clock(): Clock {
    return this.#parts.hooks.clock;
  }

  /** Its frames flow from now on. */
  listen(): void {
    if (this.#listens || this.#released) return;
    this.#listens = true;
    const { connection } = this.#session;
    if (connection.attach !== undefined) return connection.attach(this);
    const reader = this.#reader = connection.readable.getReader();
    pump(reader, this).catch((cause) => {
      if (this.#over) return;
      this.#over = true;
      this.#fail("its stream failed", cause);
    });
  }

  /** The session has ended: nothing of it flows any more. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#beat?.stop();
    if (this.#reader !== undefined) void handled(this.#reader.cancel());
    if (this.#over) return;
    try {
      void this.#chain.flush?.(this);
    } catch {
      // The session is over whatever a layer thinks of it.
    }
    this.#over = true;
  }

  /** What the start hook is given. */
  sessionStart(): SessionStart {
    const { epoch, connection, signal } = this.#session;
    return {
      epoch,
      protocol: connection.protocol,
      signal,
      send: (data) => {
        try {
          return handled(this.#parts.outbox.sendFirst(dataFrame(data), epoch));
        } catch (error) {
          return rejected(error);
        }
      },
      next: (match) =>
        handled(
          new Promise<DeliveredFrame>((resolve, reject) => {
            const leave = () => {
              this.#taps = this.#taps.filter((other) => other !== tap);
            };
            const tap: Tap = (frame) => {
              try {
                const fits = match(frame);
                ignored(fits);
                if (!fits) return;
                resolve(frame);
              } catch (error) {
                reject(error);
              }
              forget();
              leave();
            };
            this.#taps = [...this.#taps, tap];
            const forget = onAbort(signal, () => {
              leave();
              reject(signal.reason);
            });
          }),
        ),
    };
  }

  /** From a layer: sends ahead of the application. */
  send(frame: Frame): void {
    if (frame.type === "ping") this.#pingAt = this.clock.now();
    this.#parts.outbox.sendAside(frame, this.epoch);
  }

  /** From a layer's context. */
  #reported(event: SessionEvent): void {
    if (this.#released) return;
    if (event.type === "dropped") this.#dropped(event.frames, event.bytes);
    else this.#parts.hooks.onReport(this.epoch, event);
  }

  /** From our heartbeat, or from that of the leaf. */
  report(event: SessionEvent): void {
    if (this.#over) return;
    if (event.type !== "dead" || this.#beat !== undefined) return this.#reported(event);
    // The leaf does not know which session it is.
    const { code, message } = event.error;
    const { epoch } = this;
    const error = new TransportError(code, message, { cause: event.error, epoch });
    this.#reported({ type: "dead", error });
  }

  /** From the leaf. */
  frame(frame: Frame): void {
    if (this.#over) return;
    if (frame.type === "pong" && this.#pingAt !== undefined) {
      this.#parts.roundTripMs = this.clock.now() - this.#pingAt;
      this.#pingAt = undefined;
    }
    try {
      void this.#chain.transform!(frame, this);
    } catch (error) {
      this.error(error);
    }
  }

  /** From the leaf. */
  dropped(frames: number, bytes: number): void {
    if (this.#over) return;
    this.#dropped(frames, bytes);
    if (this.#parts.buffer.fails && frames > 0) this.#parts.hooks.onOverflow(this.epoch);
  }

  /** From the leaf; the supervisor hears of it by the connection's `closed`. */
  end(): void {}

  /** From the last recv layer. */
  enqueue(frame?: Frame): void {
    if (frame !== undefined && isDataFrame(frame)) {
      this.#delivered(this.#parts.buffer.push(frame, this.epoch));
    }
  }

  /** A recv layer failed. */
  error(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#fail("a recv layer failed", reason);
  }

  /** The last recv layer wants no more. */
  terminate(): void {
    this.error(new Error("the layer has terminated"));
  }

  #short(beat: Heartbeat): (data: string) => void {
    const { epoch } = this;
    const { buffer } = this.#parts;
    return (data) => {
      if (this.#over) return;
      beat.hear();
      this.#delivered(buffer.pushText(data, epoch));
    };
  }

  /** For layers of the application, which may copy it. */
  #context(): SessionContext {
    const { epoch, clock } = this;
    const session = this.#session;
    return {
      epoch,
      clock,
      get signal() {
        return session.signal;
      },
      send: (frame) => this.send(frame),
      report: (event) => this.#reported(event),
    };
  }

  #delivered(frame: DeliveredFrame): void {
    if (this.#taps.length > 0) { for (const tap of this.#taps) tap(frame); }
    const { buffer, hooks } = this.#parts;
    if (!buffer.open) hooks.onCount();
  }

  #dropped(frames: number, bytes: number): void {
    const { buffer, hooks } = this.#parts;
    buffer.dropped(frames, bytes);
    if (!buffer.open) hooks.onCount();
  }

  #fail(what: string, cause: unknown): void {
    const { epoch } = this;
    const error = sessionLost("layer_failed", epoch, what, { cause });
    this.#parts.hooks.onFailed(epoch, error);
  }
}

function notSynchronous(name: string, method: string): TypeError {
  return new TypeError(
    `Recv layer ${name} returned a promise from ${method}: recv layers run inside the socket's event; ` +
      "do async work behind readable",
  );
}

/** A leaf without the synchronous path: its stream is read instead. */
async function pump(
  reader: ReadableStreamDefaultReader<Frame>,
  sink: FrameSink,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    sink.frame(value);
  }
}
