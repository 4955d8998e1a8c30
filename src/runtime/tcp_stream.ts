/**
 * Bytes over any pair of WHATWG streams: the sockets of edge workers, a tunnel of one's own, a test.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { ByteAddress, ByteLink, ByteReceiver, ByteTransport } from "./tcp_transport.ts";
import { WriteQueue } from "./tcp_write_queue.ts";

/** A duplex stream of bytes. */
export interface ByteDuplex {
  /** What the peer sends. Its chunks become ours: they may be written into. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What is sent to the peer. */
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  /** Gives back what lies under the streams, if cancelling one and aborting the other does not. */
  close?(): unknown;
}

/** Opens a duplex stream to an address; with `tls` in it, one that speaks TLS. */
export type OpenByteDuplex = (
  address: ByteAddress,
  options: { readonly signal: AbortSignal },
) => ByteDuplex | Promise<ByteDuplex>;

/**
 * The transport.
 *
 * @param open Opens a stream.
 * @param options Whether `open` can speak TLS when the address asks for it. @default {false}
 */
export function streamTransport(
  open: OpenByteDuplex,
  options: { readonly tls?: boolean } = {},
): ByteTransport {
  return {
    tls: options.tls ?? false,
    async connect(address, receiver, signal) {
      const duplex = await aborting(Promise.resolve(open(address, { signal })), signal);
      return new StreamLink(duplex, receiver);
    },
  };
}

/** Waits for a stream; one that comes after the abort is closed unused. */
function aborting(opening: Promise<ByteDuplex>, signal: AbortSignal): Promise<ByteDuplex> {
  return new Promise((resolve, reject) => {
    let stopListening = () => {};
    opening.then((duplex) => {
      stopListening();
      if (signal.aborted) closeDuplex(duplex);
      else resolve(duplex);
    }, (cause) => {
      stopListening();
      reject(cause);
    });
    stopListening = onAbort(signal, () => reject(signal.reason));
  });
}

/** Lets go of a stream that nobody has locked. Whatever it says to that is of no interest any more. */
function closeDuplex(duplex: ByteDuplex): void {
  const ignore = () => {};
  duplex.readable.cancel().catch(ignore);
  duplex.writable.abort().catch(ignore);
  Promise.resolve(duplex.close?.()).catch(ignore);
}

class StreamLink implements ByteLink {
  readonly #duplex: ByteDuplex;
  readonly #receiver: ByteReceiver;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #queue: WriteQueue;
  #over = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(duplex: ByteDuplex, receiver: ByteReceiver) {
    this.#duplex = duplex;
    this.#receiver = receiver;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    // Errors arrive through reads and writes; an unobserved `closed` would end a process.
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
    this.#writer.ready.catch(() => {});
    this.#queue = new WriteQueue((chunk) => this.#writer.write(chunk), {
      drained: () => receiver.drained(),
      failed: (cause) => this.#end(cause),
    });
    void this.#read();
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  write(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#queue.push(chunks);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
    this.#wake = undefined;
  }

  end(): void {
    this.#queue.whenEmpty(() => {
      if (!this.#over) this.#writer.close().catch(() => {}); // the read loop says the same
    });
  }

  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#close();
  }

  #close(): void {
    this.#queue.stop();
    this.resume();
    const ignore = () => {};
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    Promise.resolve(this.#duplex.close?.()).catch(ignore);
  }

  #end(cause?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#close();
    this.#receiver.ended(cause);
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        if (this.#paused) await new Promise<void>((resolve) => this.#wake = resolve);
        if (this.#over) return;
        const { done, value } = await this.#reader.read();
        if (this.#over) return;
        if (done) return this.#end();
        if (value.length > 0) this.#receiver.bytes(value);
      }
    } catch (cause) {
      this.#end(cause);
    }
  }
}
