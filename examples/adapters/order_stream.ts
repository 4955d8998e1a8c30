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
 * BINANCE_KEY=... BINANCE_SECRET=... deno run -A examples/adapters/order_stream.ts
 * ```
 *
 * @module
 */
import process from "node:process";
import {
  type ConnectionOptions,
  defaultClassify,
  type DeliveredFrame,
  open as openFeed,
  type ReconnectingConnection,
} from "../../mod.ts";
import { binanceWsApi, presetOptions } from "../../src/venues/mod.ts";
import { Cooldown, type OpenOrder, signedWith, subscribeUser } from "./binance_user.ts";
import { Breaker } from "./breaker.ts";
import { Holes } from "./holes.ts";
import { KnownOrders, type Order } from "./known_orders.ts";

export type { Order } from "./known_orders.ts";

/** What {@link orderStream} takes. */
export interface OrderStreamOptions {
  readonly url?: string;
  /** Asks for the open orders: what `GET /api/v3/openOrders` answers. */
  readonly openOrders: () => Promise<readonly OpenOrder[]>;
  /** Signed parameters of `userDataStream.subscribe.signature`, fresh for each session. */
  readonly signed: () => Readonly<Record<string, string | number>>;
  readonly onOrder?: (order: Order) => void;
  readonly onReconciled?: (why: string) => void;
  /** Whether orders may go out. */
  readonly onBreaker?: (closed: boolean, why: string) => void;
  /** Down for so long: the breaker opens. @default {3_000} */
  readonly haltAfterMs?: number;
  /** After a reconcile that failed, the next comes so much later, and twice as late each time. @default {1_000} */
  readonly askAgainMs?: number;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

interface Report {
  readonly e: string;
  readonly i: number;
  readonly X: string;
  readonly z: string;
}

type Event = { readonly report: Report } | { readonly reconcile: string } | {
  readonly terminated: number;
};

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
      else if (event?.e === "eventStreamTerminated") {
        controller.enqueue({ terminated: frame.epoch });
      }
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
  const { askAgainMs = 1_000 } = options;
  const known = new KnownOrders((order) => options.onOrder?.(order));
  const breaker = new Breaker(haltAfterMs, (closed, why) => options.onBreaker?.(closed, why));
  // A fill that was dropped is worse than a new session, which reconciles.
  const preset = presetOptions(binanceWsApi, {
    buffer: { overflow: "fail" },
    ...options.connection,
  });

  const feed = open(url, {
    ...preset,
    classify(failure) {
      const { cause } = failure.error;
      if (cause instanceof Cooldown) return { verdict: "transient", minDelayMs: cause.ms };
      return (preset.classify ?? defaultClassify)(failure);
    },
    onSession: (session) => subscribeUser(session, options.signed()),
  });

  /** Asks until there is an answer: a new session would spend a dial, and bring none sooner. */
  async function reconcile(why: string): Promise<void> {
    for (let waitMs = askAgainMs;; waitMs = Math.min(2 * waitMs, 60_000)) {
      const open = await options.openOrders().catch(() => undefined);
      if (open !== undefined) {
        known.reconcile(open);
        return options.onReconciled?.(why);
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const again = new Promise((resolve) => timer = setTimeout(resolve, waitMs, true));
      const goesOn = await Promise.race([again, watching]);
      clearTimeout(timer);
      if (goesOn !== true) return; // the connection has ended
    }
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
          known.report({ orderId, status, executed: Number(z) });
        } else if ("reconcile" in event) await reconcile(event.reconcile);
        else if (event.terminated === feed.lifecycle.value.epoch) feed.control.forceReconnect();
      },
    }),
  ).finally(() => watching);
  return { feed, orders: known.orders, done };
}

if (import.meta.main) {
  const { BINANCE_KEY = "", BINANCE_SECRET = "" } = process.env;
  const { done } = orderStream({
    ...signedWith(BINANCE_KEY, BINANCE_SECRET),
    onOrder: console.log,
    onBreaker: (closed, why) => console.error(closed ? "orders may go out:" : "halt:", why),
  });
  await done;
}
