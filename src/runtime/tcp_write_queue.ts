/**
 * Bytes on their way into a platform whose writes are promises, one at a time.
 *
 * @module
 */

/** Writes one chunk after another and counts what waits. */
export class WriteQueue {
  readonly #write: (chunk: Uint8Array<ArrayBuffer>) => Promise<unknown>;
  readonly #drained: () => void;
  readonly #failed: (cause: unknown) => void;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #busy = false;
  #stopped = false;
  #then: (() => void) | undefined;

  /**
   * Makes one.
   *
   * @param write Writes a chunk as a whole.
   * @param events Called when all has been written, and once when a write fails.
   */
  constructor(
    write: (chunk: Uint8Array<ArrayBuffer>) => Promise<unknown>,
    events: { drained(): void; failed(cause: unknown): void },
  ) {
    this.#write = write;
    this.#drained = () => events.drained();
    this.#failed = (cause) => events.failed(cause);
  }

  /** Bytes that wait or are being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds chunks. */
  push(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    if (this.#stopped) return;
    for (const chunk of chunks) {
      this.#bytes += chunk.length;
      const last = this.#waiting.at(-1);
      // The frame writer cuts its chunks from one slab: neighbours become one write.
      if (
        last && last.buffer === chunk.buffer && last.byteOffset + last.length === chunk.byteOffset
      ) {
        const joined = new Uint8Array(last.buffer, last.byteOffset, last.length + chunk.length);
        this.#waiting[this.#waiting.length - 1] = joined;
      } else {
        this.#waiting.push(chunk);
      }
    }
    if (!this.#busy) void this.#run();
  }

  /** Calls back once all that waits now has been written. */
  whenEmpty(callback: () => void): void {
    if (this.#busy) this.#then = callback;
    else callback();
  }

  /** Forgets what waits and says nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#then = undefined;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting.length > 0) {
        const chunk = this.#waiting.shift()!;
        await this.#write(chunk);
        if (this.#stopped) return;
        this.#bytes -= chunk.length;
      }
    } catch (cause) {
      if (!this.#stopped) {
        this.stop();
        this.#failed(cause);
      }
      return;
    } finally {
      this.#busy = false;
    }
    this.#drained();
    // The callback may have given us more to write.
    if (!this.#busy) {
      this.#then?.();
      this.#then = undefined;
    }
  }
}
