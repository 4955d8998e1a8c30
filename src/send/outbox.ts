/**
 * The outbox: frames on their way to the socket, with the fence between sessions.
 *
 * Rules:
 * - An entry belongs to one epoch, or to any (`hold`). When a session ends, the entries of its epoch reject with `stale_session`; held ones wait.
 * - Order: start (`onSession`), then probes and other frames of layers, then the application; first in, first out. The application's frames wait
 *   behind the start.
 * - One frame at a time is handed off, and only when the rate limit has a token and the socket holds no more than `highWaterMarkBytes`. Token
 *   and place are taken at the hand-off, so a frame that is withdrawn before costs nothing.
 * - Everything is bounded: frames and bytes that wait, and the time without progress.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { WsConnection } from "../contract/connection.ts";
import { isTransportError, TransportError } from "../contract/errors.ts";
import { type Frame, frameBytes } from "../contract/frame.ts";
import type { Clock } from "../contract/runtime.ts";
import type { SendGate } from "./send_rate_limit.ts";

/** Who sends. Lower goes first. */
export type Rank = 0 | 1 | 2;

/** How an {@link Outbox} is made. */
export interface OutboxOptions {
  readonly clock: Clock;
  readonly maxWaitingFrames: number;
  readonly maxWaitingBytes: number;
  readonly highWaterMarkBytes: number;
  readonly timeoutMs: number;
  /** The rate limit, if there is one. */
  readonly gate: SendGate | undefined;
  /** Nothing could be handed off for `timeoutMs`. */
  readonly onStuck: (epoch: number, error: TransportError) => void;
  /** A layer failed. */
  readonly onFailed: (epoch: number, error: TransportError) => void;
}

/** One session as the outbox sees it. */
export interface OutboxSession {
  readonly epoch: number;
  readonly connection: WsConnection;
  /** The user's layers, fused; `undefined` if there are none. */
  readonly layers: Transformer<Frame, Frame> | undefined;
}

interface Entry {
  readonly frame: Frame;
  readonly bytes: number;
  readonly rank: Rank;
  /** The epoch that it belongs to; `undefined` is any. */
  readonly epoch: number | undefined;
  readonly settle: (error: { readonly reason: unknown } | undefined) => void;
}

/** How often a full socket is looked at: platforms have no drain event. */
const POLL_MS = 10;

const done: Promise<void> = Promise.resolve();

/** A bounded queue of frames in front of whichever socket is open. */
export class Outbox {
  /** Frames handed to a socket. */
  sent = 0;
  /** Frames that wait. */
  waiting = 0;
  /** What they hold, in bytes. */
  waitingBytes = 0;
  readonly #options: OutboxOptions;
  readonly #queues: readonly [Entry[], Entry[], Entry[]] = [[], [], []];
  #session: OutboxSession | undefined;
  #controller: TransformStreamDefaultController<Frame> | undefined;
  #started = false;
  #over: TransportError | undefined;
  /** The entry that is inside an async layer. */
  #inside: Entry | undefined;
  #handed = 0;
  #timer: (() => void) | undefined;
  #limit: () => void = () => {};
  #stuck: { readonly since: number; readonly held: number } | undefined;
  #pumping = false;
  readonly #idle: Set<() => void> = new Set();
  readonly #room: Set<() => void> = new Set();

  /** Makes an empty one without a session. */
  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** A session opened: its start and its layers may send. */
  open(session: OutboxSession): void {
    this.#session = session;
    this.#started = false;
    const { layers } = session;
    if (layers === undefined) return this.#pump();
    this.#controller = {
      desiredSize: 1,
      enqueue: (frame) => {
        if (this.#session !== session || frame === undefined) return;
        try {
          this.#handOff(session, frame);
        } catch (reason) {
          // A socket that has ended is no fault of the layer: lose() follows. Anything else is.
          if (!isTransportError(reason, "not_connected")) this.#failed(session, reason);
        }
      },
      error: (reason) => this.#failed(session, reason),
      terminate: () => this.#failed(session, new Error("the layer has terminated")),
    };
    try {
      const ready = layers.start?.(this.#controller);
      if (isThenable(ready)) {
        ready.then(() => this.#pump(), (reason) => this.#failed(session, reason));
        return;
      }
    } catch (reason) {
      return this.#failed(session, reason);
    }
    this.#pump();
  }

  /** The start is done: everybody may send. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** The session is over. */
  lose(error: TransportError): void {
    const session = this.#session;
    if (session === undefined) return;
    const inside = this.#inside;
    this.#session =
      this.#controller =
      this.#inside =
      this.#stuck =
        undefined;
    this.#started = false;
    this.#timer?.();
    this.#timer = undefined;
    this.#limit();
    try {
      const flushed = session.layers?.flush?.(ignoring);
      if (isThenable(flushed)) flushed.then(undefined, () => {});
    } catch {
      // The session is over whatever a layer thinks of it; its frames go nowhere.
    }
    const stale = new TransportError(
      "stale_session",
      `Cannot send frame: session ${session.epoch} ended before it was handed over`,
      { epoch: session.epoch, cause: error },
    );
    if (inside !== undefined) {
      if (this.#handed > 0) this.#settle(inside, undefined);
      else if (inside.epoch === undefined) this.#queues[inside.rank].unshift(inside);
      else this.#settle(inside, { reason: stale });
    }
    for (const queue of this.#queues) {
      for (const entry of queue.splice(0)) {
        if (entry.epoch === undefined) queue.push(entry);
        else this.#settle(entry, { reason: stale });
      }
    }
  }

  /** Nothing will be sent any more. */
  end(error: TransportError): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.lose(error);
    for (const queue of this.#queues) {
      for (const entry of queue.splice(0)) this.#settle(entry, { reason: error });
    }
    for (const wake of [...this.#room]) wake();
  }

  /** Sends a frame of the application. */
  send(frame: Frame, options: { signal?: AbortSignal; hold?: boolean } = {}): Promise<void> {
    const { signal, hold = false } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const refused = this.#refused(hold, frameBytes(frame));
    if (refused !== undefined) return Promise.reject(refused);
    if (this.#free() && this.#handNow(frame)) return done;
    return this.#enqueue(frame, 2, hold ? undefined : this.#session!.epoch, signal);
  }

  /** Sends a frame of the start of session `epoch`, ahead of the application's. */
  sendFirst(frame: Frame, epoch: number): Promise<void> {
    if (this.#session?.epoch !== epoch) {
      return Promise.reject(
        new TransportError("stale_session", `Cannot send frame: session ${epoch} ended`, { epoch }),
      );
    }
    const refused = this.#refused(false, frameBytes(frame));
    if (refused !== undefined) return Promise.reject(refused);
    return this.#enqueue(frame, 0, epoch, undefined);
  }

  /** Sends a frame of a layer: ahead of the application's; dropped if that cannot be. */
  sendAside(frame: Frame, epoch: number): void {
    if (this.#session?.epoch !== epoch || this.#refused(false, frameBytes(frame))) return;
    this.#enqueue(frame, 1, epoch, undefined).catch(() => {});
  }

  /**
   * Takes a frame that may be sent in any session, as soon as there is room for it.
   *
   * @param onLost Called if it is never handed over.
   */
  async admit(frame: Frame, signal: AbortSignal, onLost: (reason: unknown) => void): Promise<void> {
    while (this.#full(frameBytes(frame)) && this.#over === undefined) {
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          forget();
          this.#room.delete(wake);
          resolve();
        };
        const forget = onAbort(signal, () => {
          this.#room.delete(wake);
          reject(signal.reason);
        });
        this.#room.add(wake);
      });
    }
    if (this.#over !== undefined) throw this.#over;
    this.#enqueue(frame, 2, undefined, undefined).catch(onLost);
  }

  /** Waits until nothing waits any more, `timeoutMs` at most. @returns whether that came true. */
  flush(timeoutMs: number): Promise<boolean> {
    if (this.waiting === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (flushed: boolean) => {
        cancel();
        this.#idle.delete(idle);
        resolve(flushed && this.#over === undefined);
      };
      const idle = () => settle(true);
      const cancel = this.#options.clock.setTimer(() => settle(false), timeoutMs);
      this.#idle.add(idle);
    });
  }

  /** Why a frame cannot be taken now, if it cannot. */
  #refused(hold: boolean, bytes: number): TransportError | undefined {
    if (this.#over !== undefined) return this.#over;
    if (!hold && this.#session === undefined) {
      return new TransportError("not_connected", "Cannot send frame: no session is open");
    }
    if (this.#full(bytes)) {
      return new TransportError(
        "queue_full",
        `Cannot send frame: ${this.waiting} frames of ${this.waitingBytes} bytes wait already`,
      );
    }
  }

  #full(bytes: number): boolean {
    const { maxWaitingFrames, maxWaitingBytes } = this.#options;
    return this.waiting >= maxWaitingFrames ||
      this.waiting > 0 && this.waitingBytes + bytes > maxWaitingBytes;
  }

  /** Whether a frame of the application can go at once. */
  #free(): boolean {
    return this.#started && this.waiting === 0 && this.#session!.layers === undefined &&
      (this.#options.gate === undefined ||
        this.#options.gate.waitMs(this.#options.clock.now()) <= 0) &&
      this.#session!.connection.bufferedAmount <= this.#options.highWaterMarkBytes;
  }

  #handNow(frame: Frame): boolean {
    try {
      this.#handOff(this.#session!, frame);
      return true;
    } catch (reason) {
      if (!isTransportError(reason, "not_connected")) throw reason;
      // The socket has ended and the supervisor has not heard of it yet: the entry waits for that, a moment.
      return false;
    }
  }

  #handOff(session: OutboxSession, frame: Frame): void {
    session.connection.send(frame);
    this.#handed++;
    this.sent++;
    if (frame.type === "text" || frame.type === "binary") {
      this.#options.gate?.spend(this.#options.clock.now());
    }
  }

  #enqueue(
    frame: Frame,
    rank: Rank,
    epoch: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      const entry: Entry = {
        frame,
        bytes: frameBytes(frame),
        rank,
        epoch,
        settle: (error) => {
          forget();
          if (error === undefined) resolve();
          else reject(error.reason);
        },
      };
      this.#queues[rank].push(entry);
      this.waiting++;
      this.waitingBytes += entry.bytes;
      const forget = onAbort(signal, () => this.#withdraw(entry, signal!.reason));
    });
    this.#pump();
    return promise;
  }

  #withdraw(entry: Entry, reason: unknown): void {
    const queue = this.#queues[entry.rank];
    const at = queue.indexOf(entry);
    if (at < 0) return;
    queue.splice(at, 1);
    this.#settle(entry, { reason });
  }

  #settle(entry: Entry, error: { readonly reason: unknown } | undefined): void {
    this.waiting--;
    this.waitingBytes -= entry.bytes;
    entry.settle(error);
    for (const wake of [...this.#room]) wake();
    if (this.waiting > 0) return;
    for (const wake of [...this.#idle]) wake();
  }

  #next(): Entry | undefined {
    return this.#queues[0][0] ?? this.#queues[1][0] ??
      (this.#started ? this.#queues[2][0] : undefined);
  }

  /** Hands over as much as can be, then arranges to be called again. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#step());
    } finally {
      this.#pumping = false;
    }
  }

  #step(): boolean {
    const session = this.#session;
    const entry = this.#next();
    if (session === undefined || entry === undefined || this.#inside !== undefined) return false;
    const { clock, gate, highWaterMarkBytes } = this.#options;
    const held = session.connection.bufferedAmount;
    if (held > highWaterMarkBytes) {
      this.#again(POLL_MS);
      this.#watch(session, held);
      return false;
    }
    this.#stuck = undefined;
    const counted = entry.frame.type === "text" || entry.frame.type === "binary";
    const waitMs = counted ? gate?.waitMs(clock.now()) ?? 0 : 0;
    if (waitMs > 0) {
      this.#again(waitMs);
      return false;
    }
    this.#handed = 0;
    if (session.layers !== undefined) return this.#through(session, entry);
    let failure: { readonly reason: unknown } | undefined;
    try {
      this.#handOff(session, entry.frame);
    } catch (reason) {
      // The socket has ended; lose() follows and settles what waits.
      if (isTransportError(reason, "not_connected")) return false;
      failure = { reason };
    }
    this.#queues[entry.rank].shift();
    this.#settle(entry, failure);
    return true;
  }

  /** Sends one entry through the user's layers. */
  #through(session: OutboxSession, entry: Entry): boolean {
    this.#queues[entry.rank].shift();
    let passing: void | PromiseLike<void>;
    try {
      passing = session.layers!.transform!(entry.frame, this.#controller!);
    } catch (reason) {
      this.#queues[entry.rank].unshift(entry);
      this.#failed(session, reason);
      return false;
    }
    if (!isThenable(passing)) {
      this.#settle(entry, undefined);
      return true;
    }
    this.#inside = entry;
    this.#limit = this.#options.clock.setTimer(
      () => this.#giveUp(session),
      this.#options.timeoutMs,
    );
    const finish = (failure: { readonly reason: unknown } | undefined) => {
      if (this.#session !== session) return;
      this.#limit();
      if (failure !== undefined) return this.#failed(session, failure.reason);
      this.#inside = undefined;
      this.#settle(entry, undefined);
      this.#pump();
    };
    passing.then(() => finish(undefined), (reason) => finish({ reason }));
    return false;
  }

  #again(delayMs: number): void {
    this.#timer?.();
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.#pump();
    }, delayMs);
  }

  /** Looks whether a full socket drains. */
  #watch(session: OutboxSession, held: number): void {
    const now = this.#options.clock.now();
    if (this.#stuck === undefined || held < this.#stuck.held) {
      this.#stuck = { since: now, held };
    } else if (now - this.#stuck.since >= this.#options.timeoutMs) {
      this.#giveUp(session);
    }
  }

  #giveUp(session: OutboxSession): void {
    if (this.#session !== session) return;
    this.#options.onStuck(
      session.epoch,
      new TransportError(
        "send_timeout",
        `Session ${session.epoch} lost: nothing could be sent for ${this.#options.timeoutMs} ms`,
        { epoch: session.epoch },
      ),
    );
  }

  #failed(session: OutboxSession, reason: unknown): void {
    if (this.#session !== session) return;
    this.#options.onFailed(
      session.epoch,
      new TransportError("layer_failed", `Session ${session.epoch} lost: a send layer failed`, {
        epoch: session.epoch,
        cause: reason,
      }),
    );
  }
}

const ignoring: TransformStreamDefaultController<Frame> = {
  desiredSize: null,
  enqueue: () => {},
  error: () => {},
  terminate: () => {},
};

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === "object" && value !== null &&
    typeof (value as PromiseLike<void>).then === "function";
}
