/**
 * What the tcp leaf needs of the world beside bytes, and where every platform has it.
 *
 * @module
 */
import type { Clock } from "../contract/runtime.ts";
import type { FillRandom } from "../rfc6455/frame_writer.ts";
import type { TextCodec } from "../rfc6455/text_codec.ts";
import { systemClock } from "./clock.ts";

/** Time, randomness, text. */
export interface TcpSeams {
  /** Time: macrotask turns between bursts, and how long to wait for a server that closes without ending its connection. */
  readonly clock: Pick<Clock, "setTimer" | "turn" | "wallNow">;
  /** Fills the bytes with cryptographic randomness, at most 65,536 at a time. */
  readonly fillRandom: FillRandom;
  /** How to decode text. @default {over `TextDecoder`} */
  readonly text?: TextCodec;
  /**
   * Whether the memory of writes is free again as soon as the link has no bytes buffered. True of sockets; a stream may have handed it on to
   * others. It spares a new slab of 64 KiB for every four messages of 16 KiB. @default {false}
   */
  readonly releasesWrites?: boolean;
}

/** The platform's own, whichever it is. */
export const platformSeams: TcpSeams = {
  clock: systemClock,
  fillRandom: (bytes) => void crypto.getRandomValues(bytes),
};
