/**
 * Masking (section 5.3): every byte of a client's payload is XORed with one of the four bytes of a key, in turn.
 *
 * @module
 */

const keyBytes = new Uint8Array(4);
const keyWord = new Int32Array(keyBytes.buffer);

/**
 * Masks `bytes[start, end)` in place with the key in `bytes[start - 4, start)`, four bytes at a time where they lie on a word
 * boundary. `words` is a view on the same buffer from its first byte on; `bytes` must be one too.
 */
export function maskInPlace(
  bytes: Uint8Array<ArrayBuffer>,
  words: Int32Array<ArrayBuffer>,
  start: number,
  end: number,
): void {
  const key = start - 4;
  let at = start;
  if (end - start >= 16) {
    const aligned = (start + 3) & ~3;
    for (; at < aligned; at++) bytes[at]! ^= bytes[key + (at - start)]!;
    // From here on the key begins with another of its bytes. Read it as a word in the platform's own byte order.
    for (let i = 0; i < 4; i++) keyBytes[i] = bytes[key + ((aligned - start + i) & 3)]!;
    const word = keyWord[0]!;
    const last = end >> 2;
    for (let i = aligned >> 2; i < last; i++) words[i]! ^= word;
    at = last << 2;
  }
  for (; at < end; at++) bytes[at]! ^= bytes[key + ((at - start) & 3)]!;
}
