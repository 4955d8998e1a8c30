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
import { handled, ignored, isThenable, nothing, rejected } from "../contract/abort.ts";
import type { WsConnection } from "../contract/connection.ts";
import { isTransportError, sessionLost, TransportError } from "../contract/errors.ts";
import { type Frame, frameBytes, isDataFrame } from "../contract/frame.ts";
import type { FrameTransformer } from "../contract/session.ts";
import type { Clock } from "../contract/runtime.ts";
import { type Entry, type Failure, type Rank, SendQueue } from "./send_queue.ts";
import type { SendGate } from "./send_rate_limit.ts";

/** What an {@link Outbox} tells the rest. */
export interface OutboxHooks {
  /** The session must end: a layer failed, or nothing could be handed off for `timeoutMs`. */
  onFailed(epoch: number, error: TransportError): void;
}

/** How an {@link Outbox} is made. */
export interface OutboxOptions {
  readonly clock: Clock;
  readonly maxWaitingFrames: number;
  readonly maxWaitingBytes: number;
  readonly highWaterMarkBytes: number;
  readonly timeoutMs: number;
  /** The rate limit, if there is one. */
  readonly gate: SendGate | undefined;
  readonly hooks: OutboxHooks;
}

/** One session as the outbox sees it. */
export interface OutboxSession {
  readonly epoch: number;
  readonly connection: WsConnection;
  /** The user's layers, fused; `undefined` if there are none. */
  readonly layers: FrameTransformer | undefined;
}

/**
 * How often a full socket is looked at, as platforms have no event for its draining: often while it drains, or a fast one would run dry (Deno 2.9.5 sends
 * a mebibyte in 5 ms), and more and more seldom while it does not.
 */
const LEAST_POLL_MS = 1;
const MOST_POLL_MS = 10;
/** Looks of a fast socket in turns of the event loop, between two of the timer: more would only keep the thread busy, and under a clock that stands still for ever. */
const MOST_LOOKS = 256;

/**
 * The time without progress is counted in so many steps at least. A thread that was blocked hears of what happened meanwhile only after its timers, and
 * loses one step by that.
 */
const BOUND_STEPS = 4;

const done: Promise<void> = /* @__PURE__ */ Promise.resolve();

/** A bounded queue of frames in front of whichever socket is open. */
export class Outbox {
  /** Frames handed to a socket. */
  sent = 0;
  readonly #options: OutboxOptions;
  readonly #queue: SendQueue;
  /** Who stands in the line of the rate limit, where there is one: not the outbox, which a shared limit would keep. */
  readonly #place: object | undefined;
  #session: OutboxSession | undefined;
  #controller: TransformStreamDefaultController<Frame> | undefined;
  #started = false;
  /** Whether frames can be handed over: the layers have started, none has failed, and the socket takes frames. */
  #ready = false;
  #over: TransportError | undefined;
  /** The entry on its way through the layers to the socket, and how many frames were handed over because of it. */
  #inside: Entry | undefined;
  #handed = 0;
  /** Gives back what the rate limit holds for the entry on its way. */
  #unhold: () => void = nothing;
  #timer: (() => void) | undefined;
  #limit: () => void = nothing;
  /** The least that a full socket has held; `undefined` while it is not full. */
  #least: number | undefined;
  #pumping = false;
  /** Whether the last look ended with a wait for the rate limit. */
  #inLine = false;
  #pollMs = LEAST_POLL_MS;
  /** Whether the socket drained between two looks of the timer: the next time it is full it is looked at in each turn, too. */
  #quick = false;
  #looking = false;
  /** That the session's layers have failed: its end is on its way. */
  #broken: TransportError | undefined;

  /** Makes an empty one without a session. */
  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#queue = new SendQueue(options);
    this.#place = options.gate && {};
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#queue.frames;
  }

  /** What they hold, in bytes. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** A session opened: its start and its layers may send. */
  open(session: OutboxSession): void {
    this.#session = session;
    this.#started = false;
    this.#ready = true;
    const { layers } = session;
    if (layers === undefined) return this.#pump();
    this.#controller = {
      desiredSize: 1,
      enqueue: (frame) => {
        if (this.#session !== session || frame === undefined) return;
        try {
          this.#handOff(session, frame);
        } catch (reason) {
          if (isTransportError(reason, "not_connected")) this.#deaf(session);
          else this.#failed(session, reason);
        }
      },
      error: (reason) => this.#failed(session, reason),
      terminate: () => this.#failed(session, new Error("the layer has terminated")),
    };
    try {
      const starting = layers.start?.(this.#controller);
      if (isThenable(starting)) {
        this.#deaf(session);
        starting.then(() => this.#opened(session), (reason) => this.#failed(session, reason));
        return;
      }
    } catch (reason) {
      return this.#failed(session, reason);
    }
    this.#pump();
  }

  /** The start is done: everybody may send. */
  start(): void {
    if (this.#session === undefined) return;
    this.#started = true;
    this.#pump();
  }

  /** The session is over. */
  lose(error: TransportError): void {
    const session = this.#session;
    if (session === undefined) return;
    const inside = this.#inside;
    const broken = this.#broken;
    const controller = this.#controller;
    this.#session =
      this.#controller =
      this.#inside =
      this.#broken =
      this.#least =
        undefined;
    this.#started = this.#ready = false;
    this.#options.gate?.leave(this.#place!);
    this.#arrived();
    this.#timer?.();
    this.#timer = undefined;
    this.#limit();
    try {
      // What the controller is told now is of a session that is over.
      ignored(session.layers?.flush?.(controller!));
    } catch {
      // The session is over whatever a layer thinks of it; its frames go nowhere.
    }
    const stale = this.#over ?? new TransportError(
      "stale_session",
      `Cannot send frame: session ${session.epoch} ended before it was handed over`,
      { epoch: session.epoch, cause: error },
    );
    if (inside !== undefined) {
      if (this.#handed > 0) this.#queue.settle(inside, undefined);
      else if (inside.epoch !== undefined) this.#queue.settle(inside, { reason: stale });
      // A held frame on which layers failed gets a second session; more, and one bad frame would end the connection.
      else if (broken !== undefined && inside.failed) {
        this.#queue.settle(inside, { reason: broken });
      } else {
        if (broken !== undefined) inside.failed = true;
        this.#queue.putBack(inside);
      }
    }
    this.#queue.reject("fenced", stale);
  }

  /** Nothing will be sent any more. */
  end(error: TransportError): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.lose(error);
    this.#queue.reject("all", error);
  }

  /** Sends a frame of the application. A promise that may reject is marked handled; that of a frame which could go at once never does. */
  send(frame: Frame, options: { signal?: AbortSignal; hold?: boolean } = {}): Promise<void> {
    const { signal, hold = false } = options;
    if (signal?.aborted) return rejected(signal.reason);
    const refused = this.#refused(2, hold, frameBytes(frame));
    if (refused !== undefined) return rejected(refused);
    if (this.#free()) {
      try {
        this.#handOff(this.#session!, frame);
        return done;
      } catch (reason) {
        if (!isTransportError(reason, "not_connected")) return rejected(reason);
        // The socket has ended and the supervisor has not heard of it yet: the entry waits for that, a moment.
        this.#deaf(this.#session!);
      }
    }
    return handled(this.#enqueue(frame, 2, hold ? undefined : this.#session!.epoch, signal));
  }

  /** Sends a frame of the start of session `epoch`, ahead of the application's. */
  sendFirst(frame: Frame, epoch: number): Promise<void> {
    if (this.#session?.epoch !== epoch) {
      return Promise.reject(
        new TransportError("stale_session", `Cannot send frame: session ${epoch} ended`, { epoch }),
      );
    }
    const refused = this.#refused(0, false, frameBytes(frame));
    if (refused !== undefined) return Promise.reject(refused);
    return this.#enqueue(frame, 0, epoch, undefined);
  }

  /** Sends a frame of a layer: ahead of the application's; dropped if the session ends before, or if too many wait. */
  sendAside(frame: Frame, epoch: number): void {
    const session = this.#session;
    if (session?.epoch !== epoch || this.#refused(1, false, frameBytes(frame))) return;
    // What the socket can never send (a ping where there is none) must not vanish: nobody else hears of it.
    this.#enqueue(frame, 1, epoch, undefined).catch((reason) => this.#failed(session, reason));
  }

  /**
   * Takes a frame that may be sent in any session, as soon as there is room for it.
   *
   * @param onLost Called if it is never handed over.
   */
  async admit(frame: Frame, signal: AbortSignal, onLost: (reason: unknown) => void): Promise<void> {
    while (this.#queue.full(2, frameBytes(frame)) && this.#over === undefined) {
      await this.#queue.room(signal);
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
        forget();
        resolve(flushed && this.#over === undefined);
      };
      const cancel = this.#options.clock.setTimer(() => settle(false), timeoutMs);
      const forget = this.#queue.onIdle(() => settle(true));
    });
  }

  /** Why a frame cannot be taken now, if it cannot. */
  #refused(rank: Rank, hold: boolean, bytes: number): TransportError | undefined {
    if (this.#over !== undefined) return this.#over;
    if (!hold && this.#session === undefined) {
      return new TransportError("not_connected", "Cannot send frame: no session is open");
    }
    if (this.#queue.full(rank, bytes)) {
      return new TransportError(
        "queue_full",
        `Cannot send frame: ${this.waiting} frames of ${this.waitingBytes} bytes wait already`,
      );
    }
  }

  /** Whether a frame of the application can go at once. */
  #free(): boolean {
    return this.#started && this.#ready && this.waiting === 0 &&
      this.#session!.layers === undefined &&
      (this.#options.gate === undefined ||
        this.#options.gate.waitMs(this.#options.clock.now(), this.#place!) <= 0) &&
      this.#session!.connection.bufferedAmount <= this.#options.highWaterMarkBytes;
  }

  #handOff(session: OutboxSession, frame: Frame): void {
    // Counted before: should the socket call back and lose the session, the frame is on its way all the same.
    this.#handed++;
    try {
      session.connection.send(frame);
    } catch (reason) {
      this.#handed--;
      throw reason;
    }
    this.sent++;
    // Venues count messages, not pings.
    if (isDataFrame(frame)) this.#options.gate?.spend(this.#options.clock.now());
  }

  /** The socket (or a layer that starts) takes nothing; that must end, one way or the other, within `timeoutMs`. */
  #deaf(session: OutboxSession): void {
    if (this.#session !== session || !this.#ready) return;
    this.#ready = false;
    this.#bound(session);
  }

  #opened(session: OutboxSession): void {
    if (this.#session !== session || this.#broken !== undefined) return;
    this.#limit();
    this.#ready = true;
    this.#pump();
  }

  #bound(session: OutboxSession, left = BOUND_STEPS): void {
    const due = () => left > 1 ? this.#bound(session, left - 1) : this.#giveUp(session);
    this.#limit();
    this.#limit = this.#options.clock.setTimer(due, this.#options.timeoutMs / BOUND_STEPS);
  }

  #enqueue(
    frame: Frame,
    rank: Rank,
    epoch: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Whoever wrote it may use its memory again, as after a platform's own send.
    const own = frame.type === "binary" ? { ...frame, data: frame.data.slice() } : frame;
    const fate = this.#queue.add(own, { rank, epoch, signal });
    if (rank < 2 || this.#worthALook()) this.#pump();
    return fate;
  }

  /** Whether one more frame of the application changes anything: not while a timer waits for tokens, or for a socket that is still full. */
  #worthALook(): boolean {
    if (this.#timer === undefined) return true;
    return this.#least !== undefined &&
      this.#session!.connection.bufferedAmount <= this.#options.highWaterMarkBytes;
  }

  /** Hands over as much as can be, then arranges to be called again. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#inLine = false;
    this.#timer?.();
    this.#timer = undefined;
    try {
      while (this.#step());
    } finally {
      this.#pumping = false;
      if (!this.#inLine) this.#options.gate?.leave(this.#place!);
    }
  }

  #step(): boolean {
    const session = this.#session;
    let entry = this.#queue.next(this.#started);
    // Nothing waits: what held up an earlier frame is no concern of a later one.
    if (entry === undefined) this.#unstuck();
    if (session === undefined || entry === undefined) return false;
    if (!this.#ready || this.#inside !== undefined) return false;
    const { clock, gate, highWaterMarkBytes } = this.#options;
    const held = session.connection.bufferedAmount;
    if (held > highWaterMarkBytes) {
      // Full at a second look: turns would come for nothing, one after another, for as long as it stalls.
      if (this.#least !== undefined) this.#quick = false;
      const drains = this.#least === undefined || held < this.#least;
      this.#pollMs = drains ? LEAST_POLL_MS : Math.min(MOST_POLL_MS, 2 * this.#pollMs);
      this.#again(this.#pollMs);
      if (this.#quick) this.#look(session, MOST_LOOKS);
      if (drains) {
        this.#least = held;
        this.#bound(session);
      }
      return false;
    }
    if (this.#unstuck()) {
      this.#quick = held <= highWaterMarkBytes / 8 || this.#quick && held <= highWaterMarkBytes / 2;
    }
    const waitMs = isDataFrame(entry.frame) ? gate?.waitMs(clock.now(), this.#place!) ?? 0 : 0;
    if (waitMs > 0) {
      const control = this.#queue.nextControl();
      if (control === undefined) {
        this.#again(waitMs);
        this.#inLine = true;
        return false;
      }
      // A ping is not counted, and must not wait for the tokens of others: it decides whether the session is dead.
      entry = control;
    }
    this.#queue.take(entry);
    this.#inside = entry;
    this.#handed = 0;
    if (session.layers !== undefined) {
      if (gate !== undefined && isDataFrame(entry.frame)) this.#unhold = gate.hold();
      return this.#through(session, entry);
    }
    let failure: Failure | undefined;
    try {
      this.#handOff(session, entry.frame);
    } catch (reason) {
      if (isTransportError(reason, "not_connected")) this.#deaf(session);
      else failure = { reason };
    }
    return this.#passed(entry, failure);
  }

  /** Sends one entry through the user's layers. */
  #through(session: OutboxSession, entry: Entry): boolean {
    let passing: void | PromiseLike<void>;
    try {
      passing = session.layers!.transform!(entry.frame, this.#controller!);
    } catch (reason) {
      this.#failed(session, reason);
      return false;
    }
    if (!isThenable(passing)) return this.#passed(entry, undefined);
    if (this.#inside !== entry) {
      ignored(passing);
      return true;
    }
    this.#bound(session);
    passing.then(() => {
      // The same entry may be inside the layers of a later session by now.
      if (this.#session !== session || this.#inside !== entry) return;
      if (this.#ready) this.#limit();
      this.#passed(entry, undefined);
      this.#pump();
    }, (reason) => this.#failed(session, reason));
    return false;
  }

  /**
   * One entry is through. Whoever was called on the way may have lost the session: then {@link lose} has settled the entry. If the socket took
   * nothing of it, it waits for that.
   */
  #passed(entry: Entry, failure: Failure | undefined): boolean {
    if (this.#inside !== entry) return true;
    // A layer that has failed by its controller: lose() follows, and settles.
    if (this.#broken !== undefined) return false;
    this.#inside = undefined;
    this.#arrived();
    if (failure === undefined && this.#handed === 0 && !this.#ready) {
      this.#queue.putBack(entry);
      return false;
    }
    this.#queue.settle(entry, failure);
    return true;
  }

  /** The entry on its way has spent its token, or will not. */
  #arrived(): void {
    const unhold = this.#unhold;
    this.#unhold = nothing;
    unhold();
  }

  #again(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.#pump();
    }, delayMs);
  }

  /** Looks in each turn until half of what the socket may hold has gone, or the timer has found it full still. */
  #look(session: OutboxSession, left: number): void {
    if (this.#looking || left === 0) return;
    this.#looking = true;
    this.#options.clock.turn(() => {
      this.#looking = false;
      if (this.#session !== session || this.#least === undefined || !this.#quick) return;
      if (session.connection.bufferedAmount > this.#options.highWaterMarkBytes / 2) {
        this.#look(session, left - 1);
      } else this.#pump();
    });
  }

  /** The socket is not full any more, or nothing waits for it. @returns whether it was. */
  #unstuck(): boolean {
    if (this.#least === undefined) return false;
    this.#least = undefined;
    this.#limit();
    return true;
  }

  #giveUp(session: OutboxSession): void {
    if (this.#session !== session) return;
    // It has drained since the last look.
    if (this.#least !== undefined && session.connection.bufferedAmount < this.#least) {
      return this.#pump();
    }
    const { epoch } = session;
    const why = `nothing could be sent for ${this.#options.timeoutMs} ms`;
    this.#options.hooks.onFailed(epoch, sessionLost("send_timeout", epoch, why));
  }

  #failed(session: OutboxSession, reason: unknown): void {
    if (this.#session !== session || this.#broken !== undefined) return;
    const { epoch } = session;
    this.#broken = sessionLost("layer_failed", epoch, "a send layer failed", { cause: reason });
    this.#ready = false;
    this.#options.hooks.onFailed(epoch, this.#broken);
  }
}
