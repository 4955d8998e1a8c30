/**
 * Reading without the stream: the iterator behind `for await`, `frames()` and `batches()`.
 *
 * It holds the stream's real lock, and what it waits for is one promise, whose own resolve function the buffer calls with the frame. On Deno and Bun
 * each message of a busy socket is followed by a look at microtasks, so that this is the way of most frames.
 *
 * @module
 */
import { handled } from "../contract/abort.ts";
import type { DeliveredFrame } from "../contract/frame.ts";

/** Settles the answer that a reader waits for. */
export type Settle<T> = (result: IteratorResult<T> | Promise<IteratorResult<T>>) => void;

/** How one direct form takes from the buffer. */
export interface Taker<T> {
  /** What can be had at once; `undefined` if that is nothing, or not for whoever asks now. */
  take(): T | undefined;
  /** The executor of the promise that a reader waits for. Only called when nothing waits. */
  readonly hold: (settle: Settle<T>) => void;
  /** Whether a reader waits. */
  waits(): boolean;
  /** Whether it does, and will be answered although the buffer has ended. */
  coming(): boolean;
  /** Gives up what {@link hold} was given, if that was not called yet. */
  release(): Settle<T> | undefined;
  /** What a single frame is in this form. */
  wrap(frame: DeliveredFrame): T;
}

/** What a direct form asks of the buffer as a whole. */
export interface Source {
  /** The stream whose lock is held. */
  readonly stream: ReadableStream<DeliveredFrame>;
  /** Whether the stream's own queue holds a frame: the first one, then. */
  inStream(): boolean;
  /** The frame in the stream is being read. */
  taken(): void;
  /** Whether nothing comes any more, and with which error. */
  end(): { readonly error: unknown } | undefined;
  /** Whether nothing is wanted any more. */
  cancelled(): boolean;
  /** The reading is over; its lock is given back next. */
  done(): void;
}

/** One direct form in use. */
export interface Reading<T> extends AsyncIterableIterator<T> {
  /** The buffer has ended: who waits for a first frame waits in vain. */
  ended(): void;
  /** Nothing is wanted any more: settles whatever waits. */
  settle(): void;
}

/** Takes the stream's lock. @throws {TypeError} If somebody has it. */
export function directReading<T>(
  source: Source,
  taker: Taker<T>,
  { preventCancel }: { preventCancel: boolean },
): Reading<T> {
  // A plain one: what the buffer has is taken here.
  const reader = new ReadableStreamDefaultReader(source.stream);
  const { hold } = taker;
  let over = false;
  /** The promise of `hold`; of meaning while the taker waits. */
  let waiting: Promise<IteratorResult<T>> | undefined;
  /** The newest answer on any other way: calls to next() are answered in their order, as those of a generator are. */
  let last: Promise<unknown> | undefined;

  const finish = (): IteratorResult<T> => {
    if (!over) {
      over = true;
      source.done();
      reader.releaseLock();
    }
    return { value: undefined, done: true };
  };
  /** Every case but the common ones. */
  const slow = async (): Promise<IteratorResult<T>> => {
    if (over) return finish();
    if (source.inStream()) {
      source.taken();
      const { value } = await reader.read();
      if (value !== undefined) return { value: taker.wrap(value), done: false };
      if (over) return finish();
    }
    const value = taker.take();
    if (value !== undefined) return { value, done: false };
    if (source.cancelled()) return finish();
    const end = source.end();
    if (end === undefined) return await (waiting = new Promise(hold));
    const done = finish();
    if (end.error !== undefined) throw end.error;
    return done;
  };
  const track = (answer: Promise<IteratorResult<T>>): Promise<IteratorResult<T>> => {
    last = answer;
    const done = () => {
      if (last === answer) last = undefined;
    };
    answer.then(done, done);
    return answer;
  };

  const later = (): Promise<IteratorResult<T>> => {
    if (last !== undefined) return track(last.then(slow, slow));
    if (taker.waits()) return track(waiting!.then(slow, slow));
    const busy = source.inStream() || source.end() !== undefined || source.cancelled();
    return over || busy ? track(slow()) : waiting = new Promise(hold);
  };

  return {
    next() {
      if (last === undefined && !over) {
        const value = taker.take();
        if (value !== undefined) return Promise.resolve({ value, done: false });
      }
      return later();
    },
    return() {
      if (over) return Promise.resolve(finish());
      const done = finish();
      // A last look: a stream that is cancelled empties its queue first.
      source.inStream();
      if (!preventCancel) handled(source.stream.cancel());
      this.settle();
      return Promise.resolve(done);
    },
    ended() {
      if (!taker.coming()) this.settle();
    },
    settle() {
      taker.release()?.(slow());
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
