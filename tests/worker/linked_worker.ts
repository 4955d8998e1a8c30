/**
 * A worker in this thread: the real host over a mock leaf, with a link that clones what crosses it. The test can block the main thread, which is what a
 * real worker is for.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import type { Clock } from "../../src/contract/runtime.ts";
import type { WorkerEvent, WorkerLike } from "../../src/worker/mod.ts";
import type { BatchMessage, FromWorker } from "../../src/worker/protocol.ts";
import { SocketHost } from "../../src/worker/socket_host.ts";

type Listener = (event: WorkerEvent) => void;

/** A worker that is no thread. */
export class LinkedWorker implements WorkerLike {
  /** Whether it was ended. */
  terminated = false;
  /** Everything it said, delivered or not. */
  readonly said: FromWorker[] = [];
  readonly #host: SocketHost | undefined;
  readonly #listeners: Map<string, Listener[]> = new Map();
  #waiting: unknown[] = [];
  #blocked = false;

  /** Makes one around a leaf; without a leaf it says only what the test has it say. */
  constructor(leaf?: { readonly connector: WsConnector; readonly clock: Clock }) {
    if (leaf === undefined) return;
    this.#host = new SocketHost({
      ...leaf,
      post: (message, transfer) => {
        this.said.push(message);
        this.say(message, transfer);
      },
    });
  }

  /** Batches it posted. */
  get batches(): BatchMessage[] {
    return this.said.filter((message) => message.type === "batch");
  }

  /** Messages that the main thread has not handled. */
  get underWay(): number {
    return this.#waiting.length;
  }

  /** From now on the main thread handles nothing, until {@link unblock}. */
  block(): void {
    this.#blocked = true;
  }

  /** The main thread comes back. */
  unblock(): void {
    this.#blocked = false;
    this.#deliver();
  }

  /** Says anything at all to the main thread. */
  say(message: unknown, transfer: ArrayBuffer[] = []): void {
    if (this.terminated) return;
    this.#waiting.push(structuredClone(message, { transfer }));
    if (!this.#blocked) Promise.resolve().then(() => this.#deliver());
  }

  /** Fires an event of a Web worker. */
  fire(type: string, event: WorkerEvent = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    if (!this.terminated) this.#host?.receive(structuredClone(message, { transfer }));
  }

  terminate(): void {
    this.terminated = true;
    this.#waiting = [];
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? [];
    this.#listeners.set(type, [...listeners, listener]);
  }

  #deliver(): void {
    while (!this.#blocked && this.#waiting.length > 0) {
      this.fire("message", { data: this.#waiting.shift() });
    }
  }
}
