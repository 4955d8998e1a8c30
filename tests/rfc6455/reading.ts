/**
 * Reading a byte stream in pieces, and seeded randomness for these tests.
 *
 * @module
 */
import type { Frame } from "../../src/contract/frame.ts";
import { FrameReader, type FrameReaderOptions } from "../../src/rfc6455/frame_reader.ts";
import type { ProtocolFailure } from "../../src/rfc6455/rules.ts";

/** What came out of a stream. */
export interface Reading {
  /** The frames, in order. */
  readonly frames: Frame[];
  /** Why the connection must be failed. */
  readonly failure: ProtocolFailure | undefined;
}

/** Reads pieces one after another, each from a copy that is spoilt afterwards, as a shared read buffer would be. */
export function readPieces(
  pieces: Iterable<Uint8Array>,
  options: FrameReaderOptions,
  budget = Number.MAX_SAFE_INTEGER,
): Reading {
  const reader = new FrameReader(options);
  const frames: Frame[] = [];
  for (const piece of pieces) {
    let rest: Uint8Array<ArrayBuffer> = new Uint8Array(piece);
    while (rest.length > 0) {
      const before = frames.length;
      const used = reader.read(rest, frames, budget);
      if (frames.length - before > budget) throw new Error("the reader went over its budget");
      if (used < rest.length && frames.length - before < budget) {
        throw new Error("the reader stopped before its budget was used up");
      }
      const next = rest.slice(used);
      rest.fill(0xee);
      rest = next;
    }
  }
  return { frames, failure: reader.failure };
}

/** Cuts bytes at the positions. */
export function cut(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const position of [...positions, bytes.length]) {
    pieces.push(bytes.subarray(from, position));
    from = position;
  }
  return pieces;
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return Math.floor(((z ^ (z >>> 14)) >>> 0) / 0x1_0000_0000 * below);
  };
}

/** Random ascending positions to cut `length` bytes at. */
export function randomCuts(random: (below: number) => number, length: number): number[] {
  const positions: number[] = [];
  for (let at = 0; at < length; at += 1 + random(random(4) === 0 ? 5_000 : 12)) positions.push(at);
  return positions;
}
