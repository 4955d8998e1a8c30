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
import { ConnectionAxes, definedOf } from "./axes.ts";
import { attemptBudget, budgeted } from "./connect/attempt_budget.ts";
import { auth } from "./connect/auth.ts";
import { chain } from "./connect/chain.ts";
import { connectTimeout } from "./connect/connect_timeout.ts";
import { tracing } from "./connect/tracing.ts";
import { urlSource } from "./connect/url_source.ts";
import { handled } from "./contract/abort.ts";
import type { ConnectContext, Connector, DialLayer, WsConnector } from "./contract/connector.ts";
import { TransportError } from "./contract/errors.ts";
import { type Data, dataFrame, type DeliveredFrame } from "./contract/frame.ts";
import { type Handshake, handshakeOf, headersOf } from "./contract/handshake.ts";
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
import { Supervisor } from "./reconnect/supervisor.ts";
import { heldWritable } from "./send/held_writable.ts";

/** Where to connect: a url, or a function that is called for each dial, under its deadline. */
export type UrlSource = string | URL | (() => string | URL | Promise<string | URL>);

/** A node pauses for nobody: it can dispatch some 3,000 frames between two looks at microtasks (measured on Node 24). */
const LEAST_FRAMES = 4_096;

/** A connector whose connections can also be had before they are ready. */
interface ReconnectConnector extends Connector<ReconnectingConnection> {
  open(handshake: Handshake, context: ConnectContext): ReconnectingConnection;
}

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
  return (next) => reconnector(next, seams, { options, once: false });
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
  return (next) => reconnector(next, seams, { options, once: true });
}

function reconnector(
  next: WsConnector,
  seams: Seams,
  { options, once }: { options: ConnectionOptions; once: boolean },
): ReconnectConnector {
  const { capabilities } = next;
  const resolved = resolveOptions(options, capabilities);
  const headers = headersOf(options.headers);
  if (!capabilities.headers && !headers.keys().next().done) {
    throw new TransportError(
      "unsupported",
      `Cannot send header ${[...headers.keys()].join(", ")}: this leaf has no headers; ` +
        "the subpaths ./deno, ./node, ./bun and ./workerd have",
    );
  }
  const { liveness, buffer } = resolved;
  if (capabilities.recvAxis) refuseFunctions(liveness);
  const open = (handshake: Handshake, context: ConnectContext): ReconnectingConnection => {
    const budget = resolved.attemptBudget ?? attemptBudget({ attempts: 60, windowMs: 300_000 });
    return openConnection({
      connector: budgeted(budget, seams.clock)(next),
      handshake: withDefaults(handshake, options),
      context: capabilities.recvAxis
        ? { ...context, recvAxis: { liveness: definedOf(liveness), buffer } }
        : context,
      seams,
      options: resolved,
      once,
    });
  };
  return {
    open,
    async connect(handshake, context) {
      const connection = open(handshake, context);
      await connection.ready;
      return connection;
    },
  };
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

/** The handshake with the options' subprotocols and headers where it has none of its own. */
function withDefaults(handshake: Handshake, options: ConnectionOptions): Handshake {
  const headers = headersOf(options.headers);
  for (const [name, value] of handshake.headers) headers.set(name, value);
  const protocols = handshake.protocols.length > 0 ? handshake.protocols : options.protocols ?? [];
  return new KeptHandshake(handshakeOf({ url: handshake.url, protocols, headers }));
}

/** A handshake as text: for the dials to come a connection keeps this, as a `URL` and `Headers` take kilobytes while it is idle. */
class KeptHandshake implements Handshake {
  readonly protocols: string[];
  readonly #href: string;
  readonly #headers: [string, string][];

  constructor({ url, protocols, headers }: Handshake) {
    this.protocols = protocols;
    this.#href = url.href;
    this.#headers = [...headers];
  }

  get url(): URL {
    return new URL(this.#href);
  }

  get headers(): Headers {
    return new Headers(this.#headers);
  }
}

/** The dial layers of the canonical chain. */
function dialLayers(options: ConnectionOptions, seams: Seams): DialLayer[] {
  return [
    connectTimeout(options.connectTimeoutMs ?? 10_000, seams.clock),
    ...options.auth === undefined ? [] : [auth(options.auth)],
  ];
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
  resolveOptions(options, leaf.capabilities);
  return chain(leaf, {
    outer: options.tracer === undefined ? [] : [tracing(options.tracer)],
    reconnect: reconnect(options, seams),
    dial: dialLayers(options, seams),
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

/** Binds `connect` and `open` to a platform, which is made when it is first needed. */
export function entry(platform: () => Runtime): Entry {
  let runtime: Runtime | undefined;
  const open = (url: UrlSource, options: ConnectionOptions = {}): ReconnectingConnection => {
    const { connector, ...seams } = options.runtime ?? (runtime ??= platform());
    resolveOptions(options, connector.capabilities);
    const moving = typeof url === "function";
    const layers = dialLayers(options, seams);
    if (moving) layers.splice(1, 0, urlSource(url));
    const dialled = layers.reduceRight((next, layer) => layer(next), connector);
    const inner = reconnector(dialled, seams, { options, once: false });
    const handshake = handshakeOf({ url: moving ? "ws://url-function.invalid/" : url });
    const signal = options.signal ?? new AbortController().signal;
    return opened(inner, handshake, { signal }, options);
  };
  return {
    open,
    async connect(url, options) {
      const connection = open(url, options);
      await connection.ready;
      return connection;
    },
  };
}

/** Opens through the tracing layer, which like every outer layer only knows `connect`. */
function opened(
  inner: ReconnectConnector,
  handshake: Handshake,
  context: ConnectContext,
  { tracer }: ConnectionOptions,
): ReconnectingConnection {
  if (tracer === undefined) return inner.open(handshake, context);
  let connection: ReconnectingConnection | undefined;
  const layer = tracing(tracer)({
    connect: (own: Handshake, traced: ConnectContext) => {
      connection = inner.open(own, traced);
      return Promise.resolve(connection);
    },
  });
  handled(layer.connect(handshake, context));
  return connection!;
}

interface OpenOptions {
  readonly connector: WsConnector;
  readonly handshake: Handshake;
  readonly context: ConnectContext;
  readonly seams: Seams;
  readonly options: ResolvedOptions;
  readonly once: boolean;
}

/** Wires the actor to both axes and starts it. */
function openConnection(setup: OpenOptions): ReconnectingConnection {
  const { seams, options, connector } = setup;
  const { clock } = seams;
  let lagWaits = false;
  let lagTraced = 0;
  const traceLag = () => {
    if (!lagWaits) return;
    lagWaits = false;
    lagTraced = axes.lagged;
    const { lagged: totalLagged, laggedBytes: totalLaggedBytes } = axes;
    supervisor.trace({ type: "lag", totalLagged, totalLaggedBytes });
  };
  const axes = new ConnectionAxes(options, {
    clock,
    recvAxis: connector.capabilities.recvAxis,
    hooks: {
      onCount: () => {
        supervisor.lifecycle.bump();
        if (lagWaits || setup.context.trace === undefined || axes.lagged === lagTraced) return;
        // One event for all that is lost in one turn: a tracer must not cost more than the loss.
        lagWaits = true;
        clock.turn(traceLag);
      },
      onFailed: (epoch, error) => supervisor.fail(epoch, error),
      onCancel: () => supervisor.leave(),
      // The turn may come after the end, which nothing follows.
      onFinish: traceLag,
    },
  });
  const supervisor: Supervisor = new Supervisor({ ...setup, axes });
  if (options.buffer.maxFrames < LEAST_FRAMES) {
    supervisor.trace({
      type: "config",
      message: `buffer.maxFrames (${options.buffer.maxFrames}) is below ${LEAST_FRAMES}: ` +
        "one burst of a socket may not fit, however fast the reader is",
    });
  }
  const connection = new Connection({ axes, supervisor, options, clock });
  seams.spawn.spawn("holdfast", supervisor);
  supervisor.start();
  return connection;
}

interface Parts {
  readonly axes: ConnectionAxes;
  readonly supervisor: Supervisor;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
}

/** The handle: nothing but the parts, under the names of the usage seam. */
class Connection implements ReconnectingConnection {
  readonly control: ConnectionControl;
  readonly #parts: Parts;
  #writable: WritableStream<Data> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { supervisor } = parts;
    this.control = Object.freeze({
      forceReconnect: () => supervisor.forceReconnect(),
      markHealthy: () => supervisor.markHealthy(),
      shutdown: (options = {}) => supervisor.shutdown(options),
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
    const { axes, supervisor, options, clock } = this.#parts;
    return this.#writable ??= heldWritable({
      outbox: axes.outbox,
      clock,
      flushMs: options.shutdownTimeoutMs,
      shutdown: () => supervisor.shutdown(),
      onEnd: (ended) => void supervisor.lifecycle.watch.waitFor(() => false).catch(ended),
    });
  }

  frames(options: FramesOptions = {}): AsyncIterableIterator<DeliveredFrame> {
    return this.#parts.axes.buffer.frames(options);
  }

  batches(options: BatchesOptions = {}): AsyncIterableIterator<readonly DeliveredFrame[]> {
    return this.#parts.axes.buffer.batches(options);
  }

  send(data: Data, options: SendOptions = {}): Promise<void> {
    try {
      return this.#parts.axes.outbox.send(dataFrame(data), options);
    } catch (error) {
      return handled(Promise.reject(error));
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
