/**
 * What main thread and worker say to each other, as data, and the check of every message: the other side is a file that the application chose, so
 * nothing that comes is taken on trust.
 *
 * ```text
 *   main                          worker
 *     │ ◀────────────── hello ──────│   its version, and what its leaf can honour
 *     │ ── dial ──────────────────▶ │
 *     │ ◀──────── opened | failed ──│
 *     │ ── send, close ───────────▶ │
 *     │ ◀────────────── batch ──────│   at most CREDIT of them without an ack; an empty one where nothing is new for a while
 *     │ ── ack ───────────────────▶ │
 *     │ ◀──────────────── end ──────│   last, when all frames have crossed
 * ```
 *
 * @module
 */
import type { SessionEnd } from "../contract/connection.ts";
import type { Capabilities } from "../contract/connector.ts";
import type { TransportErrorCode } from "../contract/errors.ts";
import type { Data, Frame } from "../contract/frame.ts";

/** Which protocol this is. Both sides come from the same release, unless a bundle is stale. */
export const PROTOCOL_VERSION = 2;

/** How often a worker says something although nothing is new; one with a heartbeat, as nobody else would notice that it has gone. */
export function wordEveryMs({ liveness }: HostedAxis): number {
  return Math.max(1_000, liveness.staleAfterMs ?? 60_000) / 2;
}

/** Batches that may be under way without an acknowledgement. One would leave the main thread idle for a round trip. */
export const CREDIT = 2;

/** Heartbeat and buffer of the worker, without functions. */
export interface HostedAxis {
  readonly liveness: {
    readonly staleAfterMs?: number;
    readonly deadAfterMs?: number;
    readonly probe?: { readonly afterMs: number; readonly frame?: Data };
  };
  readonly buffer: {
    readonly maxFrames: number;
    readonly maxBytes: number;
    readonly overflow: "dropOldest" | "fail";
  };
}

/** What the worker is asked to dial. */
export interface DialMessage {
  readonly type: "dial";
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: readonly (readonly [string, string])[];
  /** Whether pings and pongs cross as frames. */
  readonly seePing: boolean;
  readonly maxMessageBytes: number;
  /** Absent for a raw session: no heartbeat, and the default buffer. */
  readonly axis?: HostedAxis;
}

/** From main thread to worker. */
export type ToWorker =
  | DialMessage
  | { readonly type: "send"; readonly frame: Frame }
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  | { readonly type: "ack" };

/** A received frame on its way: text and bytes as they are, which clones fastest. */
export type WireFrame =
  | string
  | Uint8Array<ArrayBuffer>
  | { readonly type: "ping" | "pong"; readonly data: Uint8Array<ArrayBuffer> };

/** What the worker's heartbeat says while the session lives. */
export type Report = "stale" | "alive" | "probe";

/** All that is new since the last one. */
export interface BatchMessage {
  readonly type: "batch";
  /** Data frames lost before the first frame of this batch, and their bytes. */
  readonly droppedFrames: number;
  readonly droppedBytes: number;
  readonly frames: readonly WireFrame[];
  readonly reports: readonly Report[];
  /** Bytes of all `send` messages that were handled so far. */
  readonly taken: number;
  /** What the socket holds, in bytes. */
  readonly buffered: number;
}

/** From worker to main thread. */
export type FromWorker =
  | { readonly type: "hello"; readonly version: number; readonly capabilities: Capabilities }
  | { readonly type: "opened"; readonly protocol: string }
  | {
    readonly type: "failed";
    readonly code: TransportErrorCode;
    readonly message: string;
    readonly end?: SessionEnd;
  }
  | BatchMessage
  | {
    readonly type: "end";
    readonly end: SessionEnd;
    /** The heartbeat ended it, for this reason. */
    readonly dead?: { readonly code: "session_lost" | "layer_failed"; readonly message: string };
  };

const origins: readonly SessionEnd["origin"][] = [
  "server",
  "local",
  "network",
  "protocol",
  "handshake",
];

/** What a dial can fail with; anything else is told as `connect_failed`. */
const dialCodes: readonly TransportErrorCode[] = [
  "unsupported",
  "connect_failed",
  "connect_timeout",
  "protocol_error",
  "auth_rejected",
];

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";
const isAmount = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;
const isCount = (value: unknown): value is number => isAmount(value) && Number.isSafeInteger(value);
const isBound = (value: unknown): value is number => typeof value === "number" && value > 0;

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

function isWireFrame(value: unknown): value is WireFrame {
  if (isText(value) || isBytes(value)) return true;
  return isFields(value) && (value["type"] === "ping" || value["type"] === "pong") &&
    isBytes(value["data"]);
}

function isEnd(value: unknown): value is SessionEnd {
  if (!isFields(value)) return false;
  const { code, reason, clean, origin, status, retryAfterMs } = value;
  return isCount(code) && code >= 1000 && code <= 4999 && isText(reason) &&
    typeof clean === "boolean" && origins.includes(origin as SessionEnd["origin"]) &&
    (status === undefined || isCount(status)) &&
    (retryAfterMs === undefined || isAmount(retryAfterMs));
}

function isCapabilities(value: unknown): value is Capabilities {
  if (!isFields(value)) return false;
  const { headers, handshakeStatus, ping, seePing, terminate, maxMessageBytes, wireDials } = value;
  return [headers, ping, seePing, terminate].every((it) => typeof it === "boolean") &&
    ["exact", "message", "none"].includes(handshakeStatus as string) && isBound(maxMessageBytes) &&
    isBound(wireDials);
}

/** Checks what a worker said. @returns `undefined`, if it is nothing that a worker of ours says. */
export function readFromWorker(value: unknown): FromWorker | undefined {
  if (!isFields(value)) return undefined;
  switch (value["type"]) {
    case "hello": {
      const { version, capabilities } = value;
      if (!isCount(version)) return undefined;
      // What another version says besides its number is not ours to judge.
      if (version === PROTOCOL_VERSION && !isCapabilities(capabilities)) return undefined;
      return { type: "hello", version, capabilities: capabilities as Capabilities };
    }
    case "opened": {
      const { protocol } = value;
      return isText(protocol) ? { type: "opened", protocol } : undefined;
    }
    case "failed": {
      const { code, message, end } = value;
      if (!isText(message) || (end !== undefined && !isEnd(end))) return undefined;
      const known = dialCodes.find((it) => it === code) ?? "connect_failed";
      return { type: "failed", code: known, message, ...(end === undefined ? {} : { end }) };
    }
    case "batch": {
      const { droppedFrames, droppedBytes, frames, reports, taken, buffered } = value;
      const whole = isCount(droppedFrames) && isAmount(droppedBytes) && Array.isArray(frames) &&
        frames.every(isWireFrame) && Array.isArray(reports) &&
        reports.every((it) => it === "stale" || it === "alive" || it === "probe") &&
        isAmount(taken) && isAmount(buffered);
      return whole ? value as unknown as BatchMessage : undefined;
    }
    case "end": {
      const { end, dead } = value;
      if (!isEnd(end)) return undefined;
      if (dead === undefined) return { type: "end", end };
      if (!isFields(dead) || !isText(dead["message"])) return undefined;
      const code = dead["code"] === "layer_failed" ? "layer_failed" : "session_lost";
      return { type: "end", end, dead: { code, message: dead["message"] } };
    }
    default:
      return undefined;
  }
}

function isSent(value: unknown): value is Frame {
  if (!isFields(value)) return false;
  const { type, data } = value;
  return type === "text" ? isText(data) : (type === "binary" || type === "ping") && isBytes(data);
}

function isAxis(value: unknown): value is HostedAxis {
  if (!isFields(value) || !isFields(value["liveness"]) || !isFields(value["buffer"])) return false;
  const { maxFrames, maxBytes, overflow } = value["buffer"];
  return isBound(maxFrames) && isBound(maxBytes) &&
    (overflow === "dropOldest" || overflow === "fail");
}

/** Checks what a main thread said. @returns `undefined`, if it is nothing that a main thread of ours says. */
export function readToWorker(value: unknown): ToWorker | undefined {
  if (!isFields(value)) return undefined;
  const { type, url, protocols, headers, seePing, maxMessageBytes, axis } = value;
  switch (type) {
    case "dial": {
      const whole = isText(url) && Array.isArray(protocols) && protocols.every(isText) &&
        Array.isArray(headers) && headers.every((it) => Array.isArray(it) && it.every(isText)) &&
        typeof seePing === "boolean" && isBound(maxMessageBytes) &&
        (axis === undefined || isAxis(axis));
      return whole ? value as unknown as DialMessage : undefined;
    }
    case "send":
      return isSent(value["frame"]) ? { type, frame: value["frame"] } : undefined;
    case "close": {
      const { code, reason } = value;
      return isCount(code) && isText(reason) ? { type, code, reason } : undefined;
    }
    case "ack":
      return { type };
    default:
      return undefined;
  }
}
