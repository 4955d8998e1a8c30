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
import type { ConnectionOptions, DeliveredFrame, ReconnectingConnection } from "../../mod.ts";
import { open as openFeed } from "../../mod.ts";
import { coinbaseMarket, presetOptions } from "../../src/venues/mod.ts";
import { Holes } from "./holes.ts";
import { sendWhileUp } from "./send_while_up.ts";

interface Level2Event {
  readonly type?: "snapshot" | "update";
  readonly product_id?: string;
  readonly updates?: readonly Readonly<Record<"side" | "price_level" | "new_quantity", string>>[];
}

interface Message {
  readonly type?: "error";
  readonly message?: string;
  readonly channel?: string;
  readonly sequence_num?: number;
  readonly events?: readonly Level2Event[];
}

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
  /** The venue refused something; the products that have no book yet are given up. */
  readonly onRefused?: (products: readonly string[], message: string) => void;
  readonly onHeartbeat?: () => void;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

/** Parses frames; says first when some are missing, by the transport's count or by the venue's. */
async function* decode(
  frames: ReadableStream<DeliveredFrame>,
): AsyncGenerator<Message | { readonly lost: string }> {
  const holes = new Holes();
  let expected: number | undefined;
  for await (const frame of frames) {
    const hole = holes.before(frame);
    if (hole !== undefined) {
      expected = hole === "session" ? 0 : undefined;
      yield { lost: hole };
    }
    if (frame.type !== "text") continue;
    const message = JSON.parse(frame.data) as Message;
    const { sequence_num } = message; // errors have none
    if (sequence_num !== undefined) {
      if (sequence_num !== (expected ?? sequence_num)) yield { lost: "sequence" };
      expected = sequence_num + 1;
    }
    yield message;
  }
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

  async function subscribe(product_ids: readonly string[]): Promise<string> {
    const jwt = await token?.();
    return JSON.stringify({ type: "subscribe", channel: "level2", product_ids, jwt });
  }
  const feed = open(url, {
    ...presetOptions(coinbaseMarket, options.connection),
    async onSession(session) {
      // Within 5 s of the open, so before anything that waits.
      await session.send('{"type":"subscribe","channel":"heartbeats"}');
      await session.send(await subscribe([...wanted]));
    },
  });
  async function lost(why: string): Promise<void> {
    books.clear();
    options.onResync?.(why);
    if (why === "session") return; // onSession has asked already
    const all = { type: "unsubscribe", channel: "level2", product_ids: [...wanted] };
    await sendWhileUp(feed, JSON.stringify(all));
    await sendWhileUp(feed, await subscribe([...wanted]));
  }
  function apply({ product_id = "", type, updates = [] }: Level2Event): void {
    if (type === "snapshot") books.set(product_id, new Map());
    const levels = books.get(product_id);
    if (levels === undefined) return; // an update before its snapshot
    for (const { side, price_level, new_quantity } of updates) {
      if (Number(new_quantity) === 0) levels.delete(`${side} ${price_level}`);
      else levels.set(`${side} ${price_level}`, new_quantity);
    }
    options.onBook?.(product_id, levels);
  }

  const done = feed.readable.pipeThrough(toTransformStream(decode)).pipeTo(
    new WritableStream({
      write(message) {
        if ("lost" in message) return void lost(message.lost).catch(feed.control.forceReconnect);
        if (message.type === "error") {
          const refused = [...wanted].filter((product) => !books.has(product));
          for (const product of refused) wanted.delete(product);
          options.onRefused?.(refused, message.message ?? "");
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
