/**
 * What every consumer of the benchmark does with a message, whoever brings it.
 *
 * @module
 */
import { END } from "../payloads.ts";

/** A message as clients of all kinds give it. */
export type Message = string | ArrayBuffer | Uint8Array;

/** What one run measured. */
export interface Reading {
  /** Messages that the consumer got, without the last one. */
  readonly frames: number;
  /** What they held. */
  readonly bytes: number;
  /** From the client's first frame to the last message. */
  readonly elapsedMs: number;
}

/** Reads payloads, counts, and stops the clock at the last message. */
export class Meter {
  #frames = 0;
  #bytes = 0;
  #startedAt = 0;
  #endedAt = 0;
  readonly #parse: boolean;

  /** Makes one. `parse`: the consumer reads JSON, as an application would. */
  constructor(parse = false) {
    this.#parse = parse;
  }

  /** The client is about to send its first frame. */
  start(): void {
    this.#startedAt = performance.now();
  }

  /** A message. @returns whether it was the last one. */
  take(message: Message): boolean {
    const size = typeof message === "string" ? message.length : message.byteLength;
    if (size === END.length) {
      this.#endedAt = performance.now();
      return true;
    }
    this.#frames++;
    this.#bytes += size;
    if (this.#parse) JSON.parse(message as string);
    return false;
  }

  /** The figures. */
  get reading(): Reading {
    return {
      frames: this.#frames,
      bytes: this.#bytes,
      elapsedMs: this.#endedAt - this.#startedAt,
    };
  }
}
