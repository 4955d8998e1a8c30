/**
 * The main thread's way to a worker: a Web `Worker`, or the `Worker` of `node:worker_threads`.
 *
 * @module
 */
import { type FromWorker, readFromWorker, type ToWorker } from "./protocol.ts";

/** What an event of a Web `Worker` may carry. */
export interface WorkerEvent {
  /** Of `message`: what was posted. */
  readonly data?: unknown;
  /** Of `error`: what the platform says of it. */
  readonly message?: string;
  /** Of `error`: keeps it from ending this thread, too. */
  preventDefault?(): void;
}

/** What we need of a worker: a Web `Worker` has it, and the one of `node:worker_threads`. */
export interface WorkerLike {
  /** Says something to the worker. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Ends the worker; where that takes time, a promise of it. */
  terminate(): unknown;
  /** Listens to a Web `Worker`. */
  addEventListener?(type: string, listener: (event: WorkerEvent) => void): void;
  /** Listens to a `Worker` of Node. */
  on?(type: string, listener: (value: unknown) => void): unknown;
}

/** What comes from a worker. */
export interface ChannelEvents {
  /** It said something; `undefined` for what we do not understand. */
  message(message: FromWorker | undefined): void;
  /** It has ended by itself: it threw, could not be loaded, or exited. */
  gone(cause: unknown): void;
}

/** A worker, until it ends. Nothing is heard of it afterwards. */
export class WorkerChannel {
  readonly #worker: WorkerLike;
  readonly #events: ChannelEvents;
  #ended: Promise<void> | undefined;

  /** Listens to a worker. */
  constructor(worker: WorkerLike, events: ChannelEvents) {
    this.#worker = worker;
    this.#events = events;
    const take = (value: unknown) => {
      if (this.#ended === undefined) events.message(readFromWorker(value));
    };
    if (worker.on !== undefined) {
      worker.on("message", take);
      worker.on("messageerror", () => take(undefined));
      // Without a listener an error of the worker would end this process.
      worker.on("error", (error) => this.#gone(error));
      worker.on("exit", (code) => this.#gone(new Error(`The worker exited with ${code}`)));
    } else if (worker.addEventListener !== undefined) {
      worker.addEventListener("message", ({ data }) => take(data));
      worker.addEventListener("messageerror", () => take(undefined));
      worker.addEventListener("error", (event) => {
        // Deno ends the process otherwise.
        event.preventDefault?.();
        this.#gone(new Error(event.message || "The worker failed"));
      });
      // Bun only: elsewhere a Web worker that exits is not told of.
      worker.addEventListener("close", () => this.#gone(new Error("The worker exited")));
    } else {
      throw new TypeError("Cannot use the worker: it has neither addEventListener nor on");
    }
  }

  /** Says something. */
  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#ended === undefined) this.#worker.postMessage(message, transfer);
  }

  /** Ends the worker, and with it the socket. Resolves when the platform says so, where it does. */
  end(): Promise<void> {
    return this.#ended ??= this.#terminate();
  }

  async #terminate(): Promise<void> {
    try {
      await this.#worker.terminate();
    } catch {
      // Nobody listens to it any more.
    }
  }

  #gone(cause: unknown): void {
    if (this.#ended !== undefined) return;
    void this.end();
    this.#events.gone(cause);
  }
}
