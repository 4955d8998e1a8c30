/**
 * The assembly. It reads like the way of a frame:
 *
 * ```text
 *   tracing -> reconnect -> [attemptBudget -> connectTimeout -> auth] -> leaf
 * ```
 *
 * First listed is outermost, and the order is the contract: credentials are pulled inside each dial, one fresh deadline covers them and the dial,
 * waiting for the budget does not eat it, and tracing is outside of all that knows a secret.
 *
 * @module
 */
import { ConnectionAxes } from "./axes.ts";
import { Budget, budgeted } from "./connect/attempt_budget.ts";
import { auth } from "./connect/auth.ts";
import { chain } from "./connect/chain.ts";
import { deadline } from "./connect/connect_timeout.ts";
import { traced, tracing } from "./connect/tracing.ts";
import { urlSource } from "./connect/url_source.ts";
import { rejected } from "./contract/abort.ts";
import type { Connector, DialLayer, WsConnector } from "./contract/connector.ts";
import { TransportError } from "./contract/errors.ts";
import { type Data, dataFrame, type DeliveredFrame } from "./contract/frame.ts";
import {
  type Handshake,
  type HandshakeInit,
  handshakeOf,
  headersOf,
  refuseHeaders,
} from "./contract/handshake.ts";
import type { LifecycleSnapshot, Watch } from "./contract/lifecycle.ts";
import {
  type ConnectionOptions,
  type ResolvedOptions,
  resolveOptions,
} from "./contract/options.ts";
import type {
  BatchesOptions,
  ConnectionControl,
  ConnectionStats,
  FramesOptions,
  ReconnectingConnection,
  SendOptions,
} from "./contract/reconnecting.ts";
import type { Clock, Runtime, Seams } from "./contract/runtime.ts";
import type { SessionEvent } from "./contract/session.ts";
import { contained, Supervisor, type SupervisorOptions } from "./reconnect/supervisor.ts";
import { heldWritable } from "./send/held_writable.ts";
import type { AxesHooks } from "./session_flow.ts";

/** Where to connect: a url, or a function that is called for each dial, under its deadline. */
export type UrlSource = string | URL | (() => string | URL | Promise<string | URL>);

/** A node pauses for nobody: it can dispatch some 3,000 frames between two looks at microtasks (measured on Node 24). */
const LEAST_FRAMES = 4_096;

/** Makes connections, which can be had before they are ready. */
type Open = (handshake: Handshake, context: OpenContext) => ReconnectingConnection;

/** Without a signal, nobody can end it from outside. */
type OpenContext = SupervisorOptions["context"];

/**
 * The layer that turns single sessions into a connection that holds. Each dial waits for the attempt budget; credentials and deadline are dial
 * layers of the chain it stands in.
 *
 * @param options What applies to the life of a connection; `auth`, `connectTimeoutMs`, `tracer` and `runtime` belong to other layers.
 * @param seams Clock, task executor and randomness of a platform.
 * @throws {TransportError} `invalid_options`, `unsupported`: when the layer is put around a connector.
 */
export function reconnect(
  options: Omit<ConnectionOptions, "auth" | "connectTimeoutMs" | "tracer" | "runtime">,
  seams: Seams,
): (next: WsConnector) => Connector<ReconnectingConnection> {
  return (next) => awaited(reconnector(next, seams, { options, once: false }));
}

/**
 * One raw session through the usage seam, for whoever has a reconnect of their own: stands where `reconnect` stands in a chain. The session's
 * end is the connection's end.
 *
 * @param options As for {@link reconnect}.
 * @param seams Clock, task executor and randomness of a platform.
 *
 * @example
 * ```ts
 * import { chain, passthrough } from "@holdfast/ws";
 * import { mockRuntime } from "@holdfast/ws/testing";
 *
 * const { runtime } = mockRuntime();
 * const once = chain(runtime.connector, { reconnect: passthrough({}, runtime) });
 * console.log(typeof once.connect); // function
 * ```
 */
export function passthrough(
  options: Omit<ConnectionOptions, "auth" | "connectTimeoutMs" | "tracer" | "runtime">,
  seams: Seams,
): (next: WsConnector) => Connector<ReconnectingConnection> {
  return (next) => awaited(reconnector(next, seams, { options, once: true }));
}

function reconnector(
  next: WsConnector,
  seams: Seams,
  { options, once }: { options: ConnectionOptions; once: boolean },
): Open {
  const { capabilities } = next;
  const resolved = resolveOptions(options, capabilities);
  const policy = { ...resolved, once, classify: contained(resolved.classify) };
  const { liveness, buffer } = resolved;
  const headers = headersOf(options.headers);
  if (!capabilities.headers) refuseHeaders(headers, "this leaf");
  if (capabilities.recvAxis) refuseFunctions(liveness);
  return (handshake, context) => {
    const budget = resolved.attemptBudget ?? new Budget(60, 300_000);
    const parts = new Parts({
      connector: budgeted(budget, seams.clock)(next),
      handshake: withDefaults(handshake, headers, options.protocols),
      context: capabilities.recvAxis
        ? { ...context, recvAxis: { liveness: definedOf(liveness), buffer } }
        : context,
      seams,
      options: policy,
    });
    return parts.start();
  };
}

function awaited(open: Open): Connector<ReconnectingConnection> {
  return { connect: (handshake, context) => readied(() => open(handshake, context)) };
}

async function readied(open: () => ReconnectingConnection): Promise<ReconnectingConnection> {
  const connection = open();
  await connection.ready;
  return connection;
}

/** A leaf with a heartbeat of its own may have it in another thread, where functions cannot go. */
function refuseFunctions({ isLife, probe }: ResolvedOptions["liveness"]): void {
  const name = isLife !== undefined
    ? "liveness.isLife"
    : typeof probe?.frame === "function"
    ? "liveness.probe.frame"
    : undefined;
  if (name === undefined) return;
  throw new TransportError(
    "unsupported",
    `Cannot use ${name}: this leaf has a heartbeat of its own, which takes data and no functions; ` +
      "the leaves of ./web, ./deno, ./node and ./bun take them",
  );
}

/**
 * What each dial's handshake is made of: the one given, with the options' headers and subprotocols where it has none of its own. As text, since a
 * connection keeps it, and a `URL` and `Headers` take kilobytes while it is idle.
 */
function withDefaults(
  given: Handshake,
  defaults: Headers,
  offered: readonly string[] = [],
): HandshakeInit {
  const merged = new Headers(defaults);
  for (const [name, value] of given.headers) merged.set(name, value);
  const { url, protocols, headers } = handshakeOf({
    url: given.url,
    protocols: given.protocols.length > 0 ? given.protocols : offered,
    headers: merged,
  });
  return { url: url.href, protocols, headers: [...headers] };
}

/** The same object without members that are `undefined`. */
function definedOf<T extends object>(
  value: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** The dial layers of the canonical chain. */
function dialLayers({ auth: source }: ConnectionOptions, ms: number, clock: Clock): DialLayer[] {
  return [deadline(ms, clock), ...source === undefined ? [] : [auth(source)]];
}

/**
 * The canonical chain around a leaf.
 *
 * @param leaf The socket.
 * @param seams Clock, task executor and randomness of a platform.
 * @param options What the connection is told; `runtime` is not looked at.
 * @throws {TransportError} `invalid_options` with every problem; `unsupported`, if the leaf cannot honour an option.
 *
 * @example
 * ```ts
 * import { stack } from "@holdfast/ws";
 * import { mockRuntime } from "@holdfast/ws/testing";
 *
 * const { runtime } = mockRuntime();
 * const connector = stack(runtime.connector, runtime, { maxAttempts: 3 });
 * console.log(typeof connector.connect); // function
 * ```
 */
export function stack(
  leaf: WsConnector,
  seams: Seams,
  options: ConnectionOptions = {},
): Connector<ReconnectingConnection> {
  const { connectTimeoutMs } = resolveOptions(options, leaf.capabilities);
  return chain(leaf, {
    outer: options.tracer === undefined ? [] : [tracing(options.tracer)],
    reconnect: reconnect(options, seams),
    dial: dialLayers(options, connectTimeoutMs, seams.clock),
  });
}

/** `connect` and `open` of one platform. */
export interface Entry {
  /**
   * Connects, and resolves at the first healthy session.
   *
   * @throws {TransportError} When the stack gives up before; `invalid_options`, `unsupported`.
   * @throws {TypeError} If url, a subprotocol or a header is not one.
   * @throws The signal's reason, when that aborts.
   */
  connect(url: UrlSource, options?: ConnectionOptions): Promise<ReconnectingConnection>;
  /**
   * Gives the connection at once, in phase `connecting`.
   *
   * @throws {TransportError} `invalid_options`, `unsupported`.
   * @throws {TypeError} If url, a subprotocol or a header is not one.
   */
  open(url: UrlSource, options?: ConnectionOptions): ReconnectingConnection;
}

/** The `open` of a platform, which is made when it is first needed. */
export function opener(platform: () => Runtime): Entry["open"] {
  let own: Runtime | undefined;
  return (url, options = {}) => {
    const runtime = options.runtime ?? (own ??= platform());
    const { connector, clock } = runtime;
    const { connectTimeoutMs } = resolveOptions(options, connector.capabilities);
    const moving = typeof url === "function";
    const layers = dialLayers(options, connectTimeoutMs, clock);
    if (moving) layers.splice(1, 0, urlSource(url));
    const dialled = layers.reduceRight((next, layer) => layer(next), connector);
    const handshake = handshakeOf({ url: moving ? "ws://url-function.invalid/" : url });
    const { tracer } = options;
    // The signal is among the options.
    const context: OpenContext = tracer === undefined ? {} : traced({}, tracer);
    return reconnector(dialled, runtime, { options, once: false })(handshake, context);
  };
}

/** The `connect` that belongs to an `open`. */
export function connecter(open: Entry["open"]): Entry["connect"] {
  return (url, options) => readied(() => open(url, options));
}

/** Both axes and the actor of one connection, and what they tell each other. */
class Parts implements AxesHooks {
  readonly clock: Clock;
  readonly axes: ConnectionAxes;
  readonly supervisor: Supervisor;
  readonly flushMs: number;
  readonly #setup: SupervisorOptions;
  /** Whether a trace event waits for the end of the turn, and how many losses have been traced. */
  #lagWaits = false;
  #lagTraced = 0;

  constructor(setup: Omit<SupervisorOptions, "axes">) {
    const { connector, handshake, context, seams, options } = setup;
    const { recvAxis } = connector.capabilities;
    this.flushMs = options.shutdownTimeoutMs;
    this.clock = seams.clock;
    const axes = new ConnectionAxes(options, { recvAxis, hooks: this });
    this.axes = axes;
    this.#setup = { connector, handshake, context, seams, options, axes };
    this.supervisor = new Supervisor(this.#setup);
  }

  start(): ReconnectingConnection {
    const { supervisor } = this;
    const { options, seams } = this.#setup;
    const { maxFrames } = options.buffer;
    if (maxFrames < LEAST_FRAMES) {
      supervisor.trace({
        type: "config",
        message: `buffer.maxFrames (${maxFrames}) is below ${LEAST_FRAMES}: ` +
          "one burst of a socket may not fit, however fast the reader is",
      });
    }
    const connection = new Connection(this);
    seams.spawn.spawn("holdfast", supervisor);
    supervisor.start();
    return connection;
  }

  onCount(): void {
    this.supervisor.lifecycle.bump();
    if (
      this.#lagWaits || this.#setup.context.trace === undefined ||
      this.axes.buffer.lagged === this.#lagTraced
    ) return;
    // One event for all that is lost in one turn: a tracer must not cost more than the loss.
    this.#lagWaits = true;
    this.clock.turn(() => this.onFinish());
  }

  onReport(epoch: number, event: SessionEvent): void {
    this.supervisor.reported(epoch, event);
  }

  onFailed(epoch: number, error: TransportError): void {
    this.supervisor.fail(epoch, error);
  }

  onOverflow(epoch: number): void {
    const message = `Session ${epoch} ended: the reader is too slow`;
    this.onFailed(epoch, new TransportError("overflow", message, { epoch }));
  }

  onCancel(): void {
    this.onCount();
    this.supervisor.leave();
  }

  /** The turn of {@link onCount} may come after the end, which nothing follows. */
  onFinish(): void {
    if (!this.#lagWaits) return;
    this.#lagWaits = false;
    const { lagged: totalLagged, laggedBytes: totalLaggedBytes } = this.axes.buffer;
    this.#lagTraced = totalLagged;
    this.supervisor.trace({ type: "lag", totalLagged, totalLaggedBytes });
  }
}

/** The handle: nothing but the parts, under the names of the usage seam. */
class Connection implements ReconnectingConnection {
  readonly #parts: Parts;
  #control: ConnectionControl | undefined;
  #writable: WritableStream<Data> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get control(): ConnectionControl {
    const { supervisor } = this.#parts;
    return this.#control ??= Object.freeze({
      forceReconnect: () => supervisor.forceReconnect(),
      markHealthy: () => supervisor.markHealthy(),
      // Rejects like every other promise, whatever is wrong with the options.
      shutdown: async (options = {}) => await supervisor.shutdown(options),
    });
  }

  get ready(): Promise<void> {
    return this.#parts.supervisor.ready;
  }

  get lifecycle(): Watch<LifecycleSnapshot> {
    return this.#parts.supervisor.lifecycle.watch;
  }

  get readable(): ReadableStream<DeliveredFrame> {
    return this.#parts.axes.buffer.readable;
  }

  get writable(): WritableStream<Data> {
    const { axes, supervisor, flushMs, clock } = this.#parts;
    return this.#writable ??= heldWritable({
      outbox: axes.outbox,
      clock,
      flushMs,
      shutdown: () => supervisor.shutdown(),
      onEnd: (ended) => void supervisor.lifecycle.waitFor(() => false).catch(ended),
    });
  }

  frames(options?: FramesOptions): AsyncIterableIterator<DeliveredFrame> {
    return this.#parts.axes.buffer.frames(options);
  }

  batches(options?: BatchesOptions): AsyncIterableIterator<readonly DeliveredFrame[]> {
    return this.#parts.axes.buffer.batches(options);
  }

  send(data: Data, options?: SendOptions): Promise<void> {
    try {
      return this.#parts.axes.outbox.send(dataFrame(data), options);
    } catch (error) {
      return rejected(error);
    }
  }

  stats(): ConnectionStats {
    const { supervisor, axes } = this.#parts;
    const { buffer, outbox, roundTripMs } = axes;
    return {
      received: buffer.received,
      leafDropped: buffer.leafDropped,
      delivered: buffer.delivered,
      buffered: buffer.buffered,
      bufferedBytes: buffer.bufferedBytes,
      totalLagged: buffer.lagged,
      totalDiscarded: buffer.discarded,
      sent: outbox.sent,
      waiting: outbox.waiting,
      waitingBytes: outbox.waitingBytes,
      zombies: supervisor.zombies,
      roundTripMs,
    };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<DeliveredFrame> {
    return this.frames();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.supervisor.shutdown();
  }
}
