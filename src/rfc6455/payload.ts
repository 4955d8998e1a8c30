/**
 * A payload that arrives in pieces.
 *
 * @module
 */

/** First memory taken for a payload; a server that only announces length gets no more than this from us. */
const FIRST_BYTES = 65_536;

/** Memory kept for the next message once this one is out. */
const KEPT_BYTES = 262_144;

/** Nothing yet. */
const none: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * One buffer that grows by doubling as bytes arrive, never because of a length that was only announced. Fragments are joined in it,
 * so their number costs nothing and needs no bound of its own.
 */
export class Payload {
  #bytes = none;
  #length = 0;

  /** The memory; the payload is its first {@link length} bytes. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Bytes put together so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds `from[start, end)`.
   *
   * @param from Where the bytes are.
   * @param start The first.
   * @param end Behind the last.
   * @param expected How many are announced, these included: a hint, bounded before it is believed.
   */
  append(from: Uint8Array, start: number, end: number, expected: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const hint = this.#length + Math.min(expected, FIRST_BYTES);
      const grown = new Uint8Array(Math.max(length, hint, 2 * this.#length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    if (end - start < 32) {
      for (let i = start, at = this.#length; i < end; i++, at++) this.#bytes[at] = from[i]!;
    } else {
      this.#bytes.set(from.subarray(start, end), this.#length);
    }
    this.#length = length;
  }

  /** Gives the payload as memory of its own and forgets it. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#length > 0 && this.#length === this.#bytes.length) {
      // It fills its memory: that is given away, rather than copied.
      const whole = this.#bytes;
      this.#bytes = none;
      this.#length = 0;
      return whole;
    }
    const exact = this.#bytes.slice(0, this.#length);
    this.clear();
    return exact;
  }

  /** Forgets the payload, and the memory if it is much. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = none;
  }
}
