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

/**
 * Reads options by name, and collects what is wrong with them, so that all of it is reported together. A name that is there and was never read is one
 * that does not exist.
 */
export class OptionCheck<T extends object> {
  readonly #given: Partial<T>;
  readonly #place: string;
  readonly #prefix: string;
  readonly #known: string[] = [];
  readonly #problems: OptionProblem[] = [];
  readonly #inner: OptionCheck<object>[] = [];

  /** `place` says where they stand as a whole, `prefix` goes before the name of each. */
  constructor(given: T | undefined, place = "", prefix = "") {
    const wrong = given !== undefined && (typeof given !== "object" || given === null);
    this.#given = given === undefined || wrong ? {} : given;
    this.#place = place;
    this.#prefix = prefix;
    if (wrong) this.#broken(place, given, "an object");
  }

  /** These names exist, and are looked at elsewhere. */
  known(...names: readonly string[]): void {
    this.#known.push(...names);
  }

  /** What was given under a name. */
  read<Name extends keyof T & string>(name: Name): Partial<T>[Name] {
    this.known(name);
    return this.#given[name];
  }

  /** The options within one of these. */
  within<Name extends keyof T & string>(name: Name): OptionCheck<T[Name] & object> {
    const path = `${this.#prefix}${name}`;
    const inner = new OptionCheck(this.read(name) as T[Name] & object, path, `${path}.`);
    this.#inner.push(inner);
    return inner;
  }

  /** Notes a broken rule. */
  note(name: string, value: unknown, rule: string): void {
    this.#broken(`${this.#prefix}${name}`, value, rule);
  }

  /** A duration or size above zero; zero only where `zero` says so. @returns the value, the default in its absence. */
  positive<Fallback extends number | undefined>(
    name: keyof T & string,
    fallback: Fallback,
    zero = false,
  ): number | Fallback {
    const value: unknown = this.read(name);
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isFinite(value) && (zero ? value >= 0 : value > 0)) {
      return value;
    }
    this.note(name, value, zero ? "a finite number, 0 or more" : "a finite number above 0");
    return fallback;
  }

  /** A whole number, at least `least`. @returns the value, the default in its absence. */
  whole<Fallback extends number | undefined>(
    name: keyof T & string,
    fallback: Fallback,
    least = 1,
  ): number | Fallback {
    const value: unknown = this.read(name);
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    this.note(name, value, `a whole number, ${least} or more`);
    return fallback;
  }

  /** A function, or nothing. */
  callable<Name extends keyof T & string>(name: Name): Partial<T>[Name] {
    const value: unknown = this.read(name);
    if (value !== undefined && typeof value !== "function") this.note(name, value, "a function");
    return this.#given[name];
  }

  /** @throws {TransportError} `invalid_options` with every problem, if there is one. */
  done(what: string): void {
    const problems = this.#all();
    if (problems.length === 0) return;
    const lines = problems.map(({ path, value, rule }) => `${path} (${value}) must be ${rule}`);
    throw new TransportError("invalid_options", `Cannot ${what}: ${lines.join("; ")}`, {
      problems,
    });
  }

  #broken(path: string, value: unknown, rule: string): void {
    this.#problems.push({ path, value: shown(value), rule });
  }

  #all(): readonly OptionProblem[] {
    for (const [name, value] of Object.entries(this.#given)) {
      if (this.#known.includes(name)) continue;
      const path = this.#place === "" ? name : `${this.#place}.${name}`;
      this.#broken(path, value, `one of ${this.#known.join(", ")}`);
    }
    return [...this.#problems, ...this.#inner.flatMap((inner) => inner.#all())];
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
  const check = new OptionCheck(options);
  const send = check.within("send");
  check.known("headers", "runtime");
  check.callable("auth");
  const tracer = check.read("tracer");
  if (tracer !== undefined && typeof tracer?.event !== "function") {
    check.note("tracer", tracer, "an object with a method event");
  }
  const protocols = check.read("protocols");
  // A string is iterable, too: each of its letters would be offered.
  if (protocols !== undefined && !Array.isArray(protocols)) {
    check.note("protocols", protocols, "an array of strings");
  }
  const signal = check.read("signal");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    check.note("signal", signal, "an AbortSignal");
  }
  const resolved: ResolvedOptions = {
    onSession: check.callable("onSession"),
    classify: check.callable("classify"),
    connectTimeoutMs: check.positive("connectTimeoutMs", 10_000),
    startTimeoutMs: check.positive("startTimeoutMs", 60_000),
    readyTimeoutMs: check.positive("readyTimeoutMs", undefined),
    backoff: backoffOf(check.within("backoff")),
    attemptBudget: budgetOf(check, leaf),
    maxAttempts: check.whole("maxAttempts", undefined),
    permanentRetries: check.whole("permanentRetries", 2, 0),
    renewAfterMs: check.positive("renewAfterMs", undefined),
    liveness: livenessOf(check.within("liveness")),
    buffer: bufferOf(check.within("buffer")),
    recv: layersOf(check, "recv"),
    sendRateLimit: check.callable("sendRateLimit"),
    send: {
      maxWaitingFrames: send.whole("maxWaitingFrames", 1_024),
      maxWaitingBytes: send.positive("maxWaitingBytes", 4_194_304),
      highWaterMarkBytes: send.positive("highWaterMarkBytes", 1_048_576),
      timeoutMs: send.positive("timeoutMs", 30_000),
      layers: layersOf(send, "layers"),
    },
    shutdownTimeoutMs: check.positive("shutdownTimeoutMs", 2_000),
    signal,
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

function layersOf<Name extends string>(
  check: OptionCheck<{ readonly [_ in Name]?: readonly FrameLayer[] }>,
  name: Name,
): readonly FrameLayer[] {
  const layers: readonly FrameLayer[] | undefined = check.read(name);
  if (layers === undefined) return none;
  if (!Array.isArray(layers) || layers.some((layer) => typeof layer !== "function")) {
    check.note(name, layers, "an array of functions");
    return none;
  }
  return [...layers];
}

function backoffOf(check: OptionCheck<BackoffOptions>): ResolvedOptions["backoff"] {
  const minDelayMs = check.positive("minDelayMs", 500, true);
  const maxDelayMs = check.positive("maxDelayMs", Math.max(30_000, minDelayMs));
  const multiplier = check.positive("multiplier", 2);
  if (multiplier < 1) check.note("multiplier", multiplier, "1 or more");
  if (minDelayMs > maxDelayMs) {
    check.note("minDelayMs", minDelayMs, `at most maxDelayMs (${maxDelayMs})`);
  }
  return {
    minDelayMs,
    maxDelayMs,
    multiplier,
    stableAfterMs: check.positive("stableAfterMs", undefined),
  };
}

/** Checks liveness options. */
export function livenessOf(check: OptionCheck<LivenessOptions>): ResolvedOptions["liveness"] {
  const probe = check.read("probe");
  const staleAfterMs = check.positive("staleAfterMs", 60_000);
  const fallback = probe === undefined ? undefined : Math.max(120_000, staleAfterMs * 2);
  const deadAfterMs = check.positive("deadAfterMs", fallback);
  if (deadAfterMs !== undefined && deadAfterMs <= staleAfterMs) {
    check.note("deadAfterMs", deadAfterMs, `above staleAfterMs (${staleAfterMs})`);
  }
  const within = check.within("probe");
  const afterMs = within.positive("afterMs", 0);
  if (probe && typeof probe === "object" && probe.afterMs === undefined) {
    within.note("afterMs", undefined, "a finite number above 0");
  }
  if (afterMs >= staleAfterMs) {
    within.note("afterMs", afterMs, `below staleAfterMs (${staleAfterMs})`);
  }
  const frame = within.read("frame");
  if (frame !== undefined && typeof frame !== "function" && !isData(frame)) {
    within.note("frame", frame, "what can be sent, or a function that gives it");
  }
  // A copy, as of everything else: what is written into the options later is not checked any more.
  return {
    staleAfterMs,
    deadAfterMs,
    probe: probe && { ...probe },
    isLife: check.callable("isLife"),
  };
}

function isData(value: Data): boolean {
  try {
    dataFrame(value);
    return true;
  } catch {
    return false;
  }
}

function bufferOf(check: OptionCheck<BufferOptions>): ResolvedOptions["buffer"] {
  const given = check.read("overflow");
  const overflow = given === undefined ? "dropOldest" : given;
  if (overflow !== "dropOldest" && overflow !== "fail") {
    check.note("overflow", overflow, '"dropOldest" or "fail"');
  }
  return {
    maxFrames: check.whole("maxFrames", 16_384),
    maxBytes: check.positive("maxBytes", 16_777_216),
    overflow,
  };
}

function budgetOf(
  check: OptionCheck<ConnectionOptions>,
  leaf: Capabilities,
): AttemptBudget | undefined {
  const budget = check.read("attemptBudget");
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
