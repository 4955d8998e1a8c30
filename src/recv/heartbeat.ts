/**
 * The heartbeat layer: transport liveness of one session. Per frame it costs one counter write; a timer compares counters.
 *
 * Session keepalive (a venue's `tic`, a heartbeats subscription) is something else and belongs to the adapter.
 *
 * @module
 */
import { ignored, nothing, onAbort } from "../contract/abort.ts";
import { TransportError, type TransportErrorFacts } from "../contract/errors.ts";
import { dataFrame, type Frame } from "../contract/frame.ts";
import { livenessOf, type LivenessOptions, OptionCheck } from "../contract/options.ts";
import type { FrameLayer, FrameTransformer, SessionContext } from "../contract/session.ts";
import { checkLiveness, livenessAtOpen, type LivenessState } from "./liveness_machine.ts";

/**
 * Watches one session: reports `stale`, `alive` and `dead`, and sends the probe when idle. Every frame passes through unchanged. In the stack
 * it is always there; alone it serves a raw session.
 *
 * @param options As `liveness` of a connection, with the same defaults.
 * @throws {TransportError} `invalid_options` with every problem.
 *
 * @example
 * ```ts
 * import { heartbeat } from "@holdfast/ws";
 *
 * const layer = heartbeat({ staleAfterMs: 10_000, deadAfterMs: 20_000, probe: { afterMs: 5_000, frame: "ping" } });
 * console.log(typeof layer); // function
 * ```
 */
export function heartbeat(options: LivenessOptions = {}): FrameLayer {
  const check = new OptionCheck(options);
  const resolved = livenessOf(check);
  check.done("make a heartbeat");
  return (context) => {
    const beat = new Heartbeat(context, resolved);
    onAbort(context.signal, () => beat.stop());
    return beat;
  };
}

/** What a heartbeat needs to know of its session. */
export type HeartbeatContext = Pick<SessionContext, "epoch" | "clock" | "send" | "report">;

/** The layer itself. Whoever makes it stops it. */
export class Heartbeat implements FrameTransformer {
  readonly #context: HeartbeatContext;
  readonly #options: ReturnType<typeof livenessOf>;
  /** Set by {@link start}, before the first frame. */
  #state!: LivenessState;
  #heard = 0;
  /** A turn cannot be cancelled: the second look is for whoever asked last. */
  #looks = 0;
  #cancel: () => void = nothing;
  #over = false;

  constructor(context: HeartbeatContext, options: ReturnType<typeof livenessOf>) {
    this.#context = context;
    this.#options = options;
  }

  start(): void {
    if (this.#over) return;
    const { clock } = this.#context;
    const [state, delayMs] = livenessAtOpen(this.#options, clock.now(), clock.wallNow());
    this.#state = state;
    this.#again(delayMs);
  }

  transform(frame: Frame, controller: TransformStreamDefaultController<Frame>): void {
    const { isLife } = this.#options;
    const life = isLife === undefined || isLife(frame);
    ignored(life);
    if (life) this.hear();
    controller.enqueue(frame);
  }

  /** Whether every frame is a sign of life, so that {@link hear} is all there is to do. */
  get hearsAll(): boolean {
    return this.#options.isLife === undefined;
  }

  /** A sign of life. */
  hear(): void {
    this.#heard++;
    if (this.#over || !this.#state.stale) return;
    this.#cancel();
    this.#look(true);
  }

  /** The session is over. */
  stop(): void {
    this.#over = true;
    this.#cancel();
  }

  #again(delayMs: number): void {
    this.#cancel = this.#context.clock.setTimer(() => this.#look(false), delayMs);
  }

  #look(grace: boolean): void {
    if (this.#over) return;
    const { clock } = this.#context;
    const moment = { heard: this.#heard, now: clock.now(), wall: clock.wallNow(), grace };
    const [state, { effects, delayMs }] = checkLiveness(this.#state, this.#options, moment);
    this.#state = state;
    const mine = ++this.#looks;
    if (delayMs === 0) {
      clock.turn(() => {
        if (mine === this.#looks) this.#look(true);
      });
    } else if (delayMs !== undefined) this.#again(delayMs);
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: "stale" | "alive" | "probe" | "dead"): void {
    if (this.#over) return;
    switch (effect) {
      case "probe":
        return this.#sendProbe();
      case "dead":
        return this.#die("session_lost", "nothing was heard for too long");
      default:
        return this.#context.report({ type: effect });
    }
  }

  #sendProbe(): void {
    const frame = this.#options.probe?.frame;
    let probe: Frame;
    try {
      const data = typeof frame === "function" ? frame() : frame;
      ignored(data);
      probe = frame === undefined ? { type: "ping", data: new Uint8Array(0) } : dataFrame(data!);
    } catch (cause) {
      // It is a timer that called: what the application throws must not reach the platform.
      return this.#die("layer_failed", "the probe could not be made", { cause });
    }
    this.#context.report({ type: "probe" });
    this.#context.send(probe);
  }

  #die(code: "session_lost" | "layer_failed", why: string, facts: TransportErrorFacts = {}): void {
    this.stop();
    const { epoch } = this.#context;
    const error = new TransportError(code, `Session lost: ${why}`, { ...facts, epoch });
    this.#context.report({ type: "dead", error });
  }
}
