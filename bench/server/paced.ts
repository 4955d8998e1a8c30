/**
 * A feed at a rate: single frames at their own moments. Between two of them the process spins, as no timer is exact to microseconds.
 *
 * @module
 */
import type { Socket } from "node:net";
import { END_FRAME } from "./blast.ts";
import { serverFrame } from "./wire.ts";

/** Where the number of a message is: its first characters. */
export const NUMBER_DIGITS = 10;

/** A message that says its number, padded to a size. */
export function numbered(index: number, bytes: number): string {
  return String(index).padStart(NUMBER_DIGITS, "0").padEnd(bytes, "x");
}

/** How a paced feed is. */
export interface Pace {
  /** Messages per second. */
  readonly rate: number;
  /** Messages. */
  readonly count: number;
  /** Size of each. */
  readonly bytes: number;
}

/** Writes the feed. Calls back when the last message is written. */
export function paced(socket: Socket, { rate, count, bytes }: Pace, done: () => void): void {
  const encoder = new TextEncoder();
  const start = performance.now();
  let sent = 0;
  const more = () => {
    if (socket.destroyed) return;
    const due = Math.min(count, Math.floor((performance.now() - start) * rate / 1_000));
    while (sent < due) socket.write(serverFrame(1, encoder.encode(numbered(sent++, bytes))));
    if (sent < count) return void setImmediate(more);
    socket.write(END_FRAME);
    done();
  };
  more();
}
