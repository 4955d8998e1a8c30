/**
 * A TCP proxy that makes a good network a bad one: between a client and a server that both behave,
 * it adds latency, throttles, slices, cuts off after so many bytes, closes late, resets or goes
 * silent. It knows nothing of WebSocket.
 *
 * ```ts ignore
 * const proxy = await startToxicProxy(server.port, { down: { latencyMs: () => random() * 300 } });
 * proxy.url;                     // "ws://127.0.0.1:PORT/"
 * proxy.up = { bytesPerSecond: 10_000 };  // from now on, for open connections, too
 * proxy.reset();                 // RST to both ends of every connection
 * proxy.down = { silent: true }; // a black hole: bytes vanish, TCP stays
 * await proxy.close();
 * ```
 *
 * @module
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { resetTcp } from "./raw/reset.ts";

/** What happens to the bytes of one direction. Absent means nothing. */
export interface Toxics {
  /** Every chunk comes so much later, in milliseconds; order is kept. A function is asked per chunk. */
  readonly latencyMs?: number | (() => number);
  /** No more than that. */
  readonly bytesPerSecond?: number;
  /** Cuts every chunk into pieces of that size, each a write of its own. */
  readonly sliceBytes?: number;
  /** Pause behind each piece, in milliseconds. @default {0} */
  readonly sliceEveryMs?: number;
  /** Passes so many bytes of a connection, then ends it in both directions. */
  readonly limitBytes?: number;
  /** Passes on the end of the connection so much later, in milliseconds. */
  readonly slowCloseMs?: number;
  /** Drops all bytes and the end, while TCP stays up. @default {false} */
  readonly silent?: boolean;
}

/** A running proxy. */
export interface ToxicProxy {
  /** `ws://127.0.0.1:PORT/` */
  readonly url: string;
  readonly port: number;
  /** From client to server. */
  up: Toxics;
  /** From server to client. */
  down: Toxics;
  /** Connections taken so far, and those open now. */
  readonly counters: { readonly taken: number; readonly open: number };
  /** Resets every open connection at both ends. */
  reset(): void;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** More than that waits in the kernel, so that a throttle is felt by the sender. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Both sockets of one connection, and the pauses it is in. */
class Link {
  readonly gone: Promise<void>;
  readonly #sockets: readonly [client: Socket, server: Socket];
  readonly #wakers: Set<() => void> = new Set();
  #ended = false;

  constructor(client: Socket, server: Socket) {
    this.#sockets = [client, server];
    const closed = (socket: Socket) =>
      new Promise<void>((resolve) => {
        socket.on("error", () => this.destroy()); // what failed here ends there
        socket.once("close", () => resolve());
      });
    this.gone = Promise.all([closed(client), closed(server)]).then(() => {});
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves after that time, or at the end of the link. */
  pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wakers.add(wake);
    });
  }

  destroy(): void {
    this.#end((socket) => socket.destroy());
  }

  reset(): void {
    this.#end((socket) => resetTcp(socket));
  }

  #end(each: (socket: Socket) => void): void {
    this.#ended = true;
    for (const socket of this.#sockets) each(socket);
    for (const wake of [...this.#wakers]) wake();
  }
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** Not before this time, by `performance.now()`. */
  readonly dueMs: number;
}

/** Carries one direction of a link, one chunk after another. */
class Direction {
  readonly #link: Link;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #toxics: () => Toxics;
  readonly #queue: (Chunk | "end")[] = [];
  #waitingBytes = 0;
  #passed = 0;
  #running = false;

  constructor(
    link: Link,
    { from, to, toxics }: { from: Socket; to: Socket; toxics: () => Toxics },
  ) {
    this.#link = link;
    this.#from = from;
    this.#to = to;
    this.#toxics = toxics;
    from.on("data", (bytes: Uint8Array) => {
      const { latencyMs = 0 } = toxics();
      const delay = typeof latencyMs === "function" ? latencyMs() : latencyMs;
      this.#waitingBytes += bytes.length;
      if (this.#waitingBytes > MAX_WAITING_BYTES) from.pause();
      this.#push({ bytes, dueMs: performance.now() + delay });
    });
    from.on("end", () => this.#push("end"));
  }

  #push(item: Chunk | "end"): void {
    this.#queue.push(item);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if (item === "end") {
        await this.#link.pause(this.#toxics().slowCloseMs ?? 0);
        if (!this.#link.ended && !this.#toxics().silent) this.#to.end();
        continue;
      }
      await this.#link.pause(item.dueMs - performance.now());
      await this.#pass(item.bytes);
      this.#waitingBytes -= item.bytes.length;
      if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#from.resume();
    }
    this.#running = false;
  }

  async #pass(bytes: Uint8Array): Promise<void> {
    const { limitBytes = Infinity, bytesPerSecond, sliceEveryMs = 0 } = this.#toxics();
    const allowed = bytes.subarray(0, Math.max(0, limitBytes - this.#passed));
    // A throttle works in slices, too: ten per second at least.
    const tenth = bytesPerSecond === undefined ? Infinity : Math.ceil(bytesPerSecond / 10);
    const size = Math.min(this.#toxics().sliceBytes ?? Infinity, tenth, allowed.length);
    for (let at = 0; at < allowed.length && !this.#link.ended; at += size) {
      const slice = allowed.subarray(at, at + size);
      this.#passed += slice.length;
      if (!this.#toxics().silent) this.#to.write(slice);
      const throttle = bytesPerSecond === undefined ? 0 : slice.length * 1_000 / bytesPerSecond;
      await this.#link.pause(Math.max(sliceEveryMs, throttle));
    }
    if (this.#passed >= limitBytes) this.#link.destroy();
  }
}

/**
 * Starts a proxy in front of a port of 127.0.0.1.
 *
 * @param target The port of the server.
 * @param toxics What is wrong from the start.
 */
export async function startToxicProxy(
  target: number,
  toxics: { readonly up?: Toxics; readonly down?: Toxics } = {},
): Promise<ToxicProxy> {
  const links = new Set<Link>();
  const counters = { taken: 0, open: 0 };
  const listener = createServer({ allowHalfOpen: true }, (client: Socket) => {
    const server = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    for (const socket of [client, server]) socket.setNoDelay(true);
    const link = new Link(client, server);
    counters.taken++;
    counters.open++;
    links.add(link);
    void link.gone.then(() => {
      counters.open--;
      links.delete(link);
    });
    new Direction(link, { from: client, to: server, toxics: () => proxy.up });
    new Direction(link, { from: server, to: client, toxics: () => proxy.down });
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  const { port } = listener.address() as AddressInfo;
  const proxy: ToxicProxy = {
    url: `ws://127.0.0.1:${port}/`,
    port,
    up: toxics.up ?? {},
    down: toxics.down ?? {},
    counters,
    reset() {
      for (const link of links) link.reset();
    },
    async close() {
      const stopped = new Promise<void>((resolve) => listener.close(() => resolve()));
      const open = [...links];
      for (const link of open) link.destroy();
      await Promise.all(open.map((link) => link.gone));
      await stopped;
    },
  };
  return proxy;
}
