/**
 * Bytes to text and back: what runtimes do at very different speed, and so a seam. A fatal `TextDecoder` call
 * costs 310 ns for 52 bytes on Deno 2.9.5 and 75 to 100 ns on Node 26 and Bun 1.4; `src/runtime/tcp_text.ts` does better there.
 *
 * @module
 */

/** Turns bytes into text, and text into bytes. No function may keep the bytes. */
export interface TextCodec {
  /** The text of `bytes[start, end)` if all of them are ASCII, else `undefined`. */
  ascii(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): string | undefined;
  /** The text of `bytes[start, end)`, a leading U+FEFF included, or `undefined` if they are not UTF-8. */
  utf8(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): string | undefined;
  /**
   * Writes text as UTF-8, a lone surrogate as U+FFFD.
   *
   * @param text The text.
   * @param into Where to; there is room for three bytes for each UTF-16 unit.
   * @param at The place of the first byte.
   * @returns How many bytes were written.
   */
  write(text: string, into: Uint8Array<ArrayBuffer>, at: number): number;
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
  const encoder = new TextEncoder();
  return {
    utf8,
    write: (text, into, at) => encoder.encodeInto(text, into.subarray(at)).written,
    // A code point above ASCII takes more bytes than UTF-16 units, so equal lengths mean ASCII.
    ascii(bytes, start, end) {
      const text = utf8(bytes, start, end);
      return text !== undefined && text.length === end - start ? text : undefined;
    },
  };
}
