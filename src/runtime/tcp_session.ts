/**
 * One session of the tcp leaf, after the handshake.
 *
 * ```text
 *            send, attach                close()                 server's Close
 *   open ------------------> open   open --------> closing   open, closing -----> ending --end of TCP--> ended
 *   open, closing --broken rule (Close sent)--> ending       ending --LINGER_MS--> destroyed, ended
 *   any --abandon()--> ended, socket destroyed, nothing said any more
 *   open, closing --end of TCP--> ended (1006)
 * ```
 *
 * - Control before data: the pings of a chunk are answered before its first frame is delivered, so that no handler of the
 *   application, however slow, makes a pong late. When the socket takes no more bytes only the latest ping is answered (section 5.5.3).
 * - Pings are answered until the server's Close was read (section 5.5.2); after our own Close no data is sent (5.5.1).
 * - The server ends the connection first (section 7.1.1). One that does not within {@link LINGER_MS} is cut off.
 * - At most {@link BURST_FRAMES} frames are delivered between two macrotasks: consumers woken by macrotask then get their turn before a
 *   ring of 4,096 overflows. Beyond it reading pauses until the next one.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import { checkClose, type SessionEnd, type WsConnection } from "../contract/connection.ts";
import { TransportError } from "../contract/errors.ts";
import { dataFrame, type Frame } from "../contract/frame.ts";
import type { FrameSink } from "../contract/connection.ts";
import { FrameReader } from "../rfc6455/frame_reader.ts";
import { FrameWriter } from "../rfc6455/frame_writer.ts";
import type { ResolvedTcpOptions } from "./tcp_options.ts";
import { FrameOutlet } from "./tcp_outlet.ts";
import type { TcpSeams } from "./tcp_seams.ts";
import type { ByteLink, ByteReceiver } from "./tcp_transport.ts";

/** How long a server may take to end a connection that is closed on both sides. RFC 6455 says "a reasonable amount of time". */
const LINGER_MS = 500;
/** Most frames delivered between two macrotasks. */
const BURST_FRAMES = 1_024;
/** From here on the macrotask that starts the count anew is asked for; below it is not worth one. */
const TURN_FRAMES = 64;
/** With so many bytes unsent, pings are not answered one by one any more. */
const PONG_BYTES = 16_384;
/** A burst of sends goes to the socket when it has so many bytes, without waiting for the end of the tick. They fit into one slab of the writer. */
const FLUSH_BYTES = 57_344;
/** `writable` makes its writer wait above this. */
const HIGH_WATER_BYTES = 1_048_576;

/** A session; see the module. */
export class TcpSession implements WsConnection {
  readonly protocol: string;
  readonly closed: Promise<SessionEnd>;
  /** What the link talks to. */
  readonly receiver: ByteReceiver;
  readonly #link: ByteLink;
  readonly #clock: TcpSeams["clock"];
  readonly #releases: boolean;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #outlet: FrameOutlet;
  readonly #resolveClosed: (end: SessionEnd) => void;
  #state: "open" | "closing" | "ending" | "ended" = "open";
  /** How it will have ended, once known. */
  #end: SessionEnd | undefined;
  #cancelLinger: () => void = () => {};
  #flushing = false;
  /** The latest ping that could not be answered yet. */
  #pong: Uint8Array<ArrayBuffer> | undefined;
  /** Frames of the present chunk. */
  #frames: (Frame | string)[] = [];
  /** Bytes not read yet because a burst was over. */
  #held: Uint8Array<ArrayBuffer>[] = [];
  #burst = 0;
  #turning = false;
  #paused = false;
  /** The link ended while bytes were held. */
  #linkEnded = false;
  #writable: WritableStream<Frame> | undefined;
  #onDrained: (() => void) | undefined;

  /** Makes one over a link that has just been upgraded. */
  constructor(link: ByteLink, protocol: string, options: ResolvedTcpOptions, seams: TcpSeams) {
    this.#link = link;
    this.protocol = protocol;
    this.#clock = seams.clock;
    this.#releases = seams.releasesWrites ?? false;
    const text = seams.text === undefined ? {} : { text: seams.text };
    this.#reader = new FrameReader({
      maxMessageBytes: options.maxMessageBytes,
      batch: options.batch,
      bareText: true,
      ...text,
    });
    this.#writer = new FrameWriter({ random: seams.fillRandom, ...text });
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#outlet = new FrameOutlet({
      // From within a stream's own code, so what follows waits for a task of its own.
      wanted: () => {
        if (this.#paused) this.#askTurn();
      },
      cancelled: () => this.#leave(),
      failed: () => this.#cut(),
    });
    this.receiver = {
      bytes: (chunk) => this.#bytes(chunk),
      drained: () => this.#drained(),
      ended: () => this.#ended(),
    };
  }

  get bufferedAmount(): number {
    return this.#state === "ended" ? 0 : this.#writer.pendingBytes + this.#link.bufferedBytes;
  }

  get readable(): ReadableStream<Frame> {
    return this.#outlet.readable;
  }

  get writable(): WritableStream<Frame> {
    return this.#writable ??= new WritableStream<Frame>({
      // `abort` below is not called before a write, or close, that is under way has settled.
      start: (controller) => void onAbort(controller.signal, () => this.abandon()),
      write: (frame) => {
        this.send(frame);
        if (this.bufferedAmount <= HIGH_WATER_BYTES) return;
        return new Promise((resolve) => this.#onDrained = resolve);
      },
      close: () => {
        this.close();
        return this.closed.then(() => {});
      },
      abort: () => this.abandon(),
    });
  }

  attach(sink: FrameSink): void {
    this.#outlet.attach(sink);
  }

  send(frame: Frame): void {
    if (frame.type === "close") return this.close(frame.code, frame.reason);
    if (this.#state !== "open") {
      throw new TransportError("not_connected", "Cannot send frame: the session is closed");
    }
    switch (frame.type) {
      case "text":
        if (typeof frame.data !== "string") throw new TypeError("Cannot send text: not a string");
        this.#writer.text(frame.data);
        break;
      case "binary": {
        const checked = dataFrame(frame.data);
        if (checked.type !== "binary") throw new TypeError("Cannot send binary: it is a string");
        this.#writer.binary(checked.data);
        break;
      }
      case "ping":
      case "pong":
        this.#writer.control(frame.type, frame.data);
        break;
      default:
        throw new TypeError(
          `Cannot send frame: no such type ${JSON.stringify(frame satisfies never)}`,
        );
    }
    this.#flushSoon();
  }

  close(code = 1000, reason = ""): void {
    checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#writer.close(code, reason);
    this.#flush();
  }

  abandon(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#cancelLinger();
    this.#link.destroy();
    this.#held = [];
    this.#outlet.discard();
    this.#settle(this.#end ?? { code: 1006, reason: "", clean: false, origin: "local" });
  }

  /** Bytes of the link, or held ones. */
  #bytes(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "ending" || this.#state === "ended") return;
    if (this.#paused) {
      // Some transports have bytes in memory when they pause, and the caller takes this chunk back.
      this.#held.push(chunk.slice());
      return;
    }
    const used = this.#read(chunk);
    if (used < chunk.length) this.#held.push(chunk.slice(used));
    this.#steer();
  }

  /** Reads one chunk as far as the burst goes, and delivers. @returns How much was used. */
  #read(chunk: Uint8Array<ArrayBuffer>): number {
    const frames = this.#frames;
    this.#frames = []; // the sink may call back into us
    const used = this.#reader.read(chunk, frames, Math.max(1, BURST_FRAMES - this.#burst));
    this.#burst += frames.length;
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      if (typeof frame !== "string" && frame.type === "ping") this.#answer(frame.data);
    }
    if (this.#writer.pendingBytes > 0) this.#flush();
    // A link that took all of it at once does not say that it drained.
    if (this.#pong !== undefined && this.#link.bufferedBytes === 0) this.#drained();
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      // A handler may have abandoned the session meanwhile.
      if ((this.#state as string) === "ended") return chunk.length;
      if (typeof frame === "string") this.#outlet.text(frame);
      else if (frame.type === "close") this.#serverClosed(frame.code, frame.reason);
      else this.#outlet.frame(frame);
    }
    frames.length = 0;
    this.#frames = frames;
    const { failure } = this.#reader;
    if (failure && this.#state !== "ended") this.#fail(failure.code, failure.reason);
    return used;
  }

  /** Decides whether to go on reading: pauses after a burst, or when nobody takes the frames. */
  #steer(): void {
    if (this.#state === "ended") return;
    if (this.#burst >= TURN_FRAMES) this.#askTurn();
    const stop = this.#state !== "ending" &&
      (this.#held.length > 0 || this.#burst >= BURST_FRAMES || this.#outlet.full);
    if (stop === this.#paused) return;
    this.#paused = stop;
    if (stop) this.#link.pause();
    else this.#link.resume();
  }

  #askTurn(): void {
    if (this.#turning) return;
    this.#turning = true;
    this.#clock.turn(() => {
      this.#turning = false;
      this.#burst = 0;
      this.#continue();
    });
  }

  /** Reads what was held, then lets the link go on. */
  #continue(): void {
    // A link that has ended holds no more than this, so fullness does not delay the news.
    while (
      this.#held.length > 0 && this.#burst < BURST_FRAMES &&
      (this.#linkEnded || !this.#outlet.full)
    ) {
      const chunk = this.#held.shift()!;
      const used = this.#read(chunk);
      if (used < chunk.length) this.#held.unshift(chunk.subarray(used));
    }
    if (this.#linkEnded && this.#held.length === 0) this.#finish();
    else this.#steer();
  }

  #answer(payload: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "ending") return;
    if (this.#writer.pendingBytes + this.#link.bufferedBytes > PONG_BYTES) {
      this.#pong = payload.slice(); // its taker may write into the frame's, or give it away
      return;
    }
    this.#pong = undefined; // older
    this.#writer.control("pong", payload);
  }

  #drained(): void {
    if (this.#state === "ended") return;
    if (this.#pong && this.#state !== "ending") {
      this.#writer.control("pong", this.#pong);
      this.#flush();
    }
    this.#pong = undefined;
    if (this.bufferedAmount <= HIGH_WATER_BYTES) {
      this.#onDrained?.();
      this.#onDrained = undefined;
    }
  }

  /** One write for all frames of this tick. */
  #flushSoon(): void {
    if (this.#writer.pendingBytes >= FLUSH_BYTES) return this.#flush();
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#state === "ended" || this.#writer.pendingBytes === 0) return;
    this.#link.write(this.#writer.take());
    if (this.#releases && this.#link.bufferedBytes === 0) this.#writer.reuse();
  }

  /** The server's Close: answered if it began, then the connection is the server's to end. */
  #serverClosed(code: number, reason: string): void {
    const began = this.#state === "open";
    if (began) {
      this.#writer.close(code, "");
      this.#flush();
    }
    this.#linger({ code, reason, clean: true, origin: began ? "server" : "local" });
  }

  /** The server broke a rule (section 7.1.7): say so, hang up, read nothing more. */
  #fail(code: number, reason: string): void {
    if (this.#state === "open") this.#writer.close(code, reason);
    this.#flush();
    this.#link.end();
    this.#linger({ code, reason, clean: false, origin: "protocol" });
  }

  #linger(end: SessionEnd): void {
    this.#state = "ending";
    this.#end = end;
    this.#held = [];
    this.#cancelLinger();
    this.#cancelLinger = this.#clock.setTimer(() => this.#finish(), LINGER_MS);
    if (this.#linkEnded) this.#finish();
  }

  #ended(): void {
    this.#linkEnded = true;
    if (this.#held.length === 0) this.#finish();
    else this.#askTurn();
  }

  /** Nobody reads any more, so nobody would notice a server that does not answer. */
  #leave(): void {
    this.close();
    if (this.#state !== "closing") return;
    this.#cancelLinger = this.#clock.setTimer(() => this.#cut(), LINGER_MS);
  }

  /** A sink that threw has lost a frame; going on would hide that. */
  #cut(): void {
    this.#end ??= { code: 1006, reason: "", clean: false, origin: "local" };
    this.#finish();
  }

  #finish(): void {
    if (this.#state === "ended") return;
    const end = this.#end ?? { code: 1006, reason: "", clean: false, origin: "network" };
    this.#state = "ended";
    this.#cancelLinger();
    this.#link.destroy();
    this.#outlet.end(end);
    this.#settle(end);
  }

  #settle(end: SessionEnd): void {
    this.#onDrained?.();
    this.#onDrained = undefined;
    this.#resolveClosed(end);
  }
}
