/**
 * The fast text codec of the runtimes that have `node:buffer`: Deno, Node and Bun. A check for ASCII and a Latin-1 slice are both
 * one vectorised pass without the set-up of a `TextDecoder` call, and text is written without a view on its place.
 *
 * @module
 */
import { Buffer, isAscii, isUtf8 } from "node:buffer";
import type { TextCodec } from "../rfc6455/text_codec.ts";

/** What `Buffer.prototype` has and the types of some versions leave out; all work on any `Uint8Array`. */
interface Slices {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, at: number, room: number): number;
}

const { latin1Slice, utf8Slice, utf8Write } = Buffer.prototype as unknown as Slices;

/** Makes the codec. */
export function bufferText(): TextCodec {
  const ascii: TextCodec["ascii"] = (bytes, start, end) =>
    isAscii(bytes.subarray(start, end)) ? latin1Slice.call(bytes, start, end) : undefined;
  return {
    ascii,
    utf8(bytes, start, end) {
      const part = bytes.subarray(start, end);
      if (isAscii(part)) return latin1Slice.call(bytes, start, end);
      return isUtf8(part) ? utf8Slice.call(bytes, start, end) : undefined;
    },
    // 23 ns for 200 bytes on Bun 1.4, 36 on Node 24 and 106 on Deno 2.9.5, where encodeInto() with its view takes 91, 75 and 138 (2026-11-25).
    write: (text, into, at) => utf8Write.call(into, text, at, into.length - at),
  };
}
