/**
 * Both axes of a connection, assembled: what happens to a frame between socket and application.
 *
 * ```text
 * recv   socket ─> heartbeat ─> your layers ─> dropOldestBuffer ─> readable | for await | batches
 * send   socket <─ your layers <─ sendRateLimit <─ outbox (epoch fence) <─ send() | writable
 * ```
 *
 * The recv layers run synchronously from the socket's message event, so that control handling never waits behind data, and so that the buffer
 * sees every frame of a burst before the reader does.
 *
 * @module
 */
import { handled, onAbort } from "./contract/abort.ts";
import type { FrameSink } from "./contract/connection.ts";
import { TransportError } from "./contract/errors.ts";
import { dataFrame, type DeliveredFrame, type Frame, isDataFrame } from "./contract/frame.ts";
import type { ResolvedOptions } from "./contract/options.ts";
import type { Clock } from "./contract/runtime.ts";
import type { FrameLayer, SessionContext, SessionStart } from "./contract/session.ts";
import type { Axes, AxesSession } from "./reconnect/axes.ts";
import { DropOldestBuffer } from "./recv/drop_oldest_buffer.ts";
import { fuse, fuseWith } from "./recv/fuse.ts";
import { Heartbeat, heartbeat } from "./recv/heartbeat.ts";
import { Outbox } from "./send/outbox.ts";
import { gateOf } from "./send/send_rate_limit.ts";

/** What the axes tell the rest. */
export interface AxesHooks {
  /** Frames were lost or are not wanted any more. */
  onCount(): void;
  /** A session must end, for this reason. */
  onFailed(epoch: number, error: TransportError): void;
  /** The reader wants no more. */
  onCancel(): void;
  /** Nothing new is delivered or sent: what was counted as lost will not grow. */
  onFinish(): void;
}

type Tap = (frame: DeliveredFrame) => void;

/** Buffer and outbox, and the layers of the session that is open. */
export class ConnectionAxes implements Axes {
  /** The recv axis. */
  readonly buffer: DropOldestBuffer;
  /** The send axis. */
  readonly outbox: Outbox;
  /** Round trip of the last answered ping, in milliseconds. */
  roundTripMs: number | undefined;
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #hooks: AxesHooks;
  readonly #recvLayers: readonly FrameLayer[];
  readonly #sendLayers: readonly FrameLayer[];
  #taps: Tap[] = [];
  #listen: () => void = () => {};
  #release: () => void = () => {};
  /** The session that is open: what layers of an earlier one say has no effect. */
  #epoch = 0;
  #pingAt: number | undefined;

  /** Makes them without a session. `recvAxis`: the leaf has heartbeat and buffer of its own. */
  constructor(
    options: ResolvedOptions,
    { clock, hooks, recvAxis }: { clock: Clock; hooks: AxesHooks; recvAxis: boolean },
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#hooks = hooks;
    const gate = gateOf(options.sendRateLimit);
    const { sendRateLimit, liveness } = options;
    this.#recvLayers = recvAxis ? options.recv : [heartbeat(definedOf(liveness)), ...options.recv];
    this.#sendLayers = gate === undefined && sendRateLimit !== undefined
      ? [sendRateLimit, ...options.send.layers]
      : options.send.layers;
    this.buffer = new DropOldestBuffer({
      ...options.buffer,
      clock,
      onLag: () => hooks.onCount(),
      onOverflow: (epoch) => this.#overflow(epoch),
      onCancel: () => {
        hooks.onCount();
        hooks.onCancel();
      },
    });
    this.outbox = new Outbox({
      ...options.send,
      clock,
      gate,
      onStuck: (epoch, error) => hooks.onFailed(epoch, error),
      onFailed: (epoch, error) => hooks.onFailed(epoch, error),
    });
  }

  get lastSeq(): number {
    return this.buffer.seq;
  }

  get lagged(): number {
    return this.buffer.lagged;
  }

  get laggedBytes(): number {
    return this.buffer.laggedBytes;
  }

  get discarded(): number {
    return this.buffer.discarded;
  }

  open(session: AxesSession): void {
    const { epoch, connection, signal } = session;
    this.#epoch = epoch;
    const context: SessionContext = {
      epoch,
      clock: this.#clock,
      signal,
      send: (frame) => this.#sendAside(frame, epoch),
      report: (event) => {
        if (this.#epoch !== epoch) return;
        if (event.type === "dropped") this.#dropped(event.frames, event.bytes);
        else session.report(event);
      },
    };
    let layers: Transformer<Frame, Frame> | undefined;
    const fail = (what: string, cause: unknown) =>
      this.#hooks.onFailed(
        epoch,
        new TransportError("layer_failed", `Session ${epoch} lost: ${what}`, { cause, epoch }),
      );
    try {
      if (this.#sendLayers.length > 0) {
        layers = fuse(...this.#sendLayers.map((layer) => layer(context)));
      }
    } catch (error) {
      // Without its layers nothing may be sent in this session, and nothing of it need be read.
      return fail("a send layer failed", error);
    }
    this.outbox.open({ epoch, connection, layers });
    this.#prepare(session, context, fail);
  }

  listen(): void {
    const listen = this.#listen;
    this.#listen = () => {};
    listen();
  }

  start(): void {
    this.outbox.start();
  }

  release(error: TransportError): void {
    this.#release();
    this.#release = this.#listen = () => {};
    this.#epoch = 0;
    this.#pingAt = undefined;
    this.outbox.lose(error);
  }

  finish(error: TransportError | undefined, sendError: TransportError): void {
    this.buffer.end(error);
    this.outbox.end(sendError);
    this.#hooks.onFinish();
  }

  sessionStart(session: AxesSession): SessionStart {
    const { epoch, connection, signal } = session;
    return {
      epoch,
      protocol: connection.protocol,
      signal,
      send: (data) => {
        let frame: Frame;
        try {
          frame = dataFrame(data);
        } catch (error) {
          return handled(Promise.reject(error));
        }
        return handled(this.outbox.sendFirst(frame, epoch));
      },
      next: (match) =>
        handled(
          new Promise<DeliveredFrame>((resolve, reject) => {
            if (signal.aborted) return reject(signal.reason);
            const tap: Tap = (frame) => {
              try {
                if (!match(frame)) return;
                resolve(frame);
              } catch (error) {
                reject(error);
              }
              forget();
              this.#taps = this.#taps.filter((other) => other !== tap);
            };
            const forget = onAbort(signal, () => {
              this.#taps = this.#taps.filter((other) => other !== tap);
              reject(signal.reason);
            });
            this.#taps = [...this.#taps, tap];
          }),
        ),
    };
  }

  #sendAside(frame: Frame, epoch: number): void {
    if (frame.type === "ping") this.#pingAt = this.#clock.now();
    this.outbox.sendAside(frame, epoch);
  }

  /** Builds the recv layers of one session, for the socket's frames to run through. */
  #prepare(
    session: AxesSession,
    context: SessionContext,
    fail: (what: string, cause: unknown) => void,
  ): void {
    const { epoch, connection } = session;
    let over = false;
    const broken = (error: unknown) => {
      if (over) return;
      over = true;
      fail("a recv layer failed", error);
    };
    const out: TransformStreamDefaultController<Frame> = {
      desiredSize: 1,
      enqueue: (frame) => {
        if (frame !== undefined && isDataFrame(frame)) this.#deliver(frame, epoch);
      },
      error: (reason) => broken(reason),
      terminate: () => broken(new Error("the layer has terminated")),
    };
    let chain: Transformer<Frame, Frame> = {};
    let beat: Heartbeat | undefined;
    try {
      const layers = this.#recvLayers.map((layer) => layer(context));
      const [first] = layers;
      if (layers.length === 1 && first instanceof Heartbeat) {
        // The heartbeat alone is as good as fused with nothing, and nearer.
        chain = first;
        if (first.hearsAll) beat = first;
      } else {
        chain = fuseWith(layers, (index, method) => this.#notSynchronous(index, method));
      }
      void chain.start!(out);
    } catch (error) {
      broken(error);
    }
    const { buffer } = this;
    const sink: FrameSink = {
      ...beat === undefined ? {} : {
        // The way of nearly every frame: what a layer would do, without the frame that only layers look at.
        text: (data: string) => {
          if (over) return;
          beat.hear();
          this.#delivered(buffer.pushText(data, epoch));
        },
      },
      frame: (frame) => {
        if (over) return;
        if (frame.type === "pong") this.#pong();
        try {
          void chain.transform!(frame, out);
        } catch (error) {
          broken(error);
        }
      },
      dropped: (frames, bytes) => {
        if (over) return;
        this.#dropped(frames, bytes);
        if (this.#options.buffer.overflow === "fail" && frames > 0) this.#overflow(epoch);
      },
      report: (event) => {
        if (over) return;
        if (event.type !== "dead") return context.report(event);
        // The leaf does not know which session it is.
        const { code, message } = event.error;
        const error = new TransportError(code, message, { cause: event.error, epoch });
        context.report({ type: "dead", error });
      },
      end: () => {},
    };
    let stop = () => {};
    this.#release = () => {
      stop();
      if (over) return;
      try {
        void chain.flush?.(out);
      } catch {
        // The session is over whatever a layer thinks of it.
      }
      over = true;
    };
    this.#listen = () => {
      if (connection.attach !== undefined) return connection.attach(sink);
      const reader = connection.readable.getReader();
      stop = () => void handled(reader.cancel());
      pump(reader, sink).catch((cause) => {
        if (over) return;
        over = true;
        fail("its stream failed", cause);
      });
    };
  }

  #deliver(frame: Frame & { readonly type: "text" | "binary" }, epoch: number): void {
    this.#delivered(this.buffer.push(frame, epoch));
  }

  #delivered(frame: DeliveredFrame): void {
    if (this.#taps.length > 0) { for (const tap of this.#taps) tap(frame); }
    if (!this.buffer.open) this.#hooks.onCount();
  }

  #overflow(epoch: number): void {
    const message = `Session ${epoch} ended: the reader is too slow`;
    this.#hooks.onFailed(epoch, new TransportError("overflow", message, { epoch }));
  }

  #dropped(frames: number, bytes: number): void {
    this.buffer.dropped(frames, bytes);
    if (!this.buffer.open) this.#hooks.onCount();
  }

  #pong(): void {
    if (this.#pingAt === undefined) return;
    this.roundTripMs = this.#clock.now() - this.#pingAt;
    this.#pingAt = undefined;
  }

  #notSynchronous(index: number, method: string): TypeError {
    const name = this.#recvLayers[index]?.name || `number ${index}`;
    return new TypeError(
      `Recv layer ${name} returned a promise from ${method}: recv layers run inside the socket's event; ` +
        "do async work behind readable",
    );
  }
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

/** The same object without members that are `undefined`. */
export function definedOf<T extends object>(
  value: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
