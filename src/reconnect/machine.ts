/**
 * The life of a connection, decided: a pure function of state, event, policy, and a moment of time and randomness.
 *
 * ```text
 *             start             opened                started
 *   idle ───────────▶ dialing ──────────▶ starting ───────────▶ up ◀──────▶ stale
 *                      ▲   │ failed           │ failed           │ lost       │
 *                retry │   ▼                  ▼                  ▼            │
 *                     waiting ◀───────────────┴──────────────────┴────────────┘
 *
 *   any ──shutdown──▶ closing (only with a socket) ──▶ ended         any ──gives up──▶ ended
 * ```
 *
 * Rules:
 * - Every dial, session and timer is named by a number that the state remembers; an event that names another one is late and changes nothing,
 *   except that a socket which opens late is let go of (`refuse`).
 * - `epoch` grows by one per open. At most one session is attached: between two there is always a `drop`.
 * - What waits names what wakes it: `dialing` the dial's outcome (bounded by its deadline and the budget), `waiting` the retry timer, `starting`
 *   the start's outcome or its timer, `closing` the socket's end or its timer. `up` and `stale` wait for nothing: that is what they are for.
 * - The counts of failures start anew only when a session was up for `stableAfterMs`, or when the adapter says so; never on open.
 * - `ended` absorbs.
 *
 * Phases: `connecting` until the first session is up, then `connected` (epoch 1) or `resumed`, `stale`, `reconnecting`; `closed`, `unrecoverable` are
 * final. Giving up by an own limit (`exhausted`) keeps the phase.
 *
 * @module
 */
import { type Failure, isPoison } from "../contract/classify.ts";
import { sessionLost, TransportError } from "../contract/errors.ts";
import type { TraceFact } from "../contract/trace.ts";
import { backoffDelay } from "./backoff.ts";
import {
  forgiven,
  type Moment,
  type ReconnectEffect,
  type ReconnectEvent,
  type ReconnectPolicy,
  type ReconnectState,
  type TimerName,
} from "./machine_state.ts";

/** Decides one event. */
export function transition(
  state: ReconnectState,
  event: ReconnectEvent,
  policy: ReconnectPolicy,
  moment: Moment,
): [ReconnectState, readonly ReconnectEffect[]] {
  const step = new Step(state, policy, moment);
  step.handle(event);
  return [step.state, step.effects];
}

/** One transition under way: the state so far, and the effects so far. */
class Step {
  state: ReconnectState;
  readonly effects: ReconnectEffect[] = [];
  readonly #policy: ReconnectPolicy;
  readonly #moment: Moment;

  constructor(state: ReconnectState, policy: ReconnectPolicy, moment: Moment) {
    this.state = state;
    this.#policy = policy;
    this.#moment = moment;
  }

  handle(event: ReconnectEvent): void {
    const { mode, epoch, attempts } = this.state;
    switch (event.type) {
      case "start":
        if (mode !== "idle") return;
        if (this.#policy.readyTimeoutMs !== undefined) {
          this.#setTimer("ready", this.#policy.readyTimeoutMs);
        }
        return this.#dial();
      case "opened":
        if (mode === "dialing" && event.dial === attempts) return this.#opened(event.protocol);
        return this.#do({ type: "refuse", dial: event.dial });
      case "dialFailed":
        if (mode !== "dialing" || event.dial !== attempts) return;
        return this.#failed(stageOf(event.error), event.error);
      case "started":
        if (mode === "starting" && event.epoch === epoch) this.#up();
        return;
      case "startFailed":
        if (mode !== "starting" || event.epoch !== epoch) return;
        return this.#failed("start", event.error);
      case "lost":
        if (event.epoch !== epoch || !this.#attached()) return;
        if (mode === "closing") return this.#ended(event.error);
        return this.#failed(mode === "starting" ? "start" : "session", event.error);
      case "stale":
        if (event.epoch !== epoch) return;
        // The layers say it once: what is silent before its start is done must not count as up afterwards.
        if (mode === "starting") this.#set({ silent: true });
        if (mode === "up") this.#stale();
        return;
      case "alive":
        if (event.epoch !== epoch) return;
        if (mode === "starting") this.#set({ silent: false });
        if (mode === "stale") this.#alive();
        return;
      case "timer":
        if (this.state.timers[event.name] !== event.id) return;
        return this.#timer(event.name);
      case "forceReconnect":
        return this.#redial("forced");
      case "markHealthy":
        // An adapter may say so with every frame; that is news once.
        if ((mode === "up" || mode === "stale" || mode === "starting") && !this.#isForgiven()) {
          this.#set(forgiven);
        }
        return;
      case "shutdown":
        return this.#shutdown(event);
      default:
        return event satisfies never;
    }
  }

  #do(effect: ReconnectEffect): void {
    this.effects.push(effect);
  }

  #trace(fact: TraceFact): void {
    this.#do({ type: "trace", fact });
  }

  #set(change: Partial<ReconnectState>): void {
    this.state = { ...this.state, ...change };
  }

  #isForgiven(): boolean {
    const { failures, dials, permanents, row, lastDelayMs } = this.state;
    return failures + dials + permanents + row.length + lastDelayMs === 0;
  }

  /** Whether there is a session. */
  #attached(): boolean {
    const { mode } = this.state;
    return mode === "starting" || mode === "up" || mode === "stale" || mode === "closing";
  }

  #setTimer(name: TimerName, delayMs: number): void {
    const id = this.state.timerCount + 1;
    this.#set({ timerCount: id, timers: { ...this.state.timers, [name]: id } });
    this.#do({ type: "setTimer", name, id, delayMs });
  }

  #clearTimers(...names: readonly TimerName[]): void {
    for (const name of names) {
      if (this.state.timers[name] === undefined) continue;
      const { [name]: _, ...timers } = this.state.timers;
      this.#set({ timers });
      this.#do({ type: "clearTimer", name });
    }
  }

  #timer(name: TimerName): void {
    const { [name]: _, ...timers } = this.state.timers;
    this.#set({ timers });
    const { mode, epoch } = this.state;
    switch (name) {
      case "retry":
        if (mode === "waiting") this.#dial();
        return;
      case "start":
        if (mode !== "starting") return;
        return this.#failed(
          "start",
          sessionLost(
            "start_timeout",
            epoch,
            `onSession took over ${this.#policy.startTimeoutMs} ms`,
          ),
        );
      case "stable":
        if (mode !== "up") return;
        this.#set(forgiven);
        return this.#trace({ type: "stable", epoch });
      case "renew":
        return this.#redial("renewed");
      case "ready":
        if (this.state.phase !== "connecting") return;
        return this.#giveUp(
          `Gave up: no session within readyTimeoutMs (${this.#policy.readyTimeoutMs} ms)`,
          this.state.error,
        );
      case "shutdown":
        if (mode === "closing") this.#ended(this.state.error!);
        return;
      default:
        return name satisfies never;
    }
  }

  #dial(): void {
    const dial = this.state.attempts + 1;
    this.#clearTimers("retry");
    this.#set({ mode: "dialing", attempts: dial, dials: this.state.dials + 1 });
    this.#do({ type: "dial", dial });
  }

  #opened(protocol: string): void {
    const epoch = this.state.epoch + 1;
    this.#set({ mode: "starting", epoch, silent: false });
    this.#do({ type: "adopt", dial: this.state.attempts, epoch });
    this.#trace({ type: "open", epoch, protocol });
    this.#setTimer("start", this.#policy.startTimeoutMs);
    this.#do({ type: "runStart", epoch });
  }

  #up(): void {
    const { epoch, silent, downSinceMs } = this.state;
    const { renewAfterMs } = this.#policy;
    this.#clearTimers("start", "ready");
    this.#healthy();
    if (renewAfterMs !== undefined) {
      this.#setTimer("renew", Math.round(renewAfterMs * (1 - this.#moment.random / 10)));
    }
    this.#do({ type: "up", epoch });
    this.#trace({ type: "start", epoch });
    if (!silent) return;
    this.#stale();
    // Nobody saw it up in between.
    this.#set({ downSinceMs });
  }

  #healthy(): void {
    const { epoch, lastDelayMs } = this.state;
    this.#set({
      mode: "up",
      phase: epoch === 1 ? "connected" : "resumed",
      downSinceMs: undefined,
      error: undefined,
    });
    this.#setTimer("stable", this.#policy.backoff.stableAfterMs ?? Math.max(10_000, lastDelayMs));
  }

  #stale(): void {
    const { stales, epoch } = this.state;
    this.#clearTimers("stable");
    this.#set({
      mode: "stale",
      phase: "stale",
      stales: stales + 1,
      downSinceMs: this.#moment.now,
    });
    this.#trace({ type: "stale", epoch });
  }

  #alive(): void {
    const { epoch } = this.state;
    this.#healthy();
    this.#trace({ type: "alive", epoch });
  }

  /** Lets go of the session, if there is one. */
  #drop(error: TransportError): void {
    const { mode, epoch, phase, downSinceMs } = this.state;
    if (!this.#attached()) return;
    this.#clearTimers("start", "stable", "renew", "shutdown");
    this.#do({ type: "drop", epoch, error });
    if (mode === "closing") return;
    this.#set({
      mode: "waiting",
      phase: phase === "connecting" ? phase : "reconnecting",
      downSinceMs: downSinceMs ?? this.#moment.now,
    });
  }

  /** A dial or a session failed: judge, then wait or give up. */
  #failed(stage: Failure["stage"], error: TransportError): void {
    const policy = this.#policy;
    const { end } = error;
    const ended = end === undefined ? {} : { end };
    const failure = { stage, error, ...ended };
    const kind = kindOf(failure);
    const length = this.state.row.kind === kind ? this.state.row.length + 1 : 1;
    const { verdict, minDelayMs = end?.retryAfterMs ?? 0 } = policy.classify({
      ...failure,
      inARow: length,
    });
    const permanents = this.state.permanents + (verdict === "permanent" ? 1 : 0);
    this.#trace({ type: "failure", stage, verdict, error, inARow: length });
    this.#drop(error);
    this.#set({
      mode: "waiting",
      failures: this.state.failures + 1,
      permanents,
      row: { kind, length },
      error,
    });
    if (policy.once) return this.#ended(error);
    if (permanents > policy.permanentRetries) {
      const final = new TransportError(
        "unrecoverable",
        `Gave up: permanent failure (${error.code}), tried ${permanents} times`,
        { cause: error, ...ended },
      );
      this.#trace({ type: "unrecoverable", error: final });
      return this.#finish({ phase: "unrecoverable", error: final }, final);
    }
    if (policy.maxAttempts !== undefined && this.state.dials >= policy.maxAttempts) {
      return this.#giveUp(`Gave up: maxAttempts (${policy.maxAttempts}) is reached`, error);
    }
    // A leaf of the application's own may give what is no number.
    const hintMs = minDelayMs > 0 ? minDelayMs : 0;
    const { random, now } = this.#moment;
    const delayMs = backoffDelay(policy.backoff, this.state.failures, { hintMs, random });
    this.#set({ lastDelayMs: delayMs, notBefore: Math.max(this.state.notBefore, now + hintMs) });
    this.#trace({ type: "retry", delayMs, hintMs });
    this.#setTimer("retry", delayMs);
  }

  /** Dials again without backoff: asked for, or at the session's age limit. */
  #redial(why: "forced" | "renewed"): void {
    const { mode, epoch, notBefore } = this.state;
    if (mode === "starting" || mode === "up" || mode === "stale") {
      const error = new TransportError("session_lost", `Session ${epoch} ended: ${why} reconnect`, {
        epoch,
      });
      this.#drop(error);
      // Its dial did not fail: `maxAttempts` counts those that did.
      this.#set({ error, dials: Math.max(0, this.state.dials - 1) });
      if (this.#policy.once) return this.#ended(error);
    } else if (mode !== "waiting") return;
    const hintMs = notBefore - this.#moment.now;
    if (hintMs > 0) this.#setTimer("retry", Math.ceil(hintMs));
    else this.#dial();
  }

  #shutdown(event: ReconnectEvent & { readonly type: "shutdown" }): void {
    const { mode, epoch, attempts } = this.state;
    if (mode === "ended") return;
    const timeoutMs = event.timeoutMs ?? this.#policy.shutdownTimeoutMs;
    const closeBy = this.#moment.now + timeoutMs;
    if (mode === "closing") {
      // Asked again, with a bound that is over earlier: that promise has to be kept too.
      if (closeBy >= this.state.closeBy) return;
      this.#set({ closeBy });
      return this.#setTimer("shutdown", timeoutMs);
    }
    const error = new TransportError("closed", "Connection closed: it was shut down");
    const closed: Partial<ReconnectState> = {
      phase: "closed",
      error,
      downSinceMs: this.state.downSinceMs ?? this.#moment.now,
    };
    if (!this.#attached()) {
      if (mode === "dialing") this.#do({ type: "cancelDial", dial: attempts });
      return this.#finish(closed, undefined);
    }
    this.#clearTimers("start", "stable", "renew", "ready");
    this.#do({ type: "close", epoch, code: event.code, reason: event.reason });
    this.#set({ ...closed, mode: "closing", closeBy });
    this.#do({ type: "finish", error: undefined });
    this.#setTimer("shutdown", timeoutMs);
  }

  #giveUp(message: string, cause: TransportError | undefined): void {
    const error = new TransportError("exhausted", message, { cause });
    if (this.state.mode === "dialing") {
      this.#do({ type: "cancelDial", dial: this.state.attempts });
    }
    this.#trace({ type: "exhausted", error });
    this.#drop(error);
    this.#finish({ exhausted: true, error }, error);
  }

  /** The socket of a session that was shutting down, or the only one, has ended. */
  #ended(error: TransportError): void {
    if (this.state.mode === "closing") {
      this.#drop(error);
      return this.#end();
    }
    this.#finish({ phase: "closed", error }, error.end?.origin === "server" ? undefined : error);
  }

  #finish(change: Partial<ReconnectState>, error: TransportError | undefined): void {
    this.#set(change);
    this.#do({ type: "finish", error });
    this.#end();
  }

  #end(): void {
    this.#clearTimers("retry", "start", "stable", "renew", "ready", "shutdown");
    this.#set({ mode: "ended" });
    this.#do({ type: "end" });
  }
}

function stageOf(error: TransportError): "auth" | "dial" {
  return error.code === "auth_failed" || error.code === "auth_rejected" ? "auth" : "dial";
}

/** What makes two failures the same kind, for counting in a row. */
function kindOf(failure: Omit<Failure, "inARow">): string {
  if (isPoison(failure)) return "poison";
  const { stage, error, end } = failure;
  return `${stage} ${error.code} ${end?.status ?? end?.code ?? ""}`;
}
