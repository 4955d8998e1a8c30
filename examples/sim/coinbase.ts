/**
 * SimCoinbase: Advanced Trade market data with heartbeats, level2 and a token per subscribe.
 *
 * ```sh
 * deno run -A examples/sim/coinbase.ts --port 0 --scale 0.1
 * ```
 *
 * @module
 */
import { runAlone } from "./alone.ts";
import { CoinbaseBook, type CoinbaseUpdate } from "./coinbase_book.ts";
import { COINBASE_REAL, type CoinbaseRules } from "./coinbase_rules.ts";
import type { Link } from "./link.ts";
import type { RawPeer } from "./raw.ts";
import { type HttpAnswer, scaledRules, Sim, type SimOptions, type Venue } from "./sim.ts";
import { SlidingWindow } from "./window.ts";

export { COINBASE_REAL, COINBASE_TEST, type CoinbaseRules } from "./coinbase_rules.ts";

interface Request {
  readonly type?: string;
  readonly channel?: string;
  readonly product_ids?: readonly string[];
  readonly jwt?: string;
}

/** Makes a token that the simulator takes: no signature, only the claims it looks at. */
export function simJwt(expiresAtMs: number, nonce: string): string {
  return `hdr.${btoa(JSON.stringify({ exp: expiresAtMs / 1_000, jti: nonce }))}.sig`;
}

/** The simulator. */
export class SimCoinbase extends Sim implements Venue {
  /** The rules that hold. */
  readonly rules: CoinbaseRules;
  /** Leaves these products out of the next acknowledgements and data, as if they were never asked for. */
  readonly ignoredProducts: Set<string> = new Set();
  readonly #books: Map<string, CoinbaseBook> = new Map();
  readonly #sequences: WeakMap<Link, Map<string, number>> = new WeakMap();
  readonly #lastSentMs: WeakMap<Link, number> = new WeakMap();
  /** Connections that were cut because they did not read. */
  readonly #cut: WeakSet<Link> = new WeakSet();
  readonly #usedTokens: Set<string> = new Set();
  readonly #messages: SlidingWindow;
  readonly #dials: SlidingWindow;
  #marketOpen = true;
  #beats = 0;

  /** Makes one that does not listen yet; see {@link startSimCoinbase}. */
  constructor(rules: CoinbaseRules) {
    super();
    this.rules = rules;
    this.#messages = new SlidingWindow(rules.messageLimit, rules.messageWindowMs);
    this.#dials = new SlidingWindow(rules.dialLimit, rules.dialWindowMs);
    this.timers.every(rules.updateEveryMs, () => this.#marketOpen && this.step());
    this.timers.every(rules.heartbeatEveryMs, () => this.#beat());
  }

  /** The book of a product. */
  book(product: string): CoinbaseBook {
    let book = this.#books.get(product);
    if (book === undefined) {
      book = new CoinbaseBook(product, this.rules.levels);
      this.#books.set(product, book);
    }
    return book;
  }

  /** Stops all books, so that a test can compare; heartbeats go on. */
  pauseMarket(): void {
    this.#marketOpen = false;
  }

  /** Goes on. */
  resumeMarket(): void {
    this.#marketOpen = true;
  }

  /** One update of each book. */
  step(): void {
    const now = new Date(this.wallNow()).toISOString();
    for (const [product, book] of this.#books) {
      const updates = book.step(now);
      for (const link of this.open) {
        if (link.topics.has(`level2 ${product}`)) this.#level2(link, product, "update", updates);
      }
    }
  }

  /** Ends every connection with 1001, as a restart of the service does. */
  restart(): void {
    for (const link of this.open) link.close(1001, "Service restart");
  }

  /** Decides about a dial. */
  admit(): HttpAnswer | undefined {
    return this.#dials.add() ? undefined : { status: 429, body: {} };
  }

  /** An accepted connection. */
  opened(link: Link, peer: RawPeer): void {
    const { rules, record } = this;
    this.#lastSentMs.set(link, performance.now());
    const cancel = link.timers.after(rules.subscribeWithinMs, () => {
      record.note({ type: "noSubscribe", connection: link.id });
      link.close(1000, "No subscribe");
    });
    link.timers.every(rules.idleCloseMs / 10, () => {
      if (performance.now() - this.#lastSentMs.get(link)! < rules.idleCloseMs) return;
      record.note({ type: "idleClose", connection: link.id });
      link.close(1000, "Idle");
    });
    peer.onText = (text) => {
      record.note({ type: "in", connection: link.id, detail: text });
      if (!this.#messages.add()) {
        record.note({ type: "tooMany", connection: link.id });
        return this.#error(link, "rate limit exceeded");
      }
      const request = JSON.parse(text) as Request;
      if (request.type === "subscribe" && this.#subscribe(link, request)) cancel();
      else if (request.type === "unsubscribe") this.#unsubscribe(link, request);
    };
  }

  /** There is no REST side. */
  http(): HttpAnswer {
    return { status: 404, body: {} };
  }

  #subscribe(link: Link, { channel = "", product_ids = [], jwt }: Request): boolean {
    if (!this.#accepts(jwt, channel === "user")) {
      this.record.note({ type: "authFailure", connection: link.id });
      this.#error(link, "authentication failure");
      return false;
    }
    const names = channel === "heartbeats" ? ["heartbeats"] : product_ids;
    const fresh = names.filter((name) =>
      !link.topics.has(`${channel} ${name}`) && !this.ignoredProducts.has(name)
    );
    const level2 = [...link.topics].filter((topic) => topic.startsWith("level2 ")).length;
    if (channel === "level2" && level2 + fresh.length > this.rules.productCap) {
      this.record.note({ type: "capRefusal", connection: link.id, detail: fresh.join(",") });
      this.#error(link, "too many L2 streams requested in a single session");
      if (this.rules.closesOverCap) link.close(1000);
      return true;
    }
    const afterMs = performance.now() - link.openedAtMs;
    this.record.note({ type: "subscribe", connection: link.id, detail: channel, value: afterMs });
    for (const name of fresh) {
      link.topics.add(`${channel} ${name}`);
      // A product that is subscribed already gets no new snapshot.
      if (channel === "level2") {
        this.#level2(link, name, "snapshot", this.book(name).snapshot());
      }
    }
    this.#acknowledge(link);
    return true;
  }

  #unsubscribe(link: Link, { channel = "", product_ids = ["heartbeats"] }: Request): void {
    for (const name of product_ids) link.topics.delete(`${channel} ${name}`);
    this.#acknowledge(link);
  }

  #accepts(jwt: string | undefined, needed: boolean): boolean {
    if (jwt === undefined) return !needed;
    if (this.#usedTokens.has(jwt)) return false;
    this.#usedTokens.add(jwt);
    try {
      const { exp } = JSON.parse(atob(jwt.split(".")[1] ?? "")) as { exp?: number };
      const leftMs = (exp ?? 0) * 1_000 - this.wallNow();
      return leftMs > 0 && leftMs <= this.rules.jwtTtlMs;
    } catch {
      return false; // what cannot be read is no token
    }
  }

  #acknowledge(link: Link): void {
    const subscriptions: Record<string, string[]> = {};
    for (const topic of link.topics) {
      const [channel = "", name = ""] = topic.split(" ");
      (subscriptions[channel] ??= []).push(name);
    }
    this.#send(link, "subscriptions", "", [{ subscriptions }]);
  }

  #level2(
    link: Link,
    product_id: string,
    type: "snapshot" | "update",
    updates: readonly CoinbaseUpdate[],
  ): void {
    this.#send(link, "l2_data", product_id, [{ type, product_id, updates }]);
  }

  #beat(): void {
    const time = new Date(this.wallNow()).toISOString().replace("T", " ").replace(
      "Z",
      "000000 +0000 UTC m=+1.5",
    );
    const heartbeat_counter = ++this.#beats;
    for (const link of this.open) {
      if (link.topics.has("heartbeats heartbeats")) {
        this.#send(link, "heartbeats", "", [{ current_time: time, heartbeat_counter }]);
      }
    }
  }

  #send(link: Link, channel: string, product: string, events: readonly object[]): void {
    const sequences = this.#sequences.get(link) ?? new Map<string, number>();
    this.#sequences.set(link, sequences);
    const key = this.rules.sequencePerProduct ? product : "";
    const sequence_num = sequences.get(key) ?? 0;
    sequences.set(key, sequence_num + 1);
    const timestamp = new Date(this.wallNow()).toISOString();
    const text = JSON.stringify({ channel, timestamp, sequence_num, events });
    if (link.send(channel === "l2_data" ? `level2 ${product}` : channel, text)) {
      this.#lastSentMs.set(link, performance.now());
    }
    if (link.unreadBytes > this.rules.unreadLimitBytes && !this.#cut.has(link)) {
      this.#cut.add(link);
      this.record.note({ type: "slowConsumer", connection: link.id, value: link.unreadBytes });
      link.rst();
    }
  }

  #error(link: Link, message: string): void {
    link.reply(JSON.stringify({ type: "error", message }));
  }
}

/** Starts it. */
export async function startSimCoinbase(
  options: SimOptions<CoinbaseRules> = {},
): Promise<SimCoinbase> {
  const sim = new SimCoinbase(scaledRules(COINBASE_REAL, options));
  await sim.start(sim, options);
  return sim;
}

await runAlone(import.meta.url, startSimCoinbase);
