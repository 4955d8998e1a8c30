/**
 * The off-thread leaf: the socket lives in a worker, with heartbeat and drop-oldest buffer, and goes on while the main thread is blocked. Pings are
 * answered, silence is noticed, and what does not fit is dropped oldest first and counted. It is also the only leaf whose socket can be ended at once on
 * every platform: with its worker.
 *
 * The application makes the worker, so that its bundler sees the file; the file calls `hostSocket()` of `@holdfast/ws/worker/host`. Each dial has a worker
 * of its own.
 *
 * @example
 * ```ts ignore -- needs a worker file and a server
 * import { connect } from "@holdfast/ws";
 * import { deno } from "@holdfast/ws/deno";
 * import { workerConnector } from "@holdfast/ws/worker";
 *
 * const connector = workerConnector(() =>
 *   new Worker(new URL("./socket_worker.js", import.meta.url), { type: "module" })
 * );
 * const feed = await connect("wss://data-stream.binance.vision/ws/btcusdt@trade", {
 *   runtime: { ...deno(), connector },
 * });
 * for await (const frame of feed) console.log(frame.seq, frame.data);
 * ```
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { WsConnection } from "../contract/connection.ts";
import type { Capabilities, ConnectContext, WsConnector } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { dataFrame } from "../contract/frame.ts";
import { type Handshake, wireHandshake } from "../contract/handshake.ts";
import { OptionCheck } from "../contract/options.ts";
import { systemClock } from "../runtime/clock.ts";
import { web } from "../runtime/web.ts";
import { WorkerChannel, type WorkerLike } from "./channel.ts";
import {
  type DialMessage,
  type FromWorker,
  type HostedAxis,
  PROTOCOL_VERSION,
  wordEveryMs,
} from "./protocol.ts";
import { WorkerSession } from "./worker_session.ts";

export type { FrameSink, SessionEnd, WsConnection } from "../contract/connection.ts";
export type {
  Capabilities,
  ConnectContext,
  Connector,
  WsConnector,
} from "../contract/connector.ts";
export type { Handshake } from "../contract/handshake.ts";
export type { WorkerEvent, WorkerLike } from "./channel.ts";

/** What a worker leaf can be told. */
export interface WorkerConnectorOptions {
  /**
   * What the leaf in the worker can honour, as data: `deno().connector.capabilities`, if the worker file hosts `deno()`. A dial fails with
   * `unsupported`, before any I/O, if the worker's leaf can do less. @default {those of `@holdfast/ws/web`}
   */
  readonly capabilities?: Partial<Capabilities>;
}

/**
 * A leaf whose sockets live in workers, one per dial. The stack leaves heartbeat and buffer to the worker, and refuses what is a function there:
 * `liveness.isLife`, and a `liveness.probe.frame` that is one.
 *
 * @param makeWorker Makes a worker whose file calls `hostSocket()`. Called once per dial.
 * @param options See {@link WorkerConnectorOptions}.
 * @throws {TypeError} If `makeWorker` is not a function.
 * @throws {TransportError} `invalid_options`, if there is an option that is not known.
 */
export function workerConnector(
  makeWorker: () => WorkerLike,
  options: WorkerConnectorOptions = {},
): WsConnector {
  if (typeof makeWorker !== "function") {
    throw new TypeError("Cannot make a worker leaf: makeWorker is not a function");
  }
  const check = new OptionCheck(options, "options");
  const usual = web().connector.capabilities;
  check.within("capabilities").known(...Object.keys(usual));
  check.done("make a worker leaf");
  const capabilities: Capabilities = Object.freeze({
    ...usual,
    ...options.capabilities,
    // Both are the worker's: it can be ended, and it has heartbeat and buffer.
    terminate: true,
    recvAxis: true,
  });
  return {
    capabilities,
    connect: async (handshake, context) => {
      context.signal.throwIfAborted();
      const { headers } = capabilities;
      const wire = wireHandshake(handshake, { name: "worker", headers });
      return await dial(makeWorker, dialMessage(wire, capabilities, context), {
        capabilities,
        signal: context.signal,
      });
    },
  };
}

function dialMessage(
  { url, protocols, headers }: Handshake,
  { seePing, maxMessageBytes }: Capabilities,
  { recvAxis }: ConnectContext,
): DialMessage {
  return {
    type: "dial",
    url: url.href,
    protocols,
    headers: [...headers],
    seePing,
    maxMessageBytes,
    ...(recvAxis === undefined ? {} : { axis: hostedAxis(recvAxis) }),
  };
}

/** What heartbeat and buffer of the worker are told; a probe is bytes of its own. */
function hostedAxis({ liveness, buffer }: NonNullable<ConnectContext["recvAxis"]>): HostedAxis {
  const { staleAfterMs, deadAfterMs, probe, isLife } = liveness;
  if (isLife !== undefined || typeof probe?.frame === "function") {
    throw new TransportError("unsupported", "Cannot connect: a function cannot go to the worker");
  }
  const frame = probe?.frame === undefined ? undefined : dataFrame(probe.frame).data;
  return {
    liveness: {
      ...(staleAfterMs === undefined ? {} : { staleAfterMs }),
      ...(deadAfterMs === undefined ? {} : { deadAfterMs }),
      ...(probe === undefined ? {} : {
        probe: {
          afterMs: probe.afterMs,
          ...(frame === undefined ? {} : { frame: frame.slice() }),
        },
      }),
    },
    buffer,
  };
}

interface Dialling {
  readonly capabilities: Capabilities;
  readonly signal: AbortSignal;
}

function dial(
  makeWorker: () => WorkerLike,
  message: DialMessage,
  { capabilities, signal }: Dialling,
): Promise<WsConnection> {
  return new Promise((resolve, reject) => {
    let session: WorkerSession | undefined;
    let settled = false;
    let forget = () => {};
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      forget();
      act();
    };
    const fail = (error: unknown) =>
      settle(() => {
        void channel.end();
        reject(error);
      });
    const answer = (said: FromWorker | undefined) => {
      if (session !== undefined) return session.take(said);
      switch (said?.type) {
        case "hello": {
          const problem = mismatch(said, capabilities);
          if (problem !== undefined) return fail(new TransportError("unsupported", problem));
          return channel.post(message);
        }
        case "opened":
          return settle(() => {
            const { protocol } = said;
            const { ping } = capabilities;
            const everyMs = message.axis === undefined ? undefined : 2 * wordEveryMs(message.axis);
            const watch = everyMs === undefined ? {} : { watch: { clock: systemClock, everyMs } };
            resolve(session = new WorkerSession({ channel, protocol, ping, ...watch }));
          });
        case "failed": {
          const { end } = said;
          return fail(
            new TransportError(said.code, said.message, end === undefined ? {} : { end }),
          );
        }
        default:
          return fail(
            new TransportError(
              "protocol_error",
              "Cannot connect: the worker file is not one of ours",
            ),
          );
      }
    };
    let channel: WorkerChannel;
    try {
      channel = new WorkerChannel(makeWorker(), {
        message: answer,
        gone: (cause) => {
          if (session !== undefined) return session.gone();
          fail(
            new TransportError("connect_failed", "Cannot connect: the worker has failed", {
              cause,
              end: { code: 1006, reason: "", clean: false, origin: "local" },
            }),
          );
        },
      });
    } catch (cause) {
      const what = "Cannot connect: the worker could not be made";
      return reject(new TransportError("unsupported", what, { cause }));
    }
    forget = onAbort(signal, () => fail(signal.reason));
  });
}

/** Why a worker cannot serve, before any I/O: another version, or a leaf that can do less than was claimed. */
function mismatch(
  { version, capabilities: real }: FromWorker & { readonly type: "hello" },
  claimed: Capabilities,
): string | undefined {
  if (version !== PROTOCOL_VERSION) {
    return "Cannot connect: the worker file has another version of this package";
  }
  const rank = { none: 0, message: 1, exact: 2 } as const;
  const less = [
    ...(["headers", "ping", "seePing"] as const).filter((name) => claimed[name] && !real[name]),
    ...(rank[real.handshakeStatus] < rank[claimed.handshakeStatus] ? ["handshakeStatus"] : []),
    ...(real.maxMessageBytes < claimed.maxMessageBytes ? ["maxMessageBytes"] : []),
    ...(real.wireDials > claimed.wireDials ? ["wireDials"] : []),
  ];
  if (less.length === 0) return undefined;
  return `Cannot connect: the leaf in the worker has less ${less.join(", ")} than was claimed; ` +
    "give workerConnector its capabilities";
}
