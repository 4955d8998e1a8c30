/**
 * The adapter that docs/guide.md builds: prices of some symbols from a venue whose grammar is made up.
 *
 * ```sh
 * deno run -A examples/guide/tickers.ts wss://venue.example/prices BTC ETH
 * ```
 *
 * @module
 */
import process from "node:process";
import {
  type ConnectionOptions,
  type DeliveredFrame,
  open,
  type ReconnectingConnection,
  sendRateLimit,
  type SessionStart,
  TransportError,
} from "../../mod.ts";

/** What the adapter tells. */
export type Update =
  /** A price. */
  | { readonly type: "price"; readonly symbol: string; readonly price: number }
  /** Between the update before and the next one something may be missing, and why. */
  | { readonly type: "gap"; readonly why: "new session" | "reader too slow" };

/** Reads a frame of the venue; `undefined` is none that is about prices. */
export function parse(frame: DeliveredFrame): Update | undefined {
  if (frame.type !== "text") return undefined;
  const { symbol, price } = JSON.parse(frame.data) as { symbol?: string; price?: number };
  if (symbol === undefined || price === undefined) return undefined;
  return { type: "price", symbol, price };
}

/** Subscribes, and waits until the venue says that it has. */
export function subscribing(symbols: readonly string[]): (session: SessionStart) => Promise<void> {
  return async (session) => {
    // Not just any `op`: the answer to a probe may come first.
    const answered = session.next(({ data }) => /^\{"op":"(subscribed|refused)"/.test(`${data}`));
    await session.send(JSON.stringify({ op: "subscribe", symbols }));
    const { data } = await answered;
    const { op } = JSON.parse(`${data}`) as { op: string };
    // Trying again would not help: permanent, after `permanentRetries` more tries.
    if (op === "refused") throw new TransportError("auth_rejected", "The venue refuses us");
  };
}

/** Prices as they come, and where some may be missing. */
export class Tickers implements AsyncIterable<Update> {
  /** The connection below: its lifecycle, its counts, its end. */
  readonly feed: ReconnectingConnection;

  /** Connects. `options` win over those of the adapter. */
  constructor(url: string, symbols: readonly string[], options: ConnectionOptions = {}) {
    this.feed = open(url, {
      onSession: subscribing(symbols),
      sendRateLimit: sendRateLimit({ limit: 5, windowMs: 1_000, slackMs: 200 }),
      liveness: {
        staleAfterMs: 10_000,
        deadAfterMs: 20_000,
        probe: { afterMs: 5_000, frame: '{"op":"ping"}' },
      },
      ...options,
    });
  }

  /** Reads until the feed ends. Leaving the loop shuts it down. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Update> {
    let [epoch, seq] = [0, 0];
    for await (const frame of this.feed) {
      if (epoch !== 0 && frame.epoch !== epoch) yield { type: "gap", why: "new session" };
      else if (frame.seq !== seq + 1) yield { type: "gap", why: "reader too slow" };
      ({ epoch, seq } = frame);
      const update = parse(frame);
      if (update !== undefined) yield update;
    }
  }

  /** For how long there has been nothing to rely on, in milliseconds; 0 while the feed is up. To be asked before each act on a price. */
  darkForMs(nowMs: number = performance.now()): number {
    const { downSinceMs } = this.feed.lifecycle.value;
    return downSinceMs === undefined ? 0 : nowMs - downSinceMs;
  }
}

if (import.meta.main) {
  const [url = "", ...symbols] = process.argv.slice(2);
  const tickers = new Tickers(url, symbols);
  process.once("SIGINT", () => void tickers.feed.control.shutdown());
  for await (const update of tickers) console.log(update, tickers.darkForMs());
}
