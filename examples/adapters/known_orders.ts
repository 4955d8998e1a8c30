/**
 * The orders of a user, out of reports and of answers that list the open ones, which may cross on their way.
 *
 * @module
 */
import type { OpenOrder } from "./binance_user.ts";

/** An order, as far as it is known. `GONE`: it is not open any more, and no report has said why. */
export interface Order {
  readonly orderId: number;
  readonly status: string;
  readonly executed: number;
}

/** Statuses after which nothing comes (rest-api.md, order status). */
const OVER: ReadonlySet<string> = new Set(
  ["FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH", "GONE"],
);

/** What is known of them. */
export class KnownOrders {
  readonly orders: Map<number, Order> = new Map();
  readonly #onOrder: (order: Order) => void;

  /** `onOrder` hears of every change. */
  constructor(onOrder: (order: Order) => void) {
    this.#onOrder = onOrder;
  }

  /** Takes a report. One that was on its way during a reconcile may be older than its answer, or say how an order ended. */
  report(order: Order): void {
    const known = this.orders.get(order.orderId);
    const reopens = known !== undefined && OVER.has(known.status) && !OVER.has(order.status);
    if (reopens || known !== undefined && known.executed > order.executed) return;
    this.orders.set(order.orderId, order);
    this.#onOrder(order);
  }

  /** Takes an answer: these are open, and no others. */
  reconcile(open: readonly OpenOrder[]): void {
    const ids = new Set(open.map(({ orderId }) => orderId));
    for (const order of this.orders.values()) {
      if (!OVER.has(order.status) && !ids.has(order.orderId)) {
        this.report({ ...order, status: "GONE" });
      }
    }
    for (const { orderId, status, executedQty } of open) {
      // One that did not list it was not up to date.
      if (this.orders.get(orderId)?.status === "GONE") this.orders.delete(orderId);
      this.report({ orderId, status, executed: Number(executedQty) });
    }
  }
}
