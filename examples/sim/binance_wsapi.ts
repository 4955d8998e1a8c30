/**
 * The WebSocket API of SimBinance: logon, user data, and the user's orders.
 *
 * @module
 */
import type { RawPeer } from "./raw.ts";
import type { BinanceGate } from "./binance_gate.ts";
import type { Link } from "./link.ts";
import type { SimRecord } from "./record.ts";

/** An order as the venue spells it, as far as the example needs it. */
export interface SimOrder {
  readonly orderId: number;
  readonly symbol: string;
  readonly status: "NEW" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED";
  readonly origQty: string;
  readonly executedQty: string;
}

/** The user's orders. */
export interface BinanceOrders {
  /** Open ones, as `GET /api/v3/openOrders` answers. */
  open(): SimOrder[];
  /** A new order; tells the subscribers unless `silent`. */
  place(symbol: string, quantity: number, options?: { silent?: boolean }): SimOrder;
  /** Fills a part; tells the subscribers unless `silent`. */
  fill(orderId: number, quantity: number, options?: { silent?: boolean }): SimOrder;
  /** Requests are answered with status 418 until then, in terms of {@link now}. */
  bannedUntilMs: number;
  /** The venue's time of day. */
  now(): number;
  /** Ends every user data subscription, as the venue does when a session is revoked. */
  terminate(): void;
  /** A connection subscribes. */
  subscribe(link: Link): number;
  /** A connection does not any more. */
  unsubscribe(link: Link): void;
}

/** The orders and who hears of them. */
export class SimOrders implements BinanceOrders {
  readonly #record: SimRecord;
  readonly #now: () => number;
  readonly #orders: Map<number, SimOrder> = new Map();
  readonly #subscribers: Map<Link, number> = new Map();
  /** Until when requests are refused. */
  bannedUntilMs = 0;
  #nextId = 1;

  /** Makes an empty list. */
  constructor(record: SimRecord, now: () => number) {
    this.#record = record;
    this.#now = now;
  }

  /** The venue's time of day. */
  now(): number {
    return this.#now();
  }

  /** Open orders. */
  open(): SimOrder[] {
    return [...this.#orders.values()].filter(({ status }) =>
      status === "NEW" || status === "PARTIALLY_FILLED"
    );
  }

  /** Places an order. */
  place(symbol: string, quantity: number, options: { silent?: boolean } = {}): SimOrder {
    const order: SimOrder = {
      orderId: this.#nextId++,
      symbol,
      status: "NEW",
      origQty: quantity.toFixed(8),
      executedQty: (0).toFixed(8),
    };
    return this.#changed(order, "NEW", options);
  }

  /** Fills an order. */
  fill(orderId: number, quantity: number, options: { silent?: boolean } = {}): SimOrder {
    const order = this.#orders.get(orderId);
    if (order === undefined) throw new RangeError(`No order ${orderId}`);
    const executed = Number(order.executedQty) + quantity;
    const status = executed >= Number(order.origQty) ? "FILLED" : "PARTIALLY_FILLED";
    return this.#changed(
      { ...order, status, executedQty: executed.toFixed(8) },
      "TRADE",
      options,
    );
  }

  /** Ends all subscriptions. */
  terminate(): void {
    for (const [link, subscriptionId] of this.#subscribers) {
      link.reply(
        JSON.stringify({ subscriptionId, event: { e: "eventStreamTerminated", E: this.#now() } }),
      );
    }
    this.#subscribers.clear();
  }

  /** Subscribes a connection. */
  subscribe(link: Link): number {
    this.#subscribers.set(link, 0);
    this.#record.note({ type: "userSubscribed", connection: link.id });
    return 0;
  }

  /** Unsubscribes a connection. */
  unsubscribe(link: Link): void {
    this.#subscribers.delete(link);
  }

  #changed(order: SimOrder, what: "NEW" | "TRADE", { silent = false }: { silent?: boolean }) {
    this.#orders.set(order.orderId, order);
    if (silent) return order;
    const event = {
      e: "executionReport",
      E: this.#now(),
      s: order.symbol,
      i: order.orderId,
      x: what,
      X: order.status,
      q: order.origQty,
      z: order.executedQty,
    };
    for (const [link, subscriptionId] of this.#subscribers) {
      if (link.ended) this.#subscribers.delete(link);
      else link.send("user", JSON.stringify({ subscriptionId, event }));
    }
    return order;
  }
}

/** A connection to `/ws-api/v3`. */
export function openWsApi(
  link: Link,
  peer: RawPeer,
  gate: BinanceGate,
  orders: BinanceOrders,
): void {
  let loggedOn = false;
  peer.onText = (text) => {
    if (!gate.inbound(link, text)) return;
    const { id = null, method, params = {} } = JSON.parse(text) as {
      id?: number | string;
      method?: string;
      params?: { apiKey?: string; signature?: string };
    };
    const answer = (status: number, rest: object) =>
      link.reply(JSON.stringify({ id, status, ...rest }));
    const signed = params.apiKey !== undefined && params.signature !== undefined;
    const refused = () =>
      answer(401, {
        error: { code: -2015, msg: "Invalid API-key, IP, or permissions for action." },
      });
    const [now, until] = [orders.now(), orders.bannedUntilMs];
    if (now < until) {
      const msg = `Way too much request weight used; IP banned until ${until}.`;
      const data = { serverTime: now, retryAfter: until };
      return answer(418, { error: { code: -1003, msg, data } });
    }
    switch (method) {
      case "ping":
        return answer(200, { result: {} });
      case "session.logon":
        if (!signed) return refused();
        loggedOn = true;
        return answer(200, { result: { apiKey: params.apiKey, authorizedSince: orders.now() } });
      case "userDataStream.subscribe":
        if (!loggedOn) return refused();
        return answer(200, { result: { subscriptionId: orders.subscribe(link) } });
      case "userDataStream.subscribe.signature":
        if (!signed) return refused();
        return answer(200, { result: { subscriptionId: orders.subscribe(link) } });
      case "userDataStream.unsubscribe":
        orders.unsubscribe(link);
        return answer(200, { result: {} });
      default:
        return answer(400, { error: { code: -1000, msg: `Unknown method ${method}` } });
    }
  };
}
