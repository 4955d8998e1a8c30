/**
 * The supervisor: the one actor of a connection. It feeds events to the machine and carries out what that decides.
 *
 * `step()` handles one event, synchronously: state first, then effects, then notification. What takes time (a dial, the start hook, a timer) posts
 * its outcome as a further event. Callbacks of the application may call back in; what they ask for is an event as well.
 *
 * @module
 */
import { handled, ignored, nothing, onAbort } from "../contract/abort.ts";
import { type Classify, defaultClassify } from "../contract/classify.ts";
import type { SessionEnd, WsConnection } from "../contract/connection.ts";
import { checkClose } from "../contract/connection.ts";
import type { ConnectContext, WsConnector } from "../contract/connector.ts";
import { isTransportError, sessionLost, TransportError } from "../contract/errors.ts";
import { type HandshakeInit, handshakeOf, isHandshakeError } from "../contract/handshake.ts";
import type { LifecycleSnapshot } from "../contract/lifecycle.ts";
import type { ResolvedOptions } from "../contract/options.ts";
import type { ShutdownOptions } from "../contract/reconnecting.ts";
import type { Seams, Task } from "../contract/runtime.ts";
import type { SessionEvent } from "../contract/session.ts";
import type { TraceFact } from "../contract/trace.ts";
import { WatchSource } from "../lifecycle/watch.ts";
import type { Axes } from "./axes.ts";
import { transition } from "./machine.ts";
import {
  initialState,
  type ReconnectEffect,
  type ReconnectEvent,
  type ReconnectPolicy,
  type ReconnectState,
  type TimerName,
} from "./machine_state.ts";
import { Abandoned, EndListener, Session } from "./session.ts";

/** How a {@link Supervisor} is made. */
export interface SupervisorOptions {
  readonly connector: WsConnector;
  /** What the handshake of each dial is made of; it was checked. */
  readonly handshake: HandshakeInit;
  /** Without a signal, nobody can end it from outside. */
  readonly context: Omit<ConnectContext, "signal"> & { readonly signal?: AbortSignal | undefined };
  readonly seams: Seams;
  /** What the connection was told; its machine decides by it. */
  readonly options: ResolvedOptions & ReconnectPolicy;
  readonly axes: Axes;
}

interface Settle {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Dial {
  readonly abort: AbortController;
  connection: WsConnection | undefined;
}

const abandoned: SessionEnd = { code: 1006, reason: "", clean: false, origin: "local" };

/** The actor behind one connection. */
export class Supervisor implements Task {
  /** Resolves at the first healthy session; rejects when the connection ends before. */
  readonly ready: Promise<void>;
  /** The lifecycle, to be bumped when the axes count. */
  readonly lifecycle: WatchSource<LifecycleSnapshot>;
  readonly #setup: SupervisorOptions;
  readonly #queue: ReconnectEvent[] = [];
  readonly #timers: { [name in TimerName]?: (() => void) | undefined } = {};
  #settleReady: Settle | undefined;
  #state: ReconnectState;
  #wake: () => void = nothing;
  #dial: Dial | undefined;
  #session: Session | undefined;
  #forced = false;
  #leaving = false;
  readonly #abandoned: Abandoned = new Abandoned();
  #forget: () => void = nothing;

  /** Makes one; nothing happens before {@link start}. */
  constructor(setup: SupervisorOptions) {
    this.#setup = setup;
    this.#state = initialState(setup.seams.clock.now());
    this.lifecycle = new WatchSource((version) => this.#snapshot(version));
    this.ready = handled(
      new Promise<void>((resolve, reject) => {
        this.#settleReady = { resolve, reject };
      }),
    );
  }

  /** Abandoned sockets whose end was not reported yet. */
  get zombies(): number {
    return this.#abandoned.zombies;
  }

  /** Events that wait. */
  get pending(): number {
    return this.#queue.length;
  }

  /** Sets what is called when there is work. */
  onWork(wake: () => void): void {
    this.#wake = wake;
    if (this.#queue.length > 0) wake();
  }

  /** Starts: the first dial, unless the signal has aborted already. */
  start(): void {
    const { context, options } = this.#setup;
    // As a rule there is one at most; a chain of the application's own is given one, and its options may hold another.
    const signals = [context.signal, options.signal];
    if (!signals.some((signal) => signal?.aborted)) this.#post({ type: "start" });
    for (const signal of signals) {
      if (signal === undefined) continue;
      const before = this.#forget;
      const forget = onAbort(signal, () => {
        this.#settleReady?.reject(signal.reason);
        void this.shutdown();
      });
      this.#forget = () => {
        before();
        forget();
      };
    }
  }

  /** Handles one event. */
  step(): boolean {
    const event = this.#queue.shift();
    if (event === undefined || this.#state.mode === "ended") return this.#state.mode !== "ended";
    if (event.type === "forceReconnect") this.#forced = false;
    // Its loss is on its way.
    if (event.type === "started" && this.#session?.failed) return true;
    const { seams: { clock, random }, options } = this.#setup;
    const before = this.#state;
    const moment = { now: clock.now(), random: random() };
    const [state, effects] = transition(before, event, options, moment);
    this.#state = state;
    if (state !== before) this.lifecycle.advance();
    for (const effect of effects) this.#run(effect);
    if (state !== before) this.lifecycle.notify();
    return this.#state.mode !== "ended";
  }

  /** Dials again without backoff. */
  forceReconnect(): void {
    if (this.#forced) return;
    this.#forced = true;
    this.#post({ type: "forceReconnect" });
  }

  /** The session is good. */
  markHealthy(): void {
    this.#post({ type: "markHealthy" });
  }

  /** Ends the connection. */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { code = 1000, reason = "", timeoutMs } = options;
    checkClose(code, reason);
    if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs >= 0)) {
      throw new RangeError(`Cannot shut down: timeoutMs (${timeoutMs}) must be 0 or more`);
    }
    this.#leaving = true;
    this.#post({ type: "shutdown", code, reason, timeoutMs });
    return this.lifecycle.waitFor(() => false).then(nothing, nothing);
  }

  /** Ends the connection, unless that is under way, within whatever bound that was promised. */
  leave(): void {
    if (!this.#leaving) void this.shutdown();
  }

  /** The session of that epoch is over, for a reason found above the socket. */
  fail(epoch: number, error: TransportError): void {
    if (this.#session?.epoch === epoch) this.#session.failed = true;
    this.#post({ type: "lost", epoch, error });
  }

  /** Writes down what happened. */
  trace(fact: TraceFact): void {
    const { trace } = this.#setup.context;
    if (trace === undefined) return;
    try {
      trace({ ...fact, atMs: this.#setup.seams.clock.now() });
    } catch {
      // Tracing may lose events; it may not break the actor.
    }
  }

  #post(event: ReconnectEvent): void {
    if (this.#state.mode === "ended") return;
    this.#queue.push(event);
    if (this.#queue.length === 1) this.#wake();
  }

  #snapshot(version: number): LifecycleSnapshot {
    const { phase, epoch, attempts, stales, downSinceMs, exhausted, error } = this.#state;
    const { lagged, laggedBytes, discarded } = this.#setup.axes.buffer;
    return Object.freeze({
      phase,
      up: downSinceMs === undefined,
      epoch,
      attempts,
      stales,
      totalLagged: lagged,
      totalLaggedBytes: laggedBytes,
      totalDiscarded: discarded,
      downSinceMs,
      exhausted,
      error,
      version,
    });
  }

  #run(effect: ReconnectEffect): void {
    switch (effect.type) {
      case "dial":
        return this.#connect(effect.dial);
      case "cancelDial":
        this.#dial?.abort.abort(new TransportError("closed", "Dial ended: no longer wanted"));
        return;
      case "refuse":
        // A dial layer of the application may let a socket through after all; nobody waits for it.
        return;
      case "adopt":
        return this.#adopt(effect.epoch);
      case "runStart":
        this.#runStart();
        this.#listen();
        // Without a hook, too, it is an event: a layer that could not be made, or fails on the first frames, ends a session that was never up.
        if (this.#setup.options.onSession === undefined) {
          this.#post({ type: "started", epoch: effect.epoch });
        }
        return;
      case "up":
        this.#setup.axes.start();
        this.#settleReady?.resolve();
        this.#settleReady = undefined;
        return;
      case "drop":
        return this.#drop(effect.error);
      case "close":
        try {
          this.#session?.connection.close(effect.code, effect.reason);
        } catch {
          // The socket has ended already; its end event is on its way.
        }
        return;
      case "setTimer": {
        const { name, id, delayMs } = effect;
        this.#timers[name]?.();
        const due = () => {
          this.#timers[name] = undefined;
          this.#post({ type: "timer", name, id });
        };
        this.#timers[name] = this.#setup.seams.clock.setTimer(due, delayMs);
        return;
      }
      case "clearTimer":
        this.#timers[effect.name]?.();
        this.#timers[effect.name] = undefined;
        return;
      case "finish": {
        const { error } = this.#state;
        return this.#setup.axes.finish(effect.error, error!);
      }
      case "end":
        return this.#end();
      case "trace":
        return this.trace(effect.fact);
      default:
        return effect satisfies never;
    }
  }

  #connect(id: number): void {
    const { connector, context } = this.#setup;
    const abort = new AbortController();
    const dial: Dial = { abort, connection: undefined };
    this.#dial = dial;
    const handshake = handshakeOf(this.#setup.handshake);
    this.trace({ type: "dial", attempt: id, url: shownUrl(handshake.url) });
    let opening: Promise<WsConnection>;
    try {
      opening = connector.connect(handshake, { ...context, signal: abort.signal });
    } catch (error) {
      opening = Promise.reject(error);
    }
    opening.then((connection) => {
      if (this.#dial !== dial || abort.signal.aborted || this.#state.mode === "ended") {
        return this.#abandon(connection);
      }
      dial.connection = connection;
      this.#post({ type: "opened", dial: id, protocol: connection.protocol });
    }).catch((error) => this.#post({ type: "dialFailed", dial: id, error: dialError(error) }));
  }

  #adopt(epoch: number): void {
    const connection = this.#dial!.connection!;
    this.#dial = undefined;
    const session = new Session(epoch, connection, this.#setup.axes.buffer.seq + 1);
    session.closing = new EndListener(connection, (end) => this.#closed(session, end));
    this.#session = session;
    this.#setup.axes.open(session);
  }

  #closed(session: Session, end: SessionEnd): void {
    session.end = end;
    const { epoch, connection } = session;
    const lost = () => this.#post({ type: "lost", epoch, error: lossOf(epoch, end) });
    if (connection.attach !== undefined) return lost();
    this.#read(session, lost);
  }

  /** What came before the end may still be on its way through a stream: waits until nothing comes any more. */
  #read(session: Session, done: () => void): void {
    const { axes, seams } = this.#setup;
    const { seq } = axes.buffer;
    seams.clock.turn(() => {
      // What comes is the next session's.
      if (this.#session !== session) return;
      if (axes.buffer.seq === seq) done();
      else this.#read(session, done);
    });
  }

  /** After the start hook was called: it may ask for a frame that came together with the open. */
  #listen(): void {
    const session = this.#session!;
    if (session.failed) return;
    try {
      this.#setup.axes.listen();
    } catch (cause) {
      // A connection of a dial layer that cannot be attached; the actor outlives it.
      const { epoch } = session;
      this.fail(epoch, sessionLost("layer_failed", epoch, "it cannot be read", { cause }));
    }
  }

  /** What a layer of that session reports. */
  reported(epoch: number, event: SessionEvent): void {
    if (this.#session?.epoch !== epoch) return;
    switch (event.type) {
      case "stale":
      case "alive":
        return this.#post({ type: event.type, epoch });
      case "probe":
        return this.trace({ type: "probe", epoch });
      case "dead":
        return this.#post({ type: "lost", epoch, error: event.error });
      case "dropped":
        return;
      default:
        return event satisfies never;
    }
  }

  #runStart(): void {
    const session = this.#session!;
    const { axes, options } = this.#setup;
    if (session.failed || options.onSession === undefined) return;
    const { epoch } = session;
    const failed = (cause: unknown) => {
      const error = isTransportError(cause, "auth_rejected")
        ? cause
        : sessionLost("start_failed", epoch, "onSession failed", { cause });
      this.#post({ type: "startFailed", epoch, error });
    };
    try {
      const running = options.onSession(axes.sessionStart());
      Promise.resolve(running).then(() => this.#post({ type: "started", epoch }), failed);
    } catch (error) {
      failed(error);
    }
  }

  #drop(error: TransportError): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.closing?.forget();
    if (session.end === undefined) this.#abandon(session.connection);
    this.#setup.axes.release(error);
    session.abort(error);
    this.trace({
      type: "down",
      epoch: session.epoch,
      end: session.end ?? abandoned,
      firstSeq: session.firstSeq,
      lastSeq: this.#setup.axes.buffer.seq,
    });
  }

  /** Lets go of a socket; until the platform reports its end it is a zombie. */
  #abandon(connection: WsConnection): void {
    this.#abandoned.add(connection);
    try {
      connection.abandon();
    } catch {
      // A connection of a dial layer; whatever it has against it, nobody listens to it any more.
    }
  }

  #end(): void {
    this.#forget();
    this.#queue.length = 0;
    const late = this.#dial?.connection;
    this.#dial = undefined;
    if (late !== undefined) this.#abandon(late);
    const error = this.#state.error!;
    this.#settleReady?.reject(error);
    this.trace({ type: "end", zombies: this.zombies });
    this.lifecycle.end(error);
  }
}

/** The user's classify, total: what it throws, or what is not a verdict, falls back to the default. */
export function contained(classify: Classify | undefined): Classify {
  if (classify === undefined) return defaultClassify;
  return (failure) => {
    try {
      const verdict = classify(failure);
      ignored(verdict);
      if (verdict?.verdict === "transient" || verdict?.verdict === "permanent") {
        const { minDelayMs } = verdict;
        if (minDelayMs === undefined || Number.isFinite(minDelayMs)) return verdict;
      }
    } catch {
      // A policy that fails must not decide; the default does.
    }
    return defaultClassify(failure);
  };
}

function dialError(cause: unknown): TransportError {
  if (isTransportError(cause)) return cause;
  if (isHandshakeError(cause)) {
    return new TransportError("unsupported", cause.message, { cause });
  }
  return new TransportError("connect_failed", "Cannot connect: the dial failed", { cause });
}

function lossOf(epoch: number, end: SessionEnd): TransportError {
  const code = end.origin === "protocol" ? "protocol_error" : "session_lost";
  return sessionLost(code, epoch, `close code ${end.code} (${end.origin})`, { end });
}

function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
