/**
 * What the tcp leaf needs of the world beside bytes, and where Deno, Node and Bun have it.
 *
 * @module
 */
import type { Clock } from "../contract/runtime.ts";
import type { FillRandom } from "../rfc6455/frame_writer.ts";
import type { TextCodec } from "../rfc6455/text_codec.ts";
import { systemClock } from "./clock.ts";
import { bufferText } from "./tcp_text.ts";

/** Time, randomness, text. */
export interface TcpSeams {
  /** Time: macrotask turns between bursts, and how long to wait for a server that closes without ending its connection. */
  readonly clock: Pick<Clock, "setTimer" | "turn" | "wallNow">;
  /** Fills the bytes with cryptographic randomness, at most 65,536 at a time. */
  readonly fillRandom: FillRandom;
  /** How to decode text. @default {over `TextDecoder`} */
  readonly text?: TextCodec;
}

/** The seams on Deno, Node and Bun. */
export function hostSeams(): TcpSeams {
  return {
    clock: systemClock,
    fillRandom: (bytes) => void crypto.getRandomValues(bytes),
    text: bufferText(),
  };
}
