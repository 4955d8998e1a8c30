/**
 * SimBinance: spot market streams, `GET /api/v3/depth`, and the part of the WebSocket API that carries user data.
 *
 * ```sh
 * deno run -A examples/sim/binance.ts --port 0 --scale 0.1
 * ```
 *
 * @module
 */
import type { RawPeer } from "./raw.ts";
import { runAlone } from "./alone.ts";
import { BINANCE_REAL, type BinanceRules } from "./binance_rules.ts";
import { type BinanceOrders, openWsApi, SimOrders } from "./binance_wsapi.ts";
import { BinanceGate } from "./binance_gate.ts";
import { combined, depthBody, depthUpdate } from "./binance_frames.ts";
import type { Link } from "./link.ts";
import { MarketBook } from "./market.ts";
import { type HttpAnswer, scaledRules, Sim, type SimOptions, type Venue } from "./sim.ts";
import { SlidingWindow } from "./window.ts";

export { BINANCE_REAL, BINANCE_TEST, type BinanceRules } from "./binance_rules.ts";

/** The simulator. */
export class SimBinance extends Sim implements Venue {
  /** The rules that hold. */
  readonly rules: BinanceRules;
  /** Orders of the user, with the REST side that reconciles them. */
  readonly orders: BinanceOrders;
  /** REST weight spent. */
  readonly weight: SlidingWindow;
  /** The next snapshots are so many updates old, first come first served. */
  readonly nextSnapshotLags: number[] = [];
  readonly #books: Map<string, MarketBook> = new Map();
  readonly #gate: BinanceGate;
  #marketOpen = true;
  #trades = 0;

  /** Makes one that does not listen yet; see {@link startSimBinance}. */
  constructor(rules: BinanceRules) {
    super();
    this.rules = rules;
    this.weight = new SlidingWindow(rules.weightLimit, rules.weightWindowMs);
    this.#gate = new BinanceGate(rules, this.record);
    this.orders = new SimOrders(this.record, () => this.wallNow());
    this.timers.every(rules.depthEveryMs, () => this.#marketOpen && this.step());
    this.timers.every(rules.tradeEveryMs, () => this.#marketOpen && this.#trade());
  }

  /** The book of a symbol (`BTCUSDT`), which begins its life when it is first asked for. */
  book(symbol: string): MarketBook {
    let book = this.#books.get(symbol);
    if (book === undefined) {
      book = new MarketBook(symbol, this.rules.history);
      this.#books.set(symbol, book);
    }
    return book;
  }

  /** Stops all books, so that a test can compare. */
  pauseMarket(): void {
    this.#marketOpen = false;
  }

  /** Goes on. */
  resumeMarket(): void {
    this.#marketOpen = true;
  }

  /** One update of each book. */
  step(): void {
    for (const book of this.#books.values()) {
      const diff = depthUpdate(book.symbol, book.step(), this.wallNow());
      const lower = book.symbol.toLowerCase();
      for (const topic of [`${lower}@depth@100ms`, `${lower}@depth`]) this.#publish(topic, diff);
    }
  }

  /** The next update of the symbol is lost for every connection. */
  gap(symbol: string): void {
    const topic = `${symbol.toLowerCase()}@depth@100ms`;
    for (const link of this.open) link.faults.frozenTopics.add(topic);
    this.book(symbol);
    this.step();
    for (const link of this.open) link.faults.frozenTopics.delete(topic);
  }

  /** Announces a restart, waits `shutdownLeadMs`, then ends every connection. */
  shutdown(how: "close" | "rst" = "close", links: readonly Link[] = this.open): void {
    for (const link of links) {
      const event = { e: "serverShutdown", E: this.wallNow() };
      link.reply(
        link.request.url.pathname.startsWith("/ws-api")
          ? JSON.stringify({ event })
          : this.#framed(link, "!serverShutdown", JSON.stringify(event)),
      );
      this.record.note({ type: "serverShutdown", connection: link.id });
      const end = () => how === "rst" ? link.rst() : link.close(1001, "Server shutdown");
      link.timers.after(this.rules.shutdownLeadMs, end);
    }
  }

  /** Decides about a dial: limits and bans. */
  admit(): HttpAnswer | undefined {
    return this.#gate.dial();
  }

  /** An accepted connection. */
  opened(link: Link, peer: RawPeer): void {
    const { pathname, searchParams } = peer.request.url;
    if (!this.#gate.guard(link, peer)) return;
    link.timers.after(this.rules.ageMs, () => {
      this.record.note({ type: "aged", connection: link.id });
      link.close(1001, "Connection lifetime is over");
    });
    if (pathname.startsWith("/ws-api/")) return openWsApi(link, peer, this.#gate, this.orders);
    const streams = pathname.startsWith("/ws/")
      ? [decodeURIComponent(pathname.slice(4))]
      : (searchParams.get("streams") ?? "").split("/");
    this.#subscribe(link, streams.filter((name) => name !== ""));
    peer.onText = (text) => {
      if (this.#gate.inbound(link, text)) this.#command(link, text);
    };
  }

  /** The REST side. */
  http({ url, method }: RawPeer["request"]): HttpAnswer {
    const limit = Number(url.searchParams.get("limit") ?? 100);
    const cost = url.pathname !== "/api/v3/depth"
      ? 5
      : limit <= 100
      ? 5
      : limit <= 500
      ? 25
      : limit <= 1_000
      ? 50
      : 250;
    const refusal = this.#gate.spend(this.weight, cost);
    if (refusal !== undefined) return refusal;
    if (method === "GET" && url.pathname === "/api/v3/depth") {
      const symbol = url.searchParams.get("symbol") ?? "";
      const lag = this.nextSnapshotLags.shift() ?? 0;
      return { body: depthBody(this.book(symbol).ago(lag), limit) };
    }
    if (method === "GET" && url.pathname === "/api/v3/openOrders") {
      return { body: this.orders.open() };
    }
    return { status: 404, body: {} };
  }

  #command(link: Link, text: string): void {
    let request: { method?: string; params?: string[]; id?: number };
    try {
      request = JSON.parse(text);
    } catch {
      return link.reply('{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}');
    }
    const { method, params = [], id = null } = request;
    const done = (result: unknown) => link.reply(JSON.stringify({ result, id }));
    switch (method) {
      case "SUBSCRIBE":
        return this.#subscribe(link, params) ? done(null) : link.close(1008, "Too many streams");
      case "UNSUBSCRIBE":
        for (const name of params) link.topics.delete(name);
        return done(null);
      case "LIST_SUBSCRIPTIONS":
        return done([...link.topics]);
      default:
        return link.reply(JSON.stringify({
          code: 2,
          msg: `Invalid request: unknown variant ${method}, expected one of \`SUBSCRIBE\`, ` +
            "`UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 20",
        }));
    }
  }

  #subscribe(link: Link, names: readonly string[]): boolean {
    for (const name of names) {
      link.topics.add(name);
      this.book(name.split("@")[0]!.toUpperCase());
    }
    return link.topics.size <= this.rules.maxStreams;
  }

  #trade(): void {
    for (const { symbol, state } of this.#books.values()) {
      const topic = `${symbol.toLowerCase()}@trade`;
      const [price = 0] = state.bids[0] ?? [];
      const now = this.wallNow();
      this.#publish(
        topic,
        JSON.stringify({
          e: "trade",
          E: now,
          s: symbol,
          t: ++this.#trades,
          p: (price / 100).toFixed(8),
          q: "0.00100000",
          T: now,
          m: true,
          M: true,
        }),
      );
    }
  }

  #publish(topic: string, data: string): void {
    for (const link of this.open) {
      if (link.topics.has(topic)) link.send(topic, this.#framed(link, topic, data));
    }
  }

  #framed(link: Link, topic: string, data: string): string {
    return link.request.url.pathname.startsWith("/stream") ? combined(topic, data) : data;
  }
}

/** Starts it. */
export async function startSimBinance(
  options: SimOptions<BinanceRules> = {},
): Promise<SimBinance> {
  const sim = new SimBinance(scaledRules(BINANCE_REAL, options));
  await sim.start(sim, options);
  return sim;
}

await runAlone(import.meta.url, startSimBinance);
