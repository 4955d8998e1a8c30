/**
 * The hook for extensions (sections 5.8 and 9). This package offers none, and a server that answers with one is refused. The hook is
 * per message, which is what permessage-deflate (RFC 7692) needs; docs/rfc6455.md says why it is not built.
 *
 * @module
 */

/** An extension that was negotiated for one connection. It may keep state between messages. */
export interface FrameExtension {
  /** The reserved bits of a message's first frame that it gives a meaning to: any of 0x40, 0x20, 0x10. */
  readonly rsv: number;
  /**
   * Undoes the extension on one whole message.
   *
   * @param rsv The reserved bits that the message came with.
   * @param payload The payload of all its frames.
   * @param maxBytes The result may not be longer; the extension must stop before it takes that memory.
   * @returns The message, `"too_big"`, or `"invalid"`. The connection is failed with 1009 or 1002.
   */
  decode(
    rsv: number,
    payload: Uint8Array<ArrayBuffer>,
    maxBytes: number,
  ): Uint8Array<ArrayBuffer> | "too_big" | "invalid";
  /** Applies the extension to one whole message. The reserved bits must be among {@link rsv}. */
  encode(payload: Uint8Array<ArrayBuffer>): {
    readonly rsv: number;
    readonly payload: Uint8Array<ArrayBuffer>;
  };
}
