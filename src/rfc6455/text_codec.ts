/**
 * Bytes to text: the one thing in the reader that runtimes do at very different speed, and so a seam. A fatal `TextDecoder` call
 * costs 310 ns for 52 bytes on Deno 2.9.5 and 75 to 100 ns on Node 26 and Bun 1.4; `src/runtime/tcp_text.ts` does better there.
 *
 * @module
 */

/** Turns bytes into text. Neither function may keep the bytes. */
export interface TextCodec {
  /** The text of `bytes[start, end)` if all of them are ASCII, else `undefined`. */
  ascii(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): string | undefined;
  /** The text of `bytes[start, end)`, a leading U+FEFF included, or `undefined` if they are not UTF-8. */
  utf8(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): string | undefined;
}

/** The codec that works everywhere, over `TextDecoder`. */
export function webText(): TextCodec {
  // Without ignoreBOM a message that begins with U+FEFF would lose it.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const utf8: TextCodec["utf8"] = (bytes, start, end) => {
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch {
      return undefined;
    }
  };
  return {
    utf8,
    // A code point above ASCII takes more bytes than UTF-16 units, so equal lengths mean ASCII.
    ascii(bytes, start, end) {
      const text = utf8(bytes, start, end);
      return text !== undefined && text.length === end - start ? text : undefined;
    },
  };
}
