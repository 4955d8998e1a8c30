/**
 * The WebSocket protocol for a client, without any input or output: bytes in, frames out, and back.
 *
 * Nothing here opens a socket, reads a clock or draws a random number; the leaf in `src/runtime/` brings bytes, randomness and
 * deadlines. That is what makes every rule below a plain table test, and one parser behave the same on every runtime.
 *
 * ```text
 *   handshake_request  -> bytes      4.1    the request, and what may never be injected into it
 *   http_head          <- bytes             one bounded HTTP/1.1 response head, shared with the CONNECT proxy
 *   handshake_response <- head       4.1    status, upgrade, accept hash, subprotocol, extensions
 *   frame_reader       <- bytes      5, 6.2, 7.1.5, 8.1   any slicing of the stream gives the same frames or the same failure
 *   frame_writer       -> bytes      5.1, 5.3, 6.1        every frame masked with a fresh unpredictable key
 *   close_payload      both          5.5.1, 7.4           codes and reasons
 *   extension          both          5.8, 9               the hook; no extension is offered
 * ```
 *
 * Rules that shape the reader (RFC 6455, section in brackets):
 *
 * 1. A reserved bit that no extension claims fails the connection, on control frames too [5.2].
 * 2. A reserved opcode fails it [5.2]. So does a masked frame: servers never mask [5.1].
 * 3. A length takes the fewest bytes that hold it, and its top bit is zero [5.2].
 * 4. Control frames have at most 125 bytes, are never fragmented, and may stand between fragments [5.4, 5.5].
 * 5. A continuation needs a message to continue; a new message needs the last one finished [5.4].
 * 6. A close payload is empty or at least two bytes, its code may appear on the wire, its reason is UTF-8 [5.5.1, 7.4].
 * 7. Text is UTF-8 as a whole message; an incomplete tail of the last fragment is an error [5.6, 8.1].
 * 8. After a close frame nothing more is read [5.5.1]; after a failure neither [7.1.7].
 * 9. A message over the limit fails with 1009 before its memory is taken [7.4.1, 10.4].
 *
 * @module
 */

/** Opcodes of RFC 6455, section 5.2. All others are reserved. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Largest payload of a control frame, in bytes (section 5.5). */
export const MAX_CONTROL_BYTES = 125;

/** A code with which this client fails a connection: protocol error, not UTF-8, too big (section 7.4.1). */
export type FailureCode = 1002 | 1007 | 1009;

/** Why the connection must be failed (section 7.1.7). */
export interface ProtocolFailure {
  /** The close code that tells the server. */
  readonly code: FailureCode;
  /** What the server did, in a few words and without any payload. */
  readonly reason: string;
}

/**
 * Whether a close code may appear in a close frame (sections 7.4.1 and 7.4.2, and the IANA registry of 2026 for 1012 to 1014). 1004,
 * 1005, 1006 and 1015 never do; neither do 1016 to 2999, which are kept for the protocol and its extensions.
 */
export function isWireCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
