/**
 * What user code sees of one session: the layers on both axes, and the start hook.
 *
 * @module
 */
import type { TransportError } from "./errors.ts";
import type { Data, DeliveredFrame, Frame } from "./frame.ts";
import type { Clock } from "./runtime.ts";

/** What a layer reports to the supervisor. It is a layer's only way to it. */
export type SessionEvent =
  | { readonly type: "stale" | "alive" | "probe" }
  | { readonly type: "dead"; readonly error: TransportError }
  | { readonly type: "dropped"; readonly frames: number; readonly bytes: number };

/** What a layer knows of its session. */
export interface SessionContext {
  /** Number of the session. */
  readonly epoch: number;
  /** Time. */
  readonly clock: Clock;
  /** Aborts at the session's end. */
  readonly signal: AbortSignal;
  /** Sends a frame ahead of the application's frames; what cannot be sent any more is dropped. */
  send(frame: Frame): void;
  /** Tells the supervisor. */
  report(event: SessionEvent): void;
}

/** What frames pass through: a `Transformer` of the Streams standard, whose name not every platform's types have. */
export interface FrameTransformer {
  /** Called before the first frame. */
  start?(controller: TransformStreamDefaultController<Frame>): void | PromiseLike<void>;
  /** Called with each frame; `enqueue` what is to go on. */
  transform?(
    frame: Frame,
    controller: TransformStreamDefaultController<Frame>,
  ): void | PromiseLike<void>;
  /** Called when no frame comes any more. */
  flush?(controller: TransformStreamDefaultController<Frame>): void | PromiseLike<void>;
}

/**
 * A layer on an axis: makes, for each session, the transformer that its frames pass through. `new TransformStream(layer(context))` runs one
 * alone. On the recv axis `start` and `transform` must be synchronous.
 */
export type FrameLayer = (context: SessionContext) => FrameTransformer;

/** A session at its start: the place to log in and to subscribe again. */
export interface SessionStart {
  /** Number of the session. */
  readonly epoch: number;
  /** The negotiated subprotocol, or the empty string. */
  readonly protocol: string;
  /** Aborts at the session's end, and when `startTimeoutMs` is over before the start is done. */
  readonly signal: AbortSignal;
  /** Sends ahead of every other send of this session. Resolves when the frame was handed to the socket. */
  send(data: Data): Promise<void>;
  /** Resolves with the next frame that fits, which the reader still receives; rejects at the session's end. */
  next(match: (frame: DeliveredFrame) => boolean): Promise<DeliveredFrame>;
}
