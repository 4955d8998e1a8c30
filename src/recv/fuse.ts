/**
 * Fusing: several transformers as one, without the queues and promises that sit between piped TransformStreams.
 *
 * The rules are those of the pipe:
 * - `enqueue` never throws because of something downstream; a downstream failure ends the chain after the frame at hand;
 * - after `terminate()` a later `enqueue` of the same layer throws TypeError; what is downstream is flushed;
 * - `start` runs for every layer before the first frame, `flush` at the end, upstream first;
 * - methods keep their `this`; a layer may be async, and frames then queue in front of it, in order.
 *
 * @module
 */
import { isThenable } from "../contract/abort.ts";
import type { Frame } from "../contract/frame.ts";
import type { FrameTransformer } from "../contract/session.ts";

type Controller = TransformStreamDefaultController<Frame>;

/** Where the frames of the last layer go. */
interface Outlet {
  enqueue(frame: Frame): void;
  error(reason: unknown): void;
  terminate(): void;
}

/** Goes on when `done` has: now, where there is nothing to wait for. */
function then(
  done: void | Promise<void>,
  next: () => void | Promise<void>,
): void | Promise<void> {
  return done === undefined ? next() : done.then(next);
}

/** How the chain failed. `reason` may be `undefined`, as it may be thrown. */
interface Failure {
  readonly reason: unknown;
  /** Whether a layer threw it; it may also have called `error`, after which the call at hand returns as usual. */
  readonly thrown: boolean;
}

/** What the layers of one chain share. */
class Chain {
  outlet: Outlet | undefined;
  failure: Failure | undefined;
  /** Names the layer that returned a promise where none is allowed, or `undefined` where one is. */
  readonly refuse: ((index: number, method: string) => TypeError) | undefined;

  constructor(refuse: Chain["refuse"]) {
    this.refuse = refuse;
  }

  /** The first failure counts. The outlet hears of it at once: a layer may fail outside of every call, in a timer of its own. */
  fail(reason: unknown, thrown: boolean): void {
    if (this.failure !== undefined) return;
    this.failure = { reason, thrown };
    this.outlet?.error(reason);
  }

  /** What is downstream of a layer that terminated has been flushed. */
  end(): void {
    if (this.failure === undefined) this.outlet?.terminate();
  }
}

/** One layer with what it may do to its neighbours. */
class Stage {
  readonly #chain: Chain;
  readonly #layer: FrameTransformer;
  readonly #index: number;
  readonly #next: Stage | undefined;
  readonly #controller: Controller;
  #busy: Promise<void> | undefined;
  #closed = false;
  /** After a `terminate`: what is downstream is being flushed. */
  #ending: void | Promise<void> = undefined;
  #flushed: { readonly done: void | Promise<void> } | undefined;
  /** Frames that came before this layer has started; `undefined` from then on. */
  #early: Frame[] | undefined = [];
  /** Whether everything downstream has started. */
  #ready = false;

  constructor(chain: Chain, layer: FrameTransformer, index: number, next: Stage | undefined) {
    this.#chain = chain;
    this.#layer = layer;
    this.#index = index;
    this.#next = next;
    // deno-lint-ignore no-this-alias -- the controller is another object with a getter of its own
    const stage = this;
    this.#controller = {
      get desiredSize(): number | null {
        if (chain.failure !== undefined) return null;
        return stage.#closed ? 0 : 1;
      },
      enqueue: (frame: Frame) => this.#out(frame),
      error: (reason: unknown) => {
        this.#closed = true;
        chain.fail(reason, false);
      },
      terminate: () => this.#terminate(),
    };
  }

  start(): void | Promise<void> {
    const started = this.#call("start", () => this.#layer.start?.(this.#controller));
    const rest = () => {
      if (this.#chain.failure?.thrown) return;
      const early = this.#early!;
      this.#early = undefined;
      for (const frame of early) void this.write(frame);
      return this.#next?.start();
    };
    const end = () => {
      this.#ready = true;
      if (this.#closed) this.#endDownstream();
    };
    return then(then(started, rest), end);
  }

  /** A frame comes from upstream. A promise only where a layer is async. */
  write(frame: Frame): void | Promise<void> {
    if (this.#early !== undefined) return void this.#early.push(frame);
    if (this.#busy !== undefined) return this.#after(() => this.#transform(frame));
    const done = this.#transform(frame);
    return done === undefined ? undefined : this.#after(() => done);
  }

  flush(): void | Promise<void> {
    // A layer that terminates while it is flushed has flushed its neighbour already.
    this.#flushed ??= {
      done: this.#busy === undefined ? this.#flush() : this.#after(() => this.#flush()),
    };
    return this.#flushed.done;
  }

  #flush(): void | Promise<void> {
    if (this.#chain.failure !== undefined) return;
    if (this.#closed) return this.#ending;
    const done = this.#call("flush", () => this.#layer.flush?.(this.#controller));
    const rest = () => {
      this.#closed = true;
      return this.#next?.flush();
    };
    return then(done, rest);
  }

  #transform(frame: Frame): void | Promise<void> {
    if (this.#closed || this.#chain.failure !== undefined) return;
    const layer = this.#layer;
    // The common case, without a closure.
    let result: unknown;
    try {
      result = layer.transform === undefined
        ? this.#out(frame)
        : layer.transform(frame, this.#controller);
    } catch (reason) {
      return this.#chain.fail(reason, true);
    }
    return isThenable(result) ? this.#wait("transform", result) : undefined;
  }

  #call(method: "start" | "flush", run: () => unknown): void | Promise<void> {
    let result: unknown;
    try {
      result = run();
    } catch (reason) {
      return this.#chain.fail(reason, true);
    }
    return isThenable(result) ? this.#wait(method, result) : undefined;
  }

  #wait(method: string, result: PromiseLike<unknown>): void | Promise<void> {
    const settled = Promise.resolve(result).then(
      () => {},
      (reason) => this.#chain.fail(reason, true),
    );
    if (this.#chain.refuse === undefined) return settled;
    // A session that is over waits for nobody: what is downstream is flushed now.
    if (method === "flush") return;
    this.#chain.fail(this.#chain.refuse(this.#index, method), true);
  }

  /** Runs `work` after what this stage does already. */
  #after(work: () => void | Promise<void>): Promise<void> {
    const turn: Promise<void> = (this.#busy ?? Promise.resolve()).then(work).then(() => {
      if (this.#busy === turn) this.#busy = undefined;
      return this.#pending();
    });
    this.#busy = turn;
    return turn;
  }

  /** What is still under way downstream because of frames written from here. */
  #pending(): void | Promise<void> {
    return this.#next === undefined ? undefined : this.#next.#busy;
  }

  #out(frame: Frame): void {
    if (this.#closed) throw new TypeError("Cannot enqueue frame: the layer has ended");
    if (this.#chain.failure !== undefined) return;
    if (this.#next === undefined) this.#chain.outlet!.enqueue(frame);
    else void this.#next.write(frame);
  }

  #terminate(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What is downstream starts before it is flushed: see start().
    if (this.#ready) this.#endDownstream();
  }

  #endDownstream(): void {
    this.#ending = then(this.#next?.flush(), () => this.#chain.end());
  }

  /** Resolves when nothing is under way in this stage or downstream. */
  idle(): void | Promise<void> {
    const busy = this.#busy;
    if (busy !== undefined) return busy.then(() => this.idle());
    return this.#next?.idle();
  }
}

/**
 * Composes transformers into one.
 *
 * @param layers Outermost (closest to where frames come from) first.
 * @returns a transformer for `new TransformStream(...)` or for another `fuse`.
 *
 * @example
 * ```ts
 * import { type FrameTransformer, fuse } from "@holdfast/ws";
 *
 * const upper: FrameTransformer = {
 *   transform(frame, controller) {
 *     controller.enqueue(frame.type === "text" ? { ...frame, data: frame.data.toUpperCase() } : frame);
 *   },
 * };
 * const stream = new TransformStream(fuse(upper, {}));
 * console.log(stream.readable.locked); // false
 * ```
 */
export function fuse(...layers: readonly FrameTransformer[]): FrameTransformer {
  return fuseWith(layers, undefined);
}

/** As {@link fuse}; with `refuse`, a promise from `start` or `transform` fails the chain with the TypeError that it makes. */
export function fuseWith(
  layers: readonly FrameTransformer[],
  refuse: ((index: number, method: string) => TypeError) | undefined,
): FrameTransformer {
  const chain = new Chain(refuse);
  let first: Stage | undefined;
  for (let i = layers.length - 1; i >= 0; i--) first = new Stage(chain, layers[i]!, i, first);
  const outletOf = (controller: Controller): Outlet => chain.outlet ??= controller;
  const check = () => {
    if (chain.failure?.thrown) throw chain.failure.reason;
  };
  const settle = (done: void | Promise<void>): void | Promise<void> => then(done, check);
  return {
    start(controller) {
      outletOf(controller);
      return settle(first?.start());
    },
    transform(frame, controller) {
      const outlet = outletOf(controller);
      if (first === undefined) return outlet.enqueue(frame);
      const done = first.write(frame);
      if (done === undefined) {
        const under = refuse === undefined ? first.idle() : undefined;
        return settle(under);
      }
      return settle(done.then(() => first.idle()));
    },
    flush(controller) {
      outletOf(controller);
      return settle(first?.flush());
    },
  };
}
