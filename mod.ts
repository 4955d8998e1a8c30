/**
 * Holdfast: a WebSocket client transport for feeds that must not go dark.
 *
 * It holds one feed over as many sessions as it takes, and tells the truth about it: every frame says which session brought it and which place it
 * has, every loss is counted where it happened, and the lifecycle is a value that can be read at any time.
 *
 * `connect` and `open` here use whatever `WebSocket` the platform has. The subpaths `./deno`, `./node`, `./bun` and `./workerd` can do more: request
 * headers, and the HTTP status of a failed dial.
 *
 * @example
 * ```ts ignore -- needs a server
 * import { connect } from "@holdfast/ws";
 *
 * const feed = await connect("wss://data-stream.binance.vision/ws/btcusdt@trade", {
 *   liveness: { staleAfterMs: 30_000, deadAfterMs: 60_000 },
 * });
 * for await (const frame of feed) {
 *   if (frame.type === "text") console.log(frame.epoch, frame.seq, frame.data);
 * }
 * ```
 *
 * @module
 */
export { attemptBudget, type AttemptBudgetOptions } from "./src/connect/attempt_budget.ts";
export { auth } from "./src/connect/auth.ts";
export { type Chain, chain } from "./src/connect/chain.ts";
export { connectTimeout } from "./src/connect/connect_timeout.ts";
export { tracing } from "./src/connect/tracing.ts";
export type { AuthSource } from "./src/contract/auth.ts";
export type { AttemptBudget, AttemptReservation, ReserveOptions } from "./src/contract/budget.ts";
export {
  type Classify,
  defaultClassify,
  type Failure,
  type Verdict,
} from "./src/contract/classify.ts";
export type { FrameSink, SessionEnd, WsConnection } from "./src/contract/connection.ts";
export type {
  Capabilities,
  ConnectContext,
  Connector,
  DialLayer,
  Layer,
  WsConnector,
} from "./src/contract/connector.ts";
export {
  isTransportError,
  type OptionProblem,
  TransportError,
  type TransportErrorCode,
  type TransportErrorFacts,
  type TransportErrorKind,
} from "./src/contract/errors.ts";
export type {
  BinaryFrame,
  ControlFrame,
  Data,
  DataFrame,
  DeliveredFrame,
  Frame,
  TextFrame,
} from "./src/contract/frame.ts";
export type { Handshake, HeadersLike } from "./src/contract/handshake.ts";
export type { LifecycleSnapshot, Phase, Watch } from "./src/contract/lifecycle.ts";
export type {
  BackoffOptions,
  BufferOptions,
  ConnectionOptions,
  LivenessOptions,
  ProbeOptions,
  SendQueueOptions,
} from "./src/contract/options.ts";
export type {
  BatchesOptions,
  ConnectionControl,
  ConnectionStats,
  FramesOptions,
  ReconnectingConnection,
  SendOptions,
  ShutdownOptions,
} from "./src/contract/reconnecting.ts";
export type { Clock, Runtime, Seams, Spawn, Task } from "./src/contract/runtime.ts";
export type {
  FrameLayer,
  FrameTransformer,
  SessionContext,
  SessionEvent,
  SessionStart,
} from "./src/contract/session.ts";
export type { TraceEvent, TraceFact, Tracer } from "./src/contract/trace.ts";
export { fuse } from "./src/recv/fuse.ts";
export { heartbeat } from "./src/recv/heartbeat.ts";
export { connect, open } from "./src/runtime/web.ts";
export { sendRateLimit, type SendRateLimitOptions } from "./src/send/send_rate_limit.ts";
export { type Entry, passthrough, reconnect, stack, type UrlSource } from "./src/stack.ts";
