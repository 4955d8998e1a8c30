/**
 * The machine in a world that remembers what it did to it, and objects to whatever must never happen. Each rule names its invariant.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { defaultClassify } from "../../src/contract/classify.ts";
import type { SessionEnd } from "../../src/contract/connection.ts";
import { TransportError } from "../../src/contract/errors.ts";
import type { Phase } from "../../src/contract/lifecycle.ts";
import { backoffCap } from "../../src/reconnect/backoff.ts";
import { transition } from "../../src/reconnect/machine.ts";
import {
  initialState,
  type ReconnectEffect,
  type ReconnectEvent,
  type ReconnectPolicy,
  type ReconnectState,
  type TimerName,
} from "../../src/reconnect/machine_state.ts";

/** The delays of a connection without options. */
export const backoff: ReconnectPolicy["backoff"] = {
  minDelayMs: 500,
  maxDelayMs: 30_000,
  multiplier: 2,
  stableAfterMs: 10_000,
};

/** A policy with the defaults of a connection and a start hook. */
export function policyOf(change: Partial<ReconnectPolicy> = {}): ReconnectPolicy {
  return {
    backoff,
    maxAttempts: undefined,
    permanentRetries: 2,
    renewAfterMs: undefined,
    startTimeoutMs: 60_000,
    readyTimeoutMs: undefined,
    shutdownTimeoutMs: 2_000,
    once: false,
    classify: defaultClassify,
    ...change,
  };
}

/** Why dials and sessions of these tests fail. */
export const refused: TransportError = new TransportError("connect_failed", "Cannot connect");
export const rejected: TransportError = new TransportError("auth_rejected", "Cannot log in");
export const gone: TransportError = new TransportError("session_lost", "Session lost");

/** As {@link gone}, of a session whose socket has ended so. */
export function goneBy(end: SessionEnd): TransportError {
  return new TransportError("session_lost", "Session lost", { end });
}

/** What may follow what (I9). A phase may always stay. */
const legal: { readonly [from in Phase]: readonly Phase[] } = {
  connecting: ["connected", "resumed", "closed", "unrecoverable"],
  connected: ["stale", "reconnecting", "closed", "unrecoverable"],
  stale: ["connected", "resumed", "reconnecting", "closed", "unrecoverable"],
  reconnecting: ["resumed", "closed", "unrecoverable"],
  resumed: ["stale", "reconnecting", "closed", "unrecoverable"],
  closed: [],
  unrecoverable: [],
};

/** What the machine did to the world so far. Copied by {@link World.fork}, so that histories can branch. */
export class World {
  readonly policy: ReconnectPolicy;
  state: ReconnectState;
  now = 0;
  /** The dial that is under way. */
  dialling: number | undefined;
  /** The session that is attached. */
  attached: number | undefined;
  timers: Map<TimerName, { readonly id: number; readonly at: number }> = new Map();
  finishes = 0;
  ended = false;
  /** Effects of the last event. */
  last: readonly ReconnectEffect[] = [];

  constructor(policy: ReconnectPolicy = policyOf()) {
    this.policy = policy;
    this.state = initialState(0);
  }

  /** A copy that goes its own way. */
  fork(): World {
    const copy = new World(this.policy);
    Object.assign(copy, this, { timers: new Map(this.timers) });
    return copy;
  }

  /** Feeds one event, and checks all that can be checked. */
  feed(event: ReconnectEvent, random = 0.5): readonly ReconnectEffect[] {
    const before = this.state;
    const moment = { now: this.now, random };
    const strange = event.type === "opened" && event.dial !== this.dialling;
    const [state, effects] = transition(before, event, this.policy, moment);
    this.state = state;
    this.last = effects;
    if (event.type === "timer" && this.timers.get(event.name)?.id === event.id) {
      this.timers.delete(event.name);
    }
    if (event.type === "dialFailed" && event.dial === this.dialling) this.dialling = undefined;
    for (const effect of effects) this.#apply(effect);
    if (strange) assertEquals(effects.map(shown), [`refuse ${event.dial}`], "a late open (I3)");
    this.#safe(before, event);
    this.#live();
    return effects;
  }

  /** Lets the timer of that name fire, when it is due. */
  fire(name: TimerName, random = 0.5): readonly ReconnectEffect[] {
    const timer = this.timers.get(name);
    assert(timer !== undefined, `timer ${name} is not set`);
    this.now = Math.max(this.now, timer.at);
    return this.feed({ type: "timer", name, id: timer.id }, random);
  }

  /** Opens the dial that is under way, and starts the session. */
  open(): void {
    this.feed({ type: "opened", dial: this.state.attempts, protocol: "" });
    this.feed({ type: "started", epoch: this.state.epoch });
  }

  /** Refuses the dial that is under way. */
  refuse(error: TransportError = refused, random = 0.5): readonly ReconnectEffect[] {
    return this.feed({ type: "dialFailed", dial: this.state.attempts, error }, random);
  }

  /** The session is lost. */
  lose(random = 0.5): readonly ReconnectEffect[] {
    return this.feed({ type: "lost", epoch: this.state.epoch, error: gone }, random);
  }

  /** How long until the next dial. */
  get delayMs(): number {
    const timer = this.timers.get("retry");
    assert(timer !== undefined, "no retry is set");
    return timer.at - this.now;
  }

  #apply(effect: ReconnectEffect): void {
    const { state } = this;
    if (effect.type !== "trace" && effect.type !== "refuse") {
      assert(!this.ended, `${effect.type} after the end (I8)`);
    }
    switch (effect.type) {
      case "dial":
        assertEquals(this.dialling, undefined, "a second dial beside the first (I3)");
        assertEquals(this.attached, undefined, "a dial beside a session (I3)");
        this.dialling = effect.dial;
        return;
      case "cancelDial":
        assertEquals(effect.dial, this.dialling, "a dial cancelled that is not under way");
        this.dialling = undefined;
        return;
      case "refuse":
        return assert(effect.dial !== this.dialling, "the dial under way refused");
      case "adopt":
        assertEquals(this.attached, undefined, "adopted without a drop before (I3)");
        assertEquals(effect.dial, this.dialling, "adopted a dial that was not under way (I3)");
        assertEquals(effect.epoch, state.epoch, "the epoch of the session is the epoch (I2)");
        this.dialling = undefined;
        this.attached = effect.epoch;
        return;
      case "drop":
        assertEquals(effect.epoch, this.attached, "dropped what was not attached (I3)");
        this.attached = undefined;
        return;
      case "runStart":
      case "up":
      case "close":
        return assertEquals(effect.epoch, this.attached, `${effect.type} without its session`);
      case "setTimer":
        assert(effect.delayMs >= 0 && Number.isFinite(effect.delayMs), "a delay that is none");
        this.timers.set(effect.name, { id: effect.id, at: this.now + effect.delayMs });
        return;
      case "clearTimer":
        this.timers.delete(effect.name);
        return;
      case "finish":
        this.finishes++;
        return assertEquals(this.finishes, 1, "finished twice");
      case "end":
        assertEquals(this.finishes, 1, "the end without a finish (I7)");
        this.ended = true;
        return;
      case "trace":
        return;
      default:
        return effect satisfies never;
    }
  }

  #safe(before: ReconnectState, event: ReconnectEvent): void {
    const after = this.state;
    // I2, I10: what only grows only grows, and epochs one by one.
    for (const name of ["attempts", "stales", "epoch", "timerCount"] as const) {
      assert(after[name] >= before[name], `${name} shrank`);
    }
    assert(after.epoch <= before.epoch + 1, "an epoch was skipped (I2)");
    assert(after.stales <= before.stales + 1, "two stale periods in one event (I10)");
    assert(after.attempts <= before.attempts + 1, "two dials in one event (I5)");
    assert(!before.exhausted || after.exhausted, "exhausted was taken back");
    // I9: phases.
    if (after.phase !== before.phase) {
      const path = before.phase === "connecting" || before.phase === "reconnecting";
      // A start that was silent goes through up to stale in one event.
      const silent = path && after.phase === "stale" && before.silent;
      assert(
        silent || legal[before.phase].includes(after.phase),
        `${event.type}: ${before.phase} became ${after.phase} (I9)`,
      );
    }
    if (before.mode === "ended") {
      assert(after === before, "something changed after the end (I9)");
      assert(this.last.every(({ type }) => type === "refuse"), "something was done after the end");
    }
    const { mode, phase } = after;
    assertEquals(after.downSinceMs === undefined, mode === "up", "downSinceMs says what up says");
    assertEquals(mode === "up", phase === "connected" || phase === "resumed", `up and ${phase}`);
    assertEquals(mode === "stale", phase === "stale");
    if (phase === "connected") assertEquals(after.epoch, 1);
    if (phase === "resumed") assert(after.epoch >= 2);
    if (phase === "closed" || phase === "unrecoverable") {
      assert(mode === "closing" || mode === "ended", `${phase} and ${mode}`);
      assert(after.error !== undefined, "an end without its error");
    }
    if (after.exhausted) assertEquals([mode, phase === "closed"], ["ended", false]);
    // I13: the counts start anew only when the session was stable, or the adapter says so.
    if (after.failures < before.failures) {
      const stable = event.type === "timer" && event.name === "stable";
      assert(stable || event.type === "markHealthy", `${event.type} forgave failures (I13)`);
    }
    for (const effect of this.last) {
      if (effect.type !== "setTimer" || effect.name !== "retry") continue;
      if (event.type === "forceReconnect" || event.type === "timer" && event.name === "renew") {
        assert(this.now + effect.delayMs >= after.notBefore, "forced past a hint (I13)");
        continue;
      }
      const { minDelayMs } = this.policy.backoff;
      const hintMs = Math.max(0, after.notBefore - this.now);
      assert(effect.delayMs >= minDelayMs, "sooner than the least delay (I13)");
      assert(this.now + effect.delayMs >= after.notBefore, "sooner than the hint (I13)");
      const most = Math.ceil(hintMs + backoffCap(this.policy.backoff, after.failures));
      assert(effect.delayMs <= most, `later than the cap: ${effect.delayMs} > ${most} (I13)`);
    }
    if (event.type === "forceReconnect" || event.type === "timer") {
      const dialled = this.last.some(({ type }) => type === "dial");
      if (dialled) assert(this.now >= before.notBefore, "dialled before the hint was over");
    }
  }

  /** Each mode that waits names what wakes it, and holds nothing else (liveness half of I7; I8). */
  #live(): void {
    const { state, timers } = this;
    const set = new Set(timers.keys());
    // What the machine believes of its timers is what is set.
    assertEquals([...set].sort(), Object.keys(state.timers).sort());
    for (const [name, { id }] of timers) assertEquals(state.timers[name], id);
    const held = { dialling: this.dialling !== undefined, attached: this.attached !== undefined };
    const only = (...names: readonly TimerName[]) => {
      for (const name of set) {
        assert(names.includes(name) || name === "ready", `${name} is set while ${state.mode}`);
      }
    };
    if (set.has("ready")) {
      assertEquals(state.phase, "connecting", "ready is awaited although it was up");
    }
    switch (state.mode) {
      case "idle":
        only();
        return assertEquals(held, { dialling: false, attached: false });
      case "dialing":
        only();
        return assertEquals(held, { dialling: true, attached: false });
      case "waiting":
        only("retry");
        assert(set.has("retry"), "waiting, and nothing will wake it");
        return assertEquals(held, { dialling: false, attached: false });
      case "starting":
        only("start");
        assert(set.has("start"), "starting, and nothing will wake it");
        return assertEquals(held, { dialling: false, attached: true });
      case "up":
        only("stable", "renew");
        assertEquals(set.has("renew"), this.policy.renewAfterMs !== undefined && set.has("renew"));
        return assertEquals(held, { dialling: false, attached: true });
      case "stale":
        only("renew");
        return assertEquals(held, { dialling: false, attached: true });
      case "closing":
        assertEquals([...set], ["shutdown"], "closing, bounded by its timer alone (I7)");
        return assertEquals(held, { dialling: false, attached: true });
      case "ended":
        assertEquals([...set], [], "a timer is left after the end (I8)");
        assert(this.ended, "ended without the effect");
        return assertEquals(held, { dialling: false, attached: false });
      default:
        return state.mode satisfies never;
    }
  }
}

/** An effect in few words, for tables. */
export function shown(effect: ReconnectEffect): string {
  switch (effect.type) {
    case "dial":
      return `dial ${effect.dial}`;
    case "cancelDial":
      return `cancel ${effect.dial}`;
    case "refuse":
      return `refuse ${effect.dial}`;
    case "adopt":
      return `adopt ${effect.epoch}`;
    case "setTimer":
      return `${effect.name} in ${effect.delayMs}`;
    case "clearTimer":
      return `no ${effect.name}`;
    case "finish":
      return effect.error === undefined ? "finish" : `finish: ${effect.error.code}`;
    case "drop":
      return `drop ${effect.epoch}: ${effect.error.code}`;
    case "close":
      return `close ${effect.code}`;
    case "trace":
      return `~${effect.fact.type}`;
    default:
      return effect.type;
  }
}
