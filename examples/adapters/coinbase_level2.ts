/**
 * Order books of Coinbase Advanced Trade: heartbeats and level2, with a fresh token in every subscribe.
 *
 * The token belongs to the message, not to the connection: it may expire as it likes, nothing reconnects for it. `sequence_num` counts over
 * the whole connection; a hole makes every book doubtful, and since a repeated subscribe brings no snapshot, the way back is unsubscribe
 * and subscribe. The snapshot of BTC-USD is 4.5 MiB and the oldest frame of its burst, so `buffer.maxBytes` of the preset is large.
 *
 * ```sh
 * deno run -A examples/adapters/coinbase_level2.ts BTC-USD ETH-USD
 * ```
 *
 * @module
 */
import process from "node:process";
import { toTransformStream } from "@std/streams";
import type { ConnectionOptions, ReconnectingConnection } from "../../mod.ts";
import { open as openFeed } from "../../mod.ts";
import { coinbaseMarket, presetOptions } from "../../src/venues/mod.ts";
import { decode, type Level2Event, type Message } from "./coinbase_messages.ts";
import { sendWhileUp } from "./send_while_up.ts";

/** The only refusal that asking again does not mend. */
const CAP = /too many L2 streams/;

/** Side and price to quantity: `bid 68900.00`. */
export type CoinbaseLevels = Map<string, string>;

/** What {@link coinbaseLevel2} takes. */
export interface CoinbaseOptions {
  readonly products: readonly string[];
  readonly url?: string;
  /** A new token for each subscribe; without it the market channels work as well. */
  readonly token?: () => string | Promise<string>;
  readonly onBook?: (product: string, levels: CoinbaseLevels) => void;
  /** A book is not right any more, and why. */
  readonly onResync?: (why: string) => void;
  /** The venue takes no more products in a session: those that it had not accepted before are given up. */
  readonly onRefused?: (products: readonly string[], message: string) => void;
  readonly onHeartbeat?: () => void;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

/** Follows the books until the feed ends. */
export function coinbaseLevel2(options: CoinbaseOptions): {
  readonly feed: ReconnectingConnection;
  readonly books: ReadonlyMap<string, CoinbaseLevels>;
  /** Asks for one more product. */
  add(product: string): Promise<void>;
  readonly done: Promise<void>;
} {
  const { url = coinbaseMarket.urls[0]!.value, token, open = openFeed } = options;
  const wanted = new Set(options.products);
  const books = new Map<string, CoinbaseLevels>();
  /** Had a snapshot in this session. */
  const accepted = new Set<string>();

  async function subscribe(product_ids: readonly string[]): Promise<string> {
    const jwt = await token?.();
    return JSON.stringify({ type: "subscribe", channel: "level2", product_ids, jwt });
  }
  const feed = open(url, {
    ...presetOptions(coinbaseMarket, options.connection),
    async onSession(session) {
      // Within 5 s of the open, so before anything that waits.
      await session.send('{"type":"subscribe","channel":"heartbeats"}');
      if (wanted.size === 0) return;
      const answered = session.next(({ data }) =>
        /"type":"error"|"channel":"l2_data"|"level2"/.test(`${data}`)
      );
      await session.send(await subscribe([...wanted]));
      const text = `${(await answered).data}`;
      // A session that fails here is followed by the next with backoff.
      const { type, message } = JSON.parse(text) as Message;
      if (type === "error" && !CAP.test(text)) throw new Error(`Cannot subscribe: ${message}`);
    },
  });
  async function lost(why: string): Promise<void> {
    books.clear();
    if (why === "session") accepted.clear();
    options.onResync?.(why);
    if (why === "session") return; // onSession has asked already
    const all = { type: "unsubscribe", channel: "level2", product_ids: [...wanted] };
    await sendWhileUp(feed, JSON.stringify(all));
    await sendWhileUp(feed, await subscribe([...wanted]));
  }
  function apply({ product_id = "", type, updates = [] }: Level2Event): void {
    if (type === "snapshot") {
      books.set(product_id, new Map());
      accepted.add(product_id);
    }
    const levels = books.get(product_id);
    if (levels === undefined) return; // an update before its snapshot
    for (const { side, price_level, new_quantity } of updates) {
      if (Number(new_quantity) === 0) levels.delete(`${side} ${price_level}`);
      else levels.set(`${side} ${price_level}`, new_quantity);
    }
    options.onBook?.(product_id, levels);
  }
  function onError(message: string): void {
    if (!CAP.test(message)) {
      // It may have been the answer to a resync. While the session begins, onSession decides.
      const { up } = feed.lifecycle.value;
      return up && books.size < wanted.size ? feed.control.forceReconnect() : undefined;
    }
    const refused = [...wanted].filter((product) => !accepted.has(product));
    for (const product of refused) wanted.delete(product);
    options.onRefused?.(refused, message);
  }

  const done = feed.readable.pipeThrough(toTransformStream(decode)).pipeTo(
    new WritableStream({
      write(message) {
        if ("lost" in message) return void lost(message.lost).catch(feed.control.forceReconnect);
        if (message.type === "error") {
          onError(message.message ?? "");
        } else if (message.channel === "l2_data") message.events?.forEach(apply);
        else if (message.channel === "heartbeats") options.onHeartbeat?.();
      },
    }),
  );
  async function add(product: string): Promise<void> {
    wanted.add(product);
    await sendWhileUp(feed, await subscribe([product]));
  }
  return { feed, books, add, done };
}

if (import.meta.main) {
  const { done } = coinbaseLevel2({
    products: process.argv.slice(2),
    onBook: (product, levels) => console.log(product, levels.size),
    onResync: (why) => console.error("resync:", why),
    onRefused: (products, message) => console.error("refused:", products.join(), message),
  });
  await done;
}
