/**
 * A connection of this runtime under test: everything it tells is written down, and at its end the
 * invariants that a real socket can show are checked (I1, I2, I3, I8, I11 of the scenario list).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type {
  ConnectionOptions,
  DeliveredFrame,
  ReconnectingConnection,
  TraceEvent,
  UrlSource,
} from "../../mod.ts";
import { attemptBudget } from "../../mod.ts";
import type { WsConnection } from "../../src/contract/connection.ts";
import type { Clock, Runtime } from "../../src/contract/runtime.ts";
import { Signal } from "../e2e/support.ts";
import { type FaultLeaf, NATIVE, nativeOpen, nativeRuntime } from "./leaves.ts";

export { nativeOpen, nativeRuntime } from "./leaves.ts";

/** A clock that knows how many of its timers are set. */
export class CountingClock implements Clock {
  readonly #clock: Clock = nativeRuntime.clock;
  readonly #live: Set<object> = new Set();

  /** Timers that are set now. */
  get live(): number {
    return this.#live.size;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = {};
    this.#live.add(timer);
    const cancel = this.#clock.setTimer(() => {
      this.#live.delete(timer);
      callback();
    }, delayMs);
    return () => {
      this.#live.delete(timer);
      cancel();
    };
  }

  turn(callback: () => void): void {
    this.#clock.turn(callback);
  }
}

/** A connection, and all that was seen of it. */
export class Feed {
  readonly connection: ReconnectingConnection;
  /** Its trace. */
  readonly events: TraceEvent[] = [];
  /** The frames that {@link read} took. */
  readonly frames: DeliveredFrame[] = [];
  /** When the last of them was taken, by {@link clock}. */
  lastFrameMs: number = 0;
  /** Every socket that opened. */
  readonly sessions: WsConnection[] = [];
  readonly clock: CountingClock = new CountingClock();
  readonly #signal: Signal = new Signal();
  #reading: Promise<void> | undefined;

  constructor(url: UrlSource, options: ConnectionOptions = {}, leaf: FaultLeaf = NATIVE) {
    const { connector } = leaf;
    const runtime: Runtime = {
      ...nativeRuntime,
      clock: this.clock,
      connector: {
        capabilities: connector.capabilities,
        connect: async (handshake, context) => {
          const session = await connector.connect(handshake, context);
          this.sessions.push(session);
          return session;
        },
      },
    };
    this.connection = nativeOpen(url, {
      runtime,
      attemptBudget: attemptBudget({ attempts: 10_000, windowMs: 1_000 }),
      backoff: { minDelayMs: 5, maxDelayMs: 20 },
      tracer: {
        event: (event) => {
          this.events.push(event);
          this.#signal.ring();
        },
      },
      ...options,
    });
    void this.#watch();
  }

  /** Events of one type. */
  traced<T extends TraceEvent["type"]>(type: T): (TraceEvent & { readonly type: T })[] {
    return this.events.filter((event): event is TraceEvent & { readonly type: T } =>
      event.type === type
    );
  }

  /** Resolves when the condition holds; it is looked at whenever something is traced or delivered. */
  until(condition: () => boolean): Promise<void> {
    return this.#signal.until(condition);
  }

  /** Resolves when the session of that number, or a later one, is up. */
  async up(epoch = 1): Promise<void> {
    const { lifecycle } = this.connection;
    await lifecycle.waitFor((snapshot) => snapshot.up && snapshot.epoch >= epoch);
  }

  /** Reads all frames from now on. */
  read(): this {
    this.#reading = this.#readAll();
    return this;
  }

  /** Shuts down, if it has not ended, and checks what must hold afterwards. */
  async end(): Promise<void> {
    const { connection } = this;
    await connection.control.shutdown({ timeoutMs: 500 });
    await this.#reading;
    assert(connection.lifecycle.ended, "the lifecycle has ended");
    assertBalanced(connection);
    assertOrder(this.frames);
    assertEquals(this.clock.live, 0, "no timer is left");
    const opens = this.traced("open").map(({ epoch }) => epoch);
    assertEquals(opens, opens.map((_, i) => i + 1), "epochs count opens");
    const downs = this.traced("down").map(({ epoch }) => epoch);
    assertEquals(downs, opens.slice(0, downs.length), "one down edge per session, in order");
  }

  /** Resolves when the platform has reported the end of every socket. */
  async gone(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.closed));
    assertEquals(this.connection.stats().zombies, 0, "nothing abandoned is still counted");
  }

  async #readAll(): Promise<void> {
    try {
      for await (const frame of this.connection.frames({ preventCancel: true })) {
        this.frames.push(frame);
        this.lastFrameMs = this.clock.now();
        this.#signal.ring();
      }
    } catch {
      // How a connection ended is what the lifecycle says; here it only ends the reading.
    }
  }

  async #watch(): Promise<void> {
    for await (const _ of this.connection.lifecycle) this.#signal.ring();
    this.#signal.ring();
  }
}

/** I1: every frame that came is accounted for. */
export function assertBalanced(connection: ReconnectingConnection): void {
  const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded } = connection
    .stats();
  assertEquals(
    received + leafDropped,
    delivered + totalLagged + buffered + totalDiscarded,
    "received + dropped by the leaf = delivered + lagged + buffered + discarded",
  );
}

/** I2, I11: numbers grow, epochs never go back. */
export function assertOrder(frames: readonly DeliveredFrame[]): void {
  for (let i = 1; i < frames.length; i++) {
    const [before, after] = [frames[i - 1]!, frames[i]!];
    assert(after.seq > before.seq, `seq ${after.seq} follows ${before.seq}`);
    assert(after.epoch >= before.epoch, `epoch ${after.epoch} follows ${before.epoch}`);
  }
}

/** Runs `use` with a feed; ends it, then what it was connected to, then waits for its sockets. */
export async function withFeed(
  peer: { close(): Promise<unknown> },
  feed: Feed,
  use: (feed: Feed) => Promise<void>,
): Promise<void> {
  try {
    await use(feed);
    await feed.end();
  } finally {
    await feed.connection.control.shutdown({ timeoutMs: 0 });
    await peer.close();
    await feed.gone();
  }
}

/** The texts of frames. */
export function textsOf(frames: readonly DeliveredFrame[]): string[] {
  return frames.map(({ data }) => typeof data === "string" ? data : `[${data.join()}]`);
}
