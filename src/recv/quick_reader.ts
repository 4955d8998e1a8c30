/**
 * A real stream whose readers take what the buffer holds without going through the stream.
 *
 * A stream's own way costs five or so promises and requests for each chunk that it has to pull, and a buffer that may still drop a frame can only
 * be pulled. So a reader that `getReader()` gives asks the buffer first, and the stream only when there is nothing: waiting, the lock, its release,
 * cancelling and `closed` are the stream's own, and so is everything for pipes, iterators and `tee()`, which use no such reader.
 *
 * Both classes extend the platform's: whoever tests with `instanceof`, transfers the stream, or makes a plain reader of it, gets what they expect.
 *
 * @module
 */

/** What readers ask of the buffer. */
export interface QuickSource<T> {
  /** Takes what is next, unless the stream has something, or somebody, in front of it. */
  take(): T | undefined;
  /** The stream is being read instead. */
  asked(): void;
  /** The reader is about to go: what it waits for is nobody's any more. */
  leaving(): void;
}

/** A stream that is pulled only, with quick readers. */
export class QuickStream<T> extends ReadableStream<T> {
  readonly #source: QuickSource<T>;

  /** Makes one. `source` is first asked by the first reader. */
  constructor(underlying: UnderlyingDefaultSource<T>, source: QuickSource<T>) {
    super(underlying, { highWaterMark: 0 });
    this.#source = source;
  }

  override getReader(options: { mode: "byob" }): ReadableStreamBYOBReader;
  override getReader(): ReadableStreamDefaultReader<T>;
  override getReader(options?: ReadableStreamGetReaderOptions): ReadableStreamReader<T>;
  override getReader(options?: ReadableStreamGetReaderOptions): ReadableStreamReader<T> {
    // A mode throws, as it should: this is no stream of bytes.
    if (options?.mode !== undefined) return super.getReader(options);
    return new QuickReader<T>(this, this.#source);
  }
}

/** Made by a call that is marked: what a class extends may have effects, as bundlers see it, and so they would keep it where nobody uses it. */
const QuickReader =
  /* @__PURE__ */ (() =>
    class QuickReader<T> extends ReadableStreamDefaultReader<T> {
      /** The buffer, until the lock is released. */
      #source: QuickSource<T> | undefined;

      constructor(stream: ReadableStream<T>, source: QuickSource<T>) {
        super(stream);
        this.#source = source;
      }

      override read(): Promise<ReadableStreamReadResult<T>> {
        const source = this.#source;
        const value = source?.take();
        if (value !== undefined) return Promise.resolve({ value, done: false });
        source?.asked();
        return super.read();
      }

      override releaseLock(): void {
        this.#source?.leaving();
        this.#source = undefined;
        super.releaseLock();
      }

      override cancel(reason?: unknown): Promise<void> {
        this.#source?.leaving();
        return super.cancel(reason);
      }
    })();
