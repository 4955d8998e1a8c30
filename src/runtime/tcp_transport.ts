/**
 * The seam under the tcp leaf: a stream of bytes to a host and port. Five implementations stand behind it, `tcp_node.ts`, `tcp_bun.ts`, `tcp_deno.ts`,
 * `tcp_stream.ts` and a mock for tests; none of them knows what a WebSocket is.
 *
 * @module
 */

/** How to speak TLS. Certificates and keys are in PEM. */
export interface TlsSettings {
  /** The name that the certificate must have; sent as SNI unless it is an IP address. */
  readonly serverName: string;
  /** Certificate authorities that are trusted in addition to the platform's own. */
  readonly ca: readonly string[];
  /** The client's own certificate chain. */
  readonly cert?: string;
  /** The private key of {@link cert}. */
  readonly key?: string;
}

/** Where to connect to. */
export interface ByteAddress {
  /** Host name or IP address, the latter without brackets. */
  readonly host: string;
  /** Port. */
  readonly port: number;
  /** Speak TLS from the first byte. */
  readonly tls?: TlsSettings;
  /** The plain link leads to a proxy, and {@link ByteTransport.secure} will follow with these settings. */
  readonly tunnel?: TlsSettings;
}

/** What a link tells its user. */
export interface ByteReceiver {
  /** Bytes came. They are the receiver's during the call only, which may write into them. */
  bytes(chunk: Uint8Array<ArrayBuffer>): void;
  /** What was written has gone to the operating system. */
  drained(): void;
  /** The peer ended the connection, or it failed (`cause`). Said at most once; no bytes follow. Not said after `destroy()`. */
  ended(cause?: unknown): void;
}

/** A connected stream of bytes. No function throws; a failure arrives as {@link ByteReceiver.ended}. */
export interface ByteLink {
  /** Bytes written that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Writes. The bytes must not change until the link drained. */
  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void;
  /** Stops reading. A few bytes that are already in memory may still come. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Ends the sending half once all is written; reading goes on. */
  end(): void;
  /** Gives the socket back at once. Nothing is said afterwards. May be called again. */
  destroy(): void;
}

/** Makes links. */
export interface ByteTransport {
  /** Whether it speaks TLS; if not, `wss:` is refused before any I/O. */
  readonly tls: boolean;
  /**
   * Connects. Rejects with `signal.reason` when aborted, and gives back what was opened.
   *
   * @param address Where to.
   * @param receiver Who hears of the link, from its first byte on.
   */
  connect(address: ByteAddress, receiver: ByteReceiver, signal: AbortSignal): Promise<ByteLink>;
  /** Speaks TLS over a paused link made with `tunnel`, which must not be used any more. Absent where that cannot be done. */
  secure?(
    link: ByteLink,
    tls: TlsSettings,
    receiver: ByteReceiver,
    signal: AbortSignal,
  ): Promise<ByteLink>;
}
