/**
 * What a connection can be told, with every default, and the checks that come before any work.
 *
 * @module
 */
import type { AuthSource } from "./auth.ts";
import type { AttemptBudget } from "./budget.ts";
import type { Classify } from "./classify.ts";
import type { Capabilities } from "./connector.ts";
import { type OptionProblem, TransportError } from "./errors.ts";
import { type Data, dataFrame, type Frame } from "./frame.ts";
import type { HeadersLike } from "./handshake.ts";
import type { Runtime } from "./runtime.ts";
import type { FrameLayer, SessionStart } from "./session.ts";
import type { Tracer } from "./trace.ts";

/** How long to wait between dials: `hint + uniform[minDelayMs, min(maxDelayMs, minDelayMs * multiplier^n)]`, n = 1 for the first retry. */
export interface BackoffOptions {
  /** Shortest delay in milliseconds. Zero is allowed. @default {500} */
  readonly minDelayMs?: number;
  /** Longest delay in milliseconds, without the hint. @default {30_000, or `minDelayMs` if that is more} */
  readonly maxDelayMs?: number;
  /** How fast the upper end grows; at least 1. @default {2} */
  readonly multiplier?: number;
  /** How long a session must be up before delays start anew, in milliseconds. @default {the last delay, at least 10_000} */
  readonly stableAfterMs?: number;
}

/** Keepalive when idle. */
export interface ProbeOptions {
  /** Sent when nothing was heard for so long, in milliseconds. Less than `staleAfterMs`. */
  readonly afterMs: number;
  /** What to send. @default {a protocol ping, on leaves that can} */
  readonly frame?: Data | (() => Data);
}

/** When a socket counts as stale, and when as dead. */
export interface LivenessOptions {
  /** Nothing heard for so long: phase `stale`, in milliseconds. @default {60_000} */
  readonly staleAfterMs?: number;
  /** Nothing heard for so long: the socket is abandoned, in milliseconds. @default {with a probe 120_000, or twice `staleAfterMs` if that is more; else never} */
  readonly deadAfterMs?: number;
  /** Keepalive when idle. @default {none} */
  readonly probe?: ProbeOptions;
  /** Which frames are a sign of life. @default {every one} */
  readonly isLife?: (frame: Frame) => boolean;
}

/** How much the reader may lag behind. */
export interface BufferOptions {
  /** Frames, at most. Below 4,096 a burst of one socket read may not fit. @default {16_384} */
  readonly maxFrames?: number;
  /** Bytes, at most: UTF-16 length of text, byte length of binary. One frame above it is still admitted, alone. @default {16_777_216} */
  readonly maxBytes?: number;
  /** What to do when a frame does not fit: drop the oldest, or end the session. @default {"dropOldest"} */
  readonly overflow?: "dropOldest" | "fail";
}

/** What may wait to be sent. */
export interface SendQueueOptions {
  /** Frames that wait, at most. @default {1_024} */
  readonly maxWaitingFrames?: number;
  /** Bytes that wait, at most. @default {4_194_304} */
  readonly maxWaitingBytes?: number;
  /** Frames wait while the socket holds more than this, in bytes. @default {1_048_576} */
  readonly highWaterMarkBytes?: number;
  /** The session is abandoned when nothing could be handed over for so long, in milliseconds. @default {30_000} */
  readonly timeoutMs?: number;
  /**
   * Layers between rate limit and socket, outermost (closest to the application) first. They may be async. One that makes several data frames of one
   * goes past the limit with the others: a token is waited for per frame that enters.
   *
   * @default {[]}
   */
  readonly layers?: readonly FrameLayer[];
}

/** What a connection can be told. Absent means the default, or off where there is none. */
export interface ConnectionOptions {
  /** Offered subprotocols, most wanted first. @default {[]} */
  readonly protocols?: readonly string[];
  /** Request headers, on leaves that can. @default {none} */
  readonly headers?: HeadersLike;
  /** Stamps credentials on each dial. @default {none} */
  readonly auth?: AuthSource;
  /** Runs on every open: login, resubscribe. @default {none} */
  readonly onSession?: (session: SessionStart) => void | Promise<void>;
  /** Judges failures. @default {defaultClassify} */
  readonly classify?: Classify;
  /** Takes trace events. @default {none} */
  readonly tracer?: Tracer;
  /** One deadline per dial, over credentials, dial and open, in milliseconds. @default {10_000} */
  readonly connectTimeoutMs?: number;
  /** Deadline of `onSession`, in milliseconds. @default {60_000} */
  readonly startTimeoutMs?: number;
  /** How long to wait for the first session before giving up, in milliseconds. @default {for ever} */
  readonly readyTimeoutMs?: number;
  /** Delays between dials. */
  readonly backoff?: BackoffOptions;
  /** Limit on dials; share one between connections to the same host. @default {an own one of 60 per 300_000 ms} */
  readonly attemptBudget?: AttemptBudget;
  /** Gives up (`exhausted`) after so many failed dials or sessions since the last stable one. @default {never} */
  readonly maxAttempts?: number;
  /** Tries more after a permanent failure. @default {2} */
  readonly permanentRetries?: number;
  /** Reconnects proactively after so long, up to a tenth earlier, in milliseconds. @default {never} */
  readonly renewAfterMs?: number;
  /** Stale and dead. */
  readonly liveness?: LivenessOptions;
  /** How much the reader may lag behind. */
  readonly buffer?: BufferOptions;
  /** Layers between heartbeat and buffer, closest to the socket first; synchronous. @default {[]} */
  readonly recv?: readonly FrameLayer[];
  /** Paces what is sent. Made by `sendRateLimit()`. @default {none} */
  readonly sendRateLimit?: FrameLayer;
  /** What may wait to be sent. */
  readonly send?: SendQueueOptions;
  /** How long `shutdown` waits for the server, in milliseconds. @default {2_000} */
  readonly shutdownTimeoutMs?: number;
  /** Aborting it shuts the connection down. @default {none} */
  readonly signal?: AbortSignal;
  /** Another platform, or a mock. @default {the one of the module that `connect` comes from} */
  readonly runtime?: Runtime;
}

/** Options with every default in place. */
export interface ResolvedOptions {
  readonly onSession: ConnectionOptions["onSession"];
  readonly classify: Classify | undefined;
  readonly connectTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly readyTimeoutMs: number | undefined;
  readonly backoff: {
    readonly minDelayMs: number;
    readonly maxDelayMs: number;
    readonly multiplier: number;
    readonly stableAfterMs: number | undefined;
  };
  readonly attemptBudget: AttemptBudget | undefined;
  readonly maxAttempts: number | undefined;
  readonly permanentRetries: number;
  readonly renewAfterMs: number | undefined;
  readonly liveness: {
    readonly staleAfterMs: number;
    readonly deadAfterMs: number | undefined;
    readonly probe: ProbeOptions | undefined;
    readonly isLife: ((frame: Frame) => boolean) | undefined;
  };
  readonly buffer: {
    readonly maxFrames: number;
    readonly maxBytes: number;
    readonly overflow: "dropOldest" | "fail";
  };
  readonly recv: readonly FrameLayer[];
  readonly sendRateLimit: FrameLayer | undefined;
  readonly send: {
    readonly maxWaitingFrames: number;
    readonly maxWaitingBytes: number;
    readonly highWaterMarkBytes: number;
    readonly timeoutMs: number;
    readonly layers: readonly FrameLayer[];
  };
  readonly shutdownTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const names: readonly (keyof ConnectionOptions)[] = [
  "protocols",
  "headers",
  "auth",
  "onSession",
  "classify",
  "tracer",
  "connectTimeoutMs",
  "startTimeoutMs",
  "readyTimeoutMs",
  "backoff",
  "attemptBudget",
  "maxAttempts",
  "permanentRetries",
  "renewAfterMs",
  "liveness",
  "buffer",
  "recv",
  "sendRateLimit",
  "send",
  "shutdownTimeoutMs",
  "signal",
  "runtime",
];

const livenessNames: readonly (keyof LivenessOptions)[] = [
  "staleAfterMs",
  "deadAfterMs",
  "probe",
  "isLife",
];

/** Collects what is wrong with a set of options, so that all of it is reported together. */
export class OptionCheck {
  /** What was found so far. */
  readonly problems: OptionProblem[] = [];

  /** Notes a broken rule. */
  note(path: string, value: unknown, rule: string): void {
    this.problems.push({ path, value: shown(value), rule });
  }

  /** A duration or size above zero; zero only where `zero` says so. @returns the value, the default in its absence. */
  positive<Fallback extends number | undefined>(
    path: string,
    value: unknown,
    fallback: Fallback,
    zero = false,
  ): number | Fallback {
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isFinite(value) && (zero ? value >= 0 : value > 0)) {
      return value;
    }
    this.note(path, value, zero ? "a finite number, 0 or more" : "a finite number above 0");
    return fallback;
  }

  /** A whole number, at least `least`. @returns the value, the default in its absence. */
  whole<Fallback extends number | undefined>(
    path: string,
    value: unknown,
    fallback: Fallback,
    least = 1,
  ): number | Fallback {
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    this.note(path, value, `a whole number, ${least} or more`);
    return fallback;
  }

  /** A function, or nothing. */
  callable(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== "function") this.note(path, value, "a function");
  }

  /** An object, or nothing; without members that it does not have. */
  members(path: string, value: unknown, allowed: readonly string[]): void {
    if (value === undefined) return;
    if (typeof value !== "object" || value === null) return this.note(path, value, "an object");
    for (const name of Object.keys(value)) {
      if (!allowed.includes(name)) {
        const at = path === "" ? name : `${path}.${name}`;
        this.note(at, (value as Record<string, unknown>)[name], `one of ${allowed.join(", ")}`);
      }
    }
  }

  /** @throws {TransportError} `invalid_options` with every problem, if there is one. */
  done(what: string): void {
    if (this.problems.length === 0) return;
    const lines = this.problems.map(({ path, value, rule }) =>
      `${path} (${value}) must be ${rule}`
    );
    throw new TransportError("invalid_options", `Cannot ${what}: ${lines.join("; ")}`, {
      problems: this.problems,
    });
  }
}

function shown(value: unknown): string {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
    case "bigint":
      return String(value);
    case "string":
      return "a string";
    case "function":
      return "a function";
    default:
      return value === null ? "null" : "an object";
  }
}

/**
 * Checks options and puts the defaults in.
 *
 * @param options What the application said.
 * @param leaf What the leaf can honour.
 * @throws {TransportError} `invalid_options` with every problem; `unsupported`, if the leaf cannot honour an option.
 */
export function resolveOptions(options: ConnectionOptions, leaf: Capabilities): ResolvedOptions {
  const check = new OptionCheck();
  check.members("", options, names);
  check.members("backoff", options.backoff, [
    "minDelayMs",
    "maxDelayMs",
    "multiplier",
    "stableAfterMs",
  ]);
  check.members("buffer", options.buffer, ["maxFrames", "maxBytes", "overflow"]);
  check.members("send", options.send, [
    "maxWaitingFrames",
    "maxWaitingBytes",
    "highWaterMarkBytes",
    "timeoutMs",
    "layers",
  ]);
  check.callable("auth", options.auth);
  check.callable("onSession", options.onSession);
  check.callable("classify", options.classify);
  check.callable("sendRateLimit", options.sendRateLimit);
  if (options.tracer !== undefined && typeof options.tracer?.event !== "function") {
    check.note("tracer", options.tracer, "an object with a method event");
  }
  const { protocols } = options;
  // A string is iterable, too: each of its letters would be offered.
  if (protocols !== undefined && !Array.isArray(protocols)) {
    check.note("protocols", protocols, "an array of strings");
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    check.note("signal", options.signal, "an AbortSignal");
  }
  const resolved: ResolvedOptions = {
    onSession: options.onSession,
    classify: options.classify,
    connectTimeoutMs: check.positive("connectTimeoutMs", options.connectTimeoutMs, 10_000),
    startTimeoutMs: check.positive("startTimeoutMs", options.startTimeoutMs, 60_000),
    readyTimeoutMs: check.positive("readyTimeoutMs", options.readyTimeoutMs, undefined),
    backoff: backoffOf(check, options.backoff ?? {}),
    attemptBudget: budgetOf(check, options.attemptBudget, leaf),
    maxAttempts: check.whole("maxAttempts", options.maxAttempts, undefined),
    permanentRetries: check.whole("permanentRetries", options.permanentRetries, 2, 0),
    renewAfterMs: check.positive("renewAfterMs", options.renewAfterMs, undefined),
    liveness: livenessOf(check, options.liveness, "liveness."),
    buffer: bufferOf(check, options.buffer ?? {}),
    recv: layersOf(check, "recv", options.recv),
    sendRateLimit: options.sendRateLimit,
    send: {
      maxWaitingFrames: check.whole(
        "send.maxWaitingFrames",
        options.send?.maxWaitingFrames,
        1_024,
      ),
      maxWaitingBytes: check.positive(
        "send.maxWaitingBytes",
        options.send?.maxWaitingBytes,
        4_194_304,
      ),
      highWaterMarkBytes: check.positive(
        "send.highWaterMarkBytes",
        options.send?.highWaterMarkBytes,
        1_048_576,
      ),
      timeoutMs: check.positive("send.timeoutMs", options.send?.timeoutMs, 30_000),
      layers: layersOf(check, "send.layers", options.send?.layers),
    },
    shutdownTimeoutMs: check.positive("shutdownTimeoutMs", options.shutdownTimeoutMs, 2_000),
    signal: options.signal,
  };
  check.done("connect");
  if (!leaf.ping && resolved.liveness.probe && resolved.liveness.probe.frame === undefined) {
    throw new TransportError(
      "unsupported",
      "Cannot probe with a protocol ping: this leaf cannot send one; give liveness.probe.frame, or use ./bun, ./ws, or tcp() of ./deno or ./node",
    );
  }
  return resolved;
}

/** No layers: one list for all. */
const none: readonly FrameLayer[] = [];

function layersOf(
  check: OptionCheck,
  path: string,
  layers: readonly FrameLayer[] | undefined,
): readonly FrameLayer[] {
  if (layers === undefined) return none;
  if (!Array.isArray(layers) || layers.some((layer) => typeof layer !== "function")) {
    check.note(path, layers, "an array of functions");
    return none;
  }
  return [...layers];
}

function backoffOf(check: OptionCheck, options: BackoffOptions): ResolvedOptions["backoff"] {
  const minDelayMs = check.positive("backoff.minDelayMs", options.minDelayMs, 500, true);
  const maxDelayMs = check.positive(
    "backoff.maxDelayMs",
    options.maxDelayMs,
    Math.max(30_000, minDelayMs),
  );
  const multiplier = check.positive("backoff.multiplier", options.multiplier, 2);
  if (multiplier < 1) check.note("backoff.multiplier", multiplier, "1 or more");
  if (minDelayMs > maxDelayMs) {
    check.note("backoff.minDelayMs", minDelayMs, `at most maxDelayMs (${maxDelayMs})`);
  }
  const stableAfterMs = check.positive("backoff.stableAfterMs", options.stableAfterMs, undefined);
  return { minDelayMs, maxDelayMs, multiplier, stableAfterMs };
}

/** Checks liveness options; `prefix` says where they stand. */
export function livenessOf(
  check: OptionCheck,
  given: LivenessOptions | undefined,
  prefix: string,
): ResolvedOptions["liveness"] {
  check.members(prefix.slice(0, -1), given, livenessNames);
  const options = given ?? {};
  const { probe, isLife } = options;
  const at = (name: string) => `${prefix}${name}`;
  check.members(at("probe"), probe, ["afterMs", "frame"]);
  check.callable(at("isLife"), isLife);
  const staleAfterMs = check.positive(at("staleAfterMs"), options.staleAfterMs, 60_000);
  const fallback = probe === undefined ? undefined : Math.max(120_000, staleAfterMs * 2);
  const deadAfterMs = check.positive(at("deadAfterMs"), options.deadAfterMs, fallback);
  if (deadAfterMs !== undefined && deadAfterMs <= staleAfterMs) {
    check.note(at("deadAfterMs"), deadAfterMs, `above staleAfterMs (${staleAfterMs})`);
  }
  if (probe !== undefined && typeof probe === "object" && probe !== null) {
    if (probe.afterMs === undefined) {
      check.note(at("probe.afterMs"), undefined, "a finite number above 0");
    }
    const afterMs = check.positive(at("probe.afterMs"), probe.afterMs, 0);
    if (afterMs >= staleAfterMs) {
      check.note(at("probe.afterMs"), afterMs, `below staleAfterMs (${staleAfterMs})`);
    }
    if (probe.frame !== undefined && typeof probe.frame !== "function" && !isData(probe.frame)) {
      check.note(at("probe.frame"), probe.frame, "what can be sent, or a function that gives it");
    }
  }
  // A copy, as of everything else: what is written into the options later is not checked any more.
  return { staleAfterMs, deadAfterMs, probe: probe && { ...probe }, isLife };
}

function isData(value: Data): boolean {
  try {
    dataFrame(value);
    return true;
  } catch {
    return false;
  }
}

function bufferOf(check: OptionCheck, options: BufferOptions): ResolvedOptions["buffer"] {
  const { overflow = "dropOldest" } = options;
  if (overflow !== "dropOldest" && overflow !== "fail") {
    check.note("buffer.overflow", overflow, '"dropOldest" or "fail"');
  }
  return {
    maxFrames: check.whole("buffer.maxFrames", options.maxFrames, 16_384),
    maxBytes: check.positive("buffer.maxBytes", options.maxBytes, 16_777_216),
    overflow,
  };
}

function budgetOf(
  check: OptionCheck,
  budget: AttemptBudget | undefined,
  leaf: Capabilities,
): AttemptBudget | undefined {
  if (budget === undefined) return undefined;
  if (typeof budget !== "object" || budget === null || typeof budget.reserve !== "function") {
    check.note("attemptBudget", budget, "made by attemptBudget()");
    return undefined;
  }
  if (budget.attempts < leaf.wireDials) {
    check.note(
      "attemptBudget.attempts",
      budget.attempts,
      `at least ${leaf.wireDials}: a failing dial of this leaf costs so many`,
    );
  }
  return budget;
}
