/**
 * I12 and I14: what waits is bounded, on both axes.
 *
 * @module
 */
import type { ConnectionStats } from "../../../mod.ts";
import type { Fail } from "./fail.ts";

/** What one connection may hold. */
export interface HoldLimits {
  readonly maxFrames: number;
  readonly maxBytes: number;
  readonly maxWaitingFrames: number;
  readonly maxWaitingBytes: number;
  /** The largest frame of either direction. */
  readonly largestFrame: number;
}

/** When all is quiet. */
export function checkBounds(stats: ConnectionStats, limits: HoldLimits, fail: Fail): void {
  const { maxFrames, maxBytes, maxWaitingFrames, maxWaitingBytes, largestFrame } = limits;
  // One frame may sit in the stream, left there by a reader that went.
  if (stats.buffered > maxFrames + 1) fail("I14", `${stats.buffered} frames are buffered`);
  if (stats.bufferedBytes > Math.max(maxBytes, largestFrame)) {
    fail("I14", `${stats.bufferedBytes} bytes are buffered`);
  }
  // The application's frames and those of the session itself have a bound each; each bound admits one frame more.
  if (stats.waiting > 2 * (maxWaitingFrames + 1)) {
    fail("I12", `${stats.waiting} frames wait to be sent`);
  }
  if (stats.waitingBytes > 2 * (maxWaitingBytes + largestFrame)) {
    fail("I14", `${stats.waitingBytes} bytes wait to be sent`);
  }
}
