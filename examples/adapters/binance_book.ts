/**
 * Order books of Binance spot: diffs from the stream, a snapshot over REST, and a new snapshot after every gap.
 *
 * The transport says where frames are missing: a hole in `seq` (the buffer dropped some) or a new `epoch` (a new session). The venue says it
 * in its own way: `U` is not the last `u` plus one. Either way only a new snapshot helps, and snapshots cost weight, so they are fetched
 * one at a time. Stream names are part of the url: a reconnect sends nothing.
 *
 * ```sh
 * deno run -A examples/adapters/binance_book.ts BTCUSDT ETHUSDT
 * ```
 *
 * @module
 */
import process from "node:process";
import type { ConnectionOptions, DeliveredFrame, ReconnectingConnection } from "../../mod.ts";
import { open as openFeed } from "../../mod.ts";
import { binanceStreams, presetOptions } from "../../src/venues/mod.ts";
import { DepthBook, type DepthDiff } from "./depth_book.ts";
import { Holes } from "./holes.ts";

type Input = { readonly lost: string } | { readonly depth: DepthDiff } | {
  readonly shutdown: number;
};

/** Frames to inputs; says first when frames are missing. */
function decode(): TransformStream<DeliveredFrame, Input> {
  const holes = new Holes();
  return new TransformStream({
    transform(frame, controller) {
      const hole = holes.before(frame);
      if (hole !== undefined) controller.enqueue({ lost: `${hole} ${frame.epoch}` });
      if (frame.type !== "text") return;
      const { data } = JSON.parse(frame.data) as { data?: DepthDiff & { e: string } };
      if (data?.e === "depthUpdate") controller.enqueue({ depth: data });
      else if (data?.e === "serverShutdown") controller.enqueue({ shutdown: frame.epoch });
    },
  });
}

/** What {@link binanceBooks} takes. */
export interface BinanceBooksOptions {
  readonly symbols: readonly string[];
  readonly streamUrl?: string;
  readonly restUrl?: string;
  /** Levels of a snapshot: 100 cost 5 of the weight of 6,000 per minute, 1,000 cost 50. @default {1_000} */
  readonly limit?: number;
  /** Least time between two snapshots. @default {1_000} */
  readonly spacingMs?: number;
  /** A book changed; the next diff waits for the promise. */
  readonly onBook?: (symbol: string, book: DepthBook) => void | Promise<void>;
  /** A book is not right any more, and why. */
  readonly onResync?: (symbol: string, why: string) => void;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

/** Follows the books until the feed ends. */
export function binanceBooks(options: BinanceBooksOptions): {
  readonly feed: ReconnectingConnection;
  readonly books: ReadonlyMap<string, DepthBook>;
  readonly done: Promise<void>;
} {
  const { symbols, streamUrl = binanceStreams.urls[0]!.value, spacingMs = 1_000 } = options;
  const { restUrl = "https://api.binance.com", limit = 1_000, open = openFeed } = options;
  const streams = symbols.map((symbol) => `${symbol.toLowerCase()}@depth@100ms`).join("/");
  const feed = open(`${streamUrl}?streams=${streams}`, {
    ...presetOptions(binanceStreams, options.connection),
  });
  const books = new Map(symbols.map((symbol) => [symbol, new DepthBook()] as const));
  const wanted = new Set<string>();
  const stop = new AbortController();
  let fetching = false;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      if (stop.signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      stop.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  async function fetchWanted(): Promise<void> {
    if (fetching) return;
    fetching = true;
    for (let symbol = first(wanted); symbol && !stop.signal.aborted; symbol = first(wanted)) {
      wanted.delete(symbol);
      const address = `${restUrl}/api/v3/depth?symbol=${symbol}&limit=${limit}`;
      const answer = await fetch(address, { signal: stop.signal }).catch(() => undefined);
      const body = await answer?.json().catch(() => undefined);
      // Lost again meanwhile: this answer may be older than the next book.
      if (!answer?.ok || body === undefined || wanted.has(symbol)) {
        wanted.add(symbol);
        // Seconds; from a proxy in between it may be a date, which is none.
        const retryAfterS = Number(answer?.headers.get("retry-after")) || 0;
        await pause(Math.max(spacingMs, retryAfterS * 1_000));
        continue;
      }
      const book = books.get(symbol)!;
      if (book.snapshot(body.lastUpdateId, body.bids, body.asks)) resync(symbol, "old snapshot");
      else await options.onBook?.(symbol, book);
      await pause(spacingMs);
    }
    fetching = false;
  }
  function resync(symbol: string, why: string): void {
    options.onResync?.(symbol, why);
    wanted.add(symbol);
    void fetchWanted().catch((error) => stop.abort(error)); // onBook threw: done says so
  }

  const done = feed.readable.pipeThrough(decode()).pipeTo(
    new WritableStream<Input>({
      async write(input) {
        if ("shutdown" in input) {
          // Read late, it may be about a session that is over.
          if (input.shutdown === feed.lifecycle.value.epoch) feed.control.forceReconnect();
        } else if ("lost" in input) {
          for (const [symbol, book] of books) {
            book.invalidate();
            resync(symbol, input.lost);
          }
        } else {
          const book = books.get(input.depth.s);
          if (book?.diff(input.depth)) resync(input.depth.s, `gap before ${input.depth.U}`);
          else if (book?.live) await options.onBook?.(input.depth.s, book);
        }
      },
    }),
    { signal: stop.signal },
  ).finally(() => stop.abort());
  return { feed, books, done };
}

function first(set: ReadonlySet<string>): string | undefined {
  return set.values().next().value;
}

if (import.meta.main) {
  const { done } = binanceBooks({
    symbols: process.argv.slice(2),
    onBook: (symbol, { id, bids, asks }) => console.log(symbol, id, bids.size, asks.size),
    onResync: (symbol, why) => console.error(symbol, why),
  });
  await done;
}
