/**
 * What the machine of a connection remembers, hears and asks for.
 *
 * @module
 */
import type { Classify } from "../contract/classify.ts";
import type { TransportError } from "../contract/errors.ts";
import type { Phase } from "../contract/lifecycle.ts";
import type { TraceFact } from "../contract/trace.ts";
import type { BackoffPolicy } from "./backoff.ts";

/** Where the machine stands. */
export type Mode =
  | "idle"
  | "waiting"
  | "dialing"
  | "starting"
  | "up"
  | "stale"
  | "closing"
  | "ended";

/** What the machine decides by. `classify` must not throw. */
export interface ReconnectPolicy {
  readonly backoff: BackoffPolicy & { readonly stableAfterMs: number | undefined };
  readonly maxAttempts: number | undefined;
  readonly permanentRetries: number;
  readonly renewAfterMs: number | undefined;
  readonly startTimeoutMs: number;
  readonly readyTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  /** One session only: its loss is the end. */
  readonly once: boolean;
  readonly classify: Classify;
}

/** All that the machine remembers. */
export interface ReconnectState {
  readonly mode: Mode;
  /** `connecting` until it was up. */
  readonly phase: Phase;
  /** Number of the last opened session. */
  readonly epoch: number;
  /** Number of the last dial. */
  readonly attempts: number;
  readonly stales: number;
  readonly downSinceMs: number | undefined;
  readonly exhausted: boolean;
  readonly error: TransportError | undefined;
  /** Whether the session went silent while its start was still under way. */
  readonly silent: boolean;
  /** Since the last stable session: failures, dials but those of sessions that were ended on purpose, permanent failures, and the row of failures of one kind. */
  readonly failures: number;
  readonly dials: number;
  readonly permanents: number;
  readonly row: { readonly kind: string; readonly length: number };
  /** The last delay before a dial. */
  readonly lastDelayMs: number;
  /** No dial before this time: a server's hint. */
  readonly notBefore: number;
  /** While closing: when it ends at the latest. */
  readonly closeBy: number;
  /** Tells timers of one name apart. */
  readonly timers: { readonly [name in TimerName]?: number };
  readonly timerCount: number;
}

/** The timers. Each has one place; setting it again replaces it. */
export type TimerName = "retry" | "start" | "stable" | "renew" | "ready" | "shutdown";

/** What happens to the machine. */
export type ReconnectEvent =
  | { readonly type: "start" }
  | { readonly type: "opened"; readonly dial: number; readonly protocol: string }
  | { readonly type: "dialFailed"; readonly dial: number; readonly error: TransportError }
  | { readonly type: "started"; readonly epoch: number }
  | { readonly type: "startFailed"; readonly epoch: number; readonly error: TransportError }
  | { readonly type: "lost"; readonly epoch: number; readonly error: TransportError }
  | { readonly type: "stale" | "alive"; readonly epoch: number }
  | { readonly type: "timer"; readonly name: TimerName; readonly id: number }
  | { readonly type: "forceReconnect" }
  | { readonly type: "markHealthy" }
  | {
    readonly type: "shutdown";
    readonly code: number;
    readonly reason: string;
    readonly timeoutMs: number | undefined;
  };

/** What is to be done, in this order. */
export type ReconnectEffect =
  | { readonly type: "dial"; readonly dial: number }
  | { readonly type: "cancelDial"; readonly dial: number }
  /** A socket opened that nobody waits for any more. */
  | { readonly type: "refuse"; readonly dial: number }
  /** The socket of this dial is the session now. */
  | { readonly type: "adopt"; readonly dial: number; readonly epoch: number }
  | { readonly type: "runStart"; readonly epoch: number }
  | { readonly type: "up"; readonly epoch: number }
  /** The session is over: detach, and abandon its socket unless that has ended. */
  | { readonly type: "drop"; readonly epoch: number; readonly error: TransportError }
  | {
    readonly type: "close";
    readonly epoch: number;
    readonly code: number;
    readonly reason: string;
  }
  | {
    readonly type: "setTimer";
    readonly name: TimerName;
    readonly id: number;
    readonly delayMs: number;
  }
  | { readonly type: "clearTimer"; readonly name: TimerName }
  /** Nothing new will be delivered or sent; `error` is what the reader sees at the end. */
  | { readonly type: "finish"; readonly error: TransportError | undefined }
  | { readonly type: "end" }
  | { readonly type: "trace"; readonly fact: TraceFact };

/** Time and randomness of one transition. */
export interface Moment {
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/** What a session that is good puts an end to. */
export const forgiven: Pick<
  ReconnectState,
  "failures" | "dials" | "permanents" | "row" | "lastDelayMs"
> = {
  failures: 0,
  dials: 0,
  permanents: 0,
  row: { kind: "", length: 0 },
  lastDelayMs: 0,
};

/** The state before the first event. */
export function initialState(now: number): ReconnectState {
  return {
    mode: "idle",
    phase: "connecting",
    epoch: 0,
    attempts: 0,
    stales: 0,
    downSinceMs: now,
    exhausted: false,
    error: undefined,
    silent: false,
    ...forgiven,
    notBefore: 0,
    closeBy: 0,
    timers: {},
    timerCount: 0,
  };
}
