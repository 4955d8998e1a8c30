/**
 * Orders and fills that survive losses, and a breaker in front of the desk.
 *
 * No venue replays what was missed, so a hole is mended by asking: on every new session and on every hole in `seq` the open orders are
 * fetched over REST before the next event counts. The pipe keeps its backpressure: what the desk cannot take waits in the connection's
 * buffer, where a loss is seen and counted.
 *
 * Permanent failure (`unrecoverable`) and a voluntary end (`exhausted`) end the stream with that error.
 *
 * ```sh
 * BINANCE_KEY=... BINANCE_SIGNATURE=... deno run -A examples/adapters/order_stream.ts
 * ```
 *
 * @module
 */
import process from "node:process";
import {
  type ConnectionOptions,
  type DeliveredFrame,
  open as openFeed,
  type ReconnectingConnection,
} from "../../mod.ts";
import { binanceWsApi, presetOptions } from "../../src/venues/mod.ts";
import { Breaker } from "./breaker.ts";
import { Holes } from "./holes.ts";

/** An order, as far as it is known. */
export interface Order {
  readonly orderId: number;
  readonly status: string;
  readonly executed: number;
}

/** What {@link orderStream} takes. */
export interface OrderStreamOptions {
  readonly url?: string;
  /** Asks for the open orders: what `GET /api/v3/openOrders` answers. */
  readonly openOrders: () => Promise<
    readonly { readonly orderId: number; readonly status: string; readonly executedQty: string }[]
  >;
  /** Signed parameters of `userDataStream.subscribe.signature`, fresh for each session. */
  readonly signed: () => Readonly<Record<string, string | number>>;
  readonly onOrder?: (order: Order) => void;
  readonly onReconciled?: (why: string) => void;
  /** Whether orders may go out. */
  readonly onBreaker?: (closed: boolean, why: string) => void;
  /** Down for so long: the breaker opens. @default {3_000} */
  readonly haltAfterMs?: number;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

interface Report {
  readonly e: string;
  readonly i: number;
  readonly X: string;
  readonly z: string;
}

type Event = { readonly report: Report } | { readonly reconcile: string };

/** Frames to events: a hole first, then what the frame says. */
function decode(): TransformStream<DeliveredFrame, Event> {
  const holes = new Holes();
  return new TransformStream({
    transform(frame, controller) {
      const hole = holes.before(frame);
      if (hole !== undefined) controller.enqueue({ reconcile: `${hole} ${frame.epoch}` });
      if (frame.type !== "text") return;
      const { event } = JSON.parse(frame.data) as { event?: Report };
      if (event?.e === "executionReport") controller.enqueue({ report: event });
      else if (event?.e === "eventStreamTerminated") controller.enqueue({ reconcile: event.e });
    },
  });
}

/** Follows the orders until the connection ends; `done` rejects with its last error. */
export function orderStream(options: OrderStreamOptions): {
  readonly feed: ReconnectingConnection;
  readonly orders: ReadonlyMap<number, Order>;
  readonly done: Promise<void>;
} {
  const { url = binanceWsApi.urls[0]!.value, open = openFeed, haltAfterMs = 3_000 } = options;
  const orders = new Map<number, Order>();
  const breaker = new Breaker(haltAfterMs, (closed, why) => options.onBreaker?.(closed, why));

  const feed = open(url, {
    ...presetOptions(binanceWsApi, {
      // A fill that was dropped is worse than a new session, which reconciles.
      buffer: { overflow: "fail" },
      ...options.connection,
    }),
    async onSession(session) {
      const id = `user ${session.epoch}`;
      const answer = session.next(({ type, data }) =>
        type === "text" && JSON.parse(data as string).id === id
      );
      const method = "userDataStream.subscribe.signature";
      await session.send(JSON.stringify({ id, method, params: options.signed() }));
      const { status } = JSON.parse((await answer).data as string);
      if (status !== 200) throw new Error(`Cannot subscribe to user data: ${status}`);
    },
  });

  function know(order: Order): void {
    const known = orders.get(order.orderId);
    // Reports that were on their way during a reconcile are older than its answer.
    if (known !== undefined && (known.executed > order.executed || known.status === "GONE")) return;
    orders.set(order.orderId, order);
    options.onOrder?.(order);
  }
  async function reconcile(why: string): Promise<void> {
    const open = new Map((await options.openOrders()).map((order) => [order.orderId, order]));
    for (const order of orders.values()) {
      const over = ["FILLED", "CANCELED", "GONE"].includes(order.status);
      if (!over && !open.has(order.orderId)) know({ ...order, status: "GONE" });
    }
    for (const { orderId, status, executedQty } of open.values()) {
      know({ orderId, status, executed: Number(executedQty) });
    }
    options.onReconciled?.(why);
  }
  const watching = (async () => {
    for await (const snapshot of feed.lifecycle) breaker.watch(snapshot);
    breaker.end(feed.lifecycle.value.phase);
  })();
  const done = feed.readable.pipeThrough(decode()).pipeTo(
    new WritableStream({
      async write(event) {
        if ("report" in event) {
          const { i: orderId, X: status, z } = event.report;
          know({ orderId, status, executed: Number(z) });
        } else if (event.reconcile === "eventStreamTerminated") feed.control.forceReconnect();
        else await reconcile(event.reconcile).catch(() => feed.control.forceReconnect());
      },
    }),
  ).finally(() => watching);
  return { feed, orders, done };
}

if (import.meta.main) {
  const { BINANCE_KEY = "", BINANCE_SIGNATURE = "" } = process.env;
  const { done } = orderStream({
    openOrders: async () => (await fetch("https://api.binance.com/api/v3/openOrders")).json(),
    signed: () => ({ apiKey: BINANCE_KEY, signature: BINANCE_SIGNATURE, timestamp: Date.now() }),
    onOrder: console.log,
    onBreaker: (closed, why) => console.error(closed ? "orders may go out:" : "halt:", why),
  });
  await done;
}
