/**
 * Both axes of a connection, assembled: what happens to a frame between socket and application.
 *
 * ```text
 * recv   socket ─> heartbeat ─> your layers ─> dropOldestBuffer ─> readable | for await | batches
 * send   socket <─ your layers <─ sendRateLimit <─ outbox (epoch fence) <─ send() | writable
 * ```
 *
 * The recv layers run synchronously from the socket's message event, so that control handling never waits behind data, and so that the buffer
 * sees every frame of a burst before the reader does.
 *
 * @module
 */
import type { TransportError } from "./contract/errors.ts";
import type { ResolvedOptions } from "./contract/options.ts";
import type { FrameLayer, SessionStart } from "./contract/session.ts";
import type { Axes, AxesSession } from "./reconnect/axes.ts";
import { DropOldestBuffer } from "./recv/drop_oldest_buffer.ts";
import { Outbox } from "./send/outbox.ts";
import { gateOf } from "./send/send_rate_limit.ts";
import { type AxesHooks, type FlowParts, SessionFlow } from "./session_flow.ts";

/** Buffer and outbox, and the layers of the session that is open. */
export class ConnectionAxes implements Axes, FlowParts {
  /** The recv axis. */
  readonly buffer: DropOldestBuffer;
  /** The send axis. */
  readonly outbox: Outbox;
  readonly hooks: AxesHooks;
  readonly recvLayers: readonly FrameLayer[];
  readonly sendLayers: readonly FrameLayer[];
  readonly liveness: ResolvedOptions["liveness"] | undefined;
  roundTripMs: number | undefined;
  #flow: SessionFlow | undefined;

  /** Makes them without a session. `recvAxis`: the leaf has heartbeat and buffer of its own. */
  constructor(
    options: ResolvedOptions,
    { hooks, recvAxis }: { hooks: AxesHooks; recvAxis: boolean },
  ) {
    const { sendRateLimit, liveness, buffer, send, recv } = options;
    const gate = gateOf(sendRateLimit);
    this.hooks = hooks;
    this.recvLayers = recv;
    this.sendLayers = gate === undefined && sendRateLimit !== undefined
      ? [sendRateLimit, ...send.layers]
      : send.layers;
    this.liveness = recvAxis ? undefined : liveness;
    this.buffer = new DropOldestBuffer(buffer, hooks);
    this.outbox = new Outbox({ ...send, clock: hooks.clock, gate, hooks });
  }

  open(session: AxesSession): void {
    this.#flow = new SessionFlow(this, session);
  }

  listen(): void {
    this.#flow?.listen();
  }

  sessionStart(): SessionStart {
    return this.#flow!.sessionStart();
  }

  start(): void {
    this.outbox.start();
  }

  release(error: TransportError): void {
    this.#flow?.release();
    this.#flow = undefined;
    this.outbox.lose(error);
  }

  finish(error: TransportError | undefined, sendError: TransportError): void {
    this.buffer.end(error);
    this.outbox.end(sendError);
    this.hooks.onFinish();
  }
}
