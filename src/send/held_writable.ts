/**
 * The send half as a stream: what it is given may be sent in any session.
 *
 * A write is done when the outbox has taken the frame, so that `close()` is heard even while frames wait for a session; what was taken and could
 * not be sent in time makes `close()` reject.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import { TransportError } from "../contract/errors.ts";
import { type Data, dataFrame } from "../contract/frame.ts";
import type { Clock } from "../contract/runtime.ts";
import type { Outbox } from "./outbox.ts";

/** How a held writable is made. */
export interface HeldWritableOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** How long `close()` waits for what was taken, in milliseconds. */
  readonly flushMs: number;
  /** Ends the connection; resolves when it has ended. */
  shutdown(): Promise<void>;
  /** Calls back with the terminal error when the connection has ended. */
  onEnd(callback: (error: unknown) => void): void;
}

/** Makes the stream of one connection. */
export function heldWritable(options: HeldWritableOptions): WritableStream<Data> {
  const { outbox, clock, flushMs, shutdown, onEnd } = options;
  /** Ends the write that waits for room. */
  const stuck = new AbortController();
  let closing = false;
  /** Whether a frame that was taken has been refused since. */
  let refused = false;
  let closeBy: number | undefined;
  let cancel = () => {};
  /** A stream's sink hears of `close()` when its writes are done, and a write that waits for room may wait as long as an outage. */
  const asked = () => {
    if (closeBy !== undefined || closing) return;
    closeBy = clock.now() + flushMs;
    cancel = clock.setTimer(() => {
      stuck.abort(unsent());
      void shutdown();
    }, flushMs);
  };
  const stream = new WritableStream<Data>({
    start(controller) {
      // A pipe whose source has nothing to say must hear of the end all the same.
      onEnd((error) => {
        cancel();
        if (!closing) controller.error(error);
      });
    },
    write(data, controller) {
      const frame = dataFrame(data);
      const forget = onAbort(controller.signal, () => stuck.abort(controller.signal.reason));
      return outbox.admit(frame, stuck.signal, (reason) => {
        refused = true;
        if (!closing) controller.error(reason);
      }).finally(forget);
    },
    async close() {
      closing = true;
      cancel();
      const left = closeBy === undefined ? flushMs : Math.max(0, closeBy - clock.now());
      const flushed = await outbox.flush(left);
      await shutdown();
      if (!flushed || refused) throw unsent();
    },
    abort() {
      closing = true;
      cancel();
      return shutdown();
    },
  });
  return hearing(stream, asked);
}

function unsent(): TransportError {
  return new TransportError("closed", "Connection closed: not every frame could be sent before");
}

/** The same stream, whose `close()` and whose writers' is heard at once. A pipe closes without either. */
function hearing(stream: WritableStream<Data>, asked: () => void): WritableStream<Data> {
  const close = stream.close.bind(stream);
  const getWriter = stream.getWriter.bind(stream);
  return Object.defineProperties(stream, {
    close: {
      value: () => {
        // A locked stream refuses, as does one that has ended, and nothing is asked of it then.
        if (!stream.locked) {
          const writer = getWriter();
          const live = accepts(writer);
          writer.releaseLock();
          if (live) asked();
        }
        return close();
      },
    },
    getWriter: {
      value: () => {
        const writer = getWriter();
        const closeWriter = writer.close.bind(writer);
        const value = () => {
          const live = accepts(writer);
          const done = closeWriter();
          if (live) asked();
          return done;
        };
        return Object.defineProperty(writer, "close", { value });
      },
    },
  });
}

/** Whether the writer has a stream that can still be closed. */
function accepts(writer: WritableStreamDefaultWriter<Data>): boolean {
  try {
    return writer.desiredSize !== null;
  } catch {
    return false; // its lock was released
  }
}
