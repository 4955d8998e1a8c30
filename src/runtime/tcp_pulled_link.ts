/**
 * A link over a platform whose reads and writes are promises: a read loop that can be held, and a queue of writes.
 *
 * @module
 */
import type { ByteLink, ByteReceiver } from "./tcp_transport.ts";
import { WriteQueue } from "./tcp_write_queue.ts";

/** What the platform does. */
export interface BytePipe {
  /** The next bytes, or `undefined` at the end of what the peer sends. They stay as they are until the next call. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Called when bytes of a read have been used; the next read waits for what it gives. */
  rest?(bytes: number): Promise<void> | undefined;
  /** Whether reading always ends after a write has failed, behind what the peer had sent before: so it is with sockets. @default {false} */
  readonly readsOut?: boolean;
  /** Writes all of it. */
  write(chunk: Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** Ends the sending half. */
  end(): Promise<unknown>;
  /** Gives everything back; a read that is under way ends, one way or another. */
  close(): void;
}

/** The link. It reads from its first moment on. */
export class PulledLink<P extends BytePipe> implements ByteLink {
  readonly #pipe: P;
  readonly #receiver: ByteReceiver;
  readonly #queue: WriteQueue;
  #over = false;
  #paused = false;
  /** Why a write failed. */
  #cause: unknown;
  #wake: (() => void) | undefined;

  /** Makes one. */
  constructor(pipe: P, receiver: ByteReceiver) {
    this.#pipe = pipe;
    this.#receiver = receiver;
    this.#queue = new WriteQueue((chunk) => pipe.write(chunk), {
      drained: () => receiver.drained(),
      // The peer may have said why it goes.
      failed: (cause) => pipe.readsOut ? this.#cause = cause : this.#end(cause),
    });
    void this.#read();
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#queue.push(chunks);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
    this.#wake = undefined;
  }

  end(): void {
    this.#queue.whenEmpty(() => {
      // A peer that is gone already makes this fail; the read loop says so too.
      if (!this.#over) this.#pipe.end().catch(() => {});
    });
  }

  destroy(): void {
    if (this.#over) return;
    this.detach();
    this.#pipe.close();
  }

  /** Gives the pipe away, open. The link must be paused, so that no read is under way. */
  detach(): P {
    this.#over = true;
    this.#queue.stop();
    this.resume();
    return this.#pipe;
  }

  #end(cause?: unknown): void {
    if (this.#over) return;
    this.destroy();
    this.#receiver.ended(cause);
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        if (this.#paused) await new Promise<void>((resolve) => this.#wake = resolve);
        if (this.#over) return;
        const bytes = await this.#pipe.read();
        if (this.#over) return;
        if (bytes === undefined) return this.#end(this.#cause);
        if (bytes.length > 0) this.#receiver.bytes(bytes);
        const rest = this.#pipe.rest?.(bytes.length);
        if (rest !== undefined) await rest;
      }
    } catch (cause) {
      this.#end(cause);
    }
  }
}
