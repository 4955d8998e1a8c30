/**
 * A feed as fast as the client takes it: whole cycles of frames, made beforehand, written in pieces of about a mebibyte.
 *
 * @module
 */
import type { Socket } from "node:net";
import { END, type FeedKind, payloadsOf } from "../payloads.ts";
import { serverFrame } from "./wire.ts";

/** About the size of one write. */
const PIECE_BYTES = 1_048_576;

interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each frame ends. */
  readonly ends: Int32Array;
}

const pieces = new Map<FeedKind, Piece>();

/** The message that ends a feed, as a frame. */
export const END_FRAME: Uint8Array<ArrayBuffer> = serverFrame(1, new TextEncoder().encode(END));

/** Whole cycles of a feed. */
export function pieceOf(kind: FeedKind): Piece {
  const known = pieces.get(kind);
  if (known !== undefined) return known;
  const frames = payloadsOf(kind).map(({ type, bytes }) =>
    serverFrame(type === "text" ? 1 : 2, bytes)
  );
  const cycle = frames.reduce((sum, { length }) => sum + length, 0);
  const cycles = Math.max(1, Math.round(PIECE_BYTES / cycle));
  const bytes = new Uint8Array(cycle * cycles);
  const ends = new Int32Array(frames.length * cycles);
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const frame = frames[i % frames.length]!;
    bytes.set(frame, at);
    at += frame.length;
    ends[i] = at;
  }
  const piece = { bytes, ends };
  pieces.set(kind, piece);
  return piece;
}

/** Pieces on their way at a time: with one, the socket would run dry between its end and the next. */
const AHEAD = 4;

/** Writes `count` messages and the last one, no faster than the client reads them. */
export function blast(socket: Socket, kind: FeedKind, count: number): void {
  const { bytes, ends } = pieceOf(kind);
  let left = count;
  const more = () => {
    if (left === 0 || socket.destroyed) return;
    const frames = Math.min(left, ends.length);
    left -= frames;
    const part = frames === ends.length ? bytes : bytes.subarray(0, ends[frames - 1]!);
    socket.write(part, more);
    if (left === 0) socket.write(END_FRAME);
  };
  for (let i = 0; i < AHEAD; i++) more();
}
