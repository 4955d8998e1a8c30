/**
 * The WHATWG halves of a session that hands its frames to a sink.
 *
 * @module
 */
import type { WsConnection } from "./connection.ts";
import type { Frame } from "./frame.ts";

/**
 * The readable half; it attaches itself, and cancelling it abandons the session.
 *
 * @param session The session; it must have `attach`.
 * @param maxFrames How many frames may wait in the stream. @default {no bound}
 * @param exceeded Called with each frame beyond that.
 */
export function readableOf(
  session: Required<Pick<WsConnection, "attach">> & Pick<WsConnection, "abandon">,
  maxFrames: number = Infinity,
  exceeded?: () => void,
): ReadableStream<Frame> {
  return new ReadableStream<Frame>({
    start(controller) {
      session.attach({
        frame(frame) {
          controller.enqueue(frame);
          if (controller.desiredSize! < -maxFrames) exceeded?.();
        },
        dropped() {},
        end: () => controller.close(),
      });
    },
    cancel: () => session.abandon(),
  }, { highWaterMark: 0 });
}

/**
 * The writable half: closing it closes the session, aborting it abandons the session.
 *
 * @param session The session.
 * @param drained What a write waits for once its frame was sent. @default {nothing}
 */
export function writableOf(
  session: Pick<WsConnection, "send" | "close" | "abandon">,
  drained?: (signal: AbortSignal) => Promise<void> | undefined,
): WritableStream<Frame> {
  return new WritableStream<Frame>({
    write(frame, controller) {
      session.send(frame);
      return drained?.(controller.signal);
    },
    close: () => session.close(),
    abort: () => session.abandon(),
  });
}
