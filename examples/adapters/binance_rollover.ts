/**
 * Many Binance streams across the venue's age limit of 24 h, both ways.
 *
 * `renewing` is break-before-make: one connection that renews itself in time, or when the venue announces a shutdown. It is down for one
 * dial, and what the venue sent meanwhile is lost. `overlapping` is make-before-break: the next connection opens while the last one still
 * delivers, and both are spliced by the venue's own sequence, so that nothing is lost and nothing comes twice.
 *
 * ```sh
 * deno run -A examples/adapters/binance_rollover.ts BTCUSDT ETHUSDT
 * ```
 *
 * @module
 */
import process from "node:process";
import {
  attemptBudget,
  type ConnectionOptions,
  type DeliveredFrame,
  open as openFeed,
  type ReconnectingConnection,
} from "../../mod.ts";
import { binanceStreams, presetOptions } from "../../src/venues/mod.ts";
import { Splice, type Spliced } from "./splice.ts";

/** What both ways take. */
export interface RolloverOptions {
  readonly symbols: readonly string[];
  readonly url?: string;
  /** When to renew, up to a tenth earlier. @default {23.5 h} */
  readonly renewAfterMs?: number;
  /** How long the last connection may wait, once the next is up, for symbols that do not move. @default {30_000} */
  readonly overlapMs?: number;
  readonly connection?: ConnectionOptions;
  readonly open?: typeof openFeed;
}

function address({ symbols, url = binanceStreams.urls[0]!.value }: RolloverOptions): string {
  return `${url}?streams=${symbols.map((name) => `${name.toLowerCase()}@depth@100ms`).join("/")}`;
}

function parse(frame: DeliveredFrame): Spliced | undefined {
  return frame.type === "text" ? (JSON.parse(frame.data) as { data?: Spliced }).data : undefined;
}

/** Break-before-make. */
export function renewing(options: RolloverOptions): {
  readonly feed: ReconnectingConnection;
  readonly readable: ReadableStream<Spliced>;
} {
  const { renewAfterMs, connection, open = openFeed } = options;
  const changes = renewAfterMs === undefined ? {} : { renewAfterMs };
  const feed = open(
    address(options),
    presetOptions(binanceStreams, { ...connection, ...changes }),
  );
  const readable = feed.readable.pipeThrough(
    new TransformStream<DeliveredFrame, Spliced>({
      transform(frame, controller) {
        const data = parse(frame);
        if (data?.e === "depthUpdate") controller.enqueue(data);
        else if (data?.e === "serverShutdown" && frame.epoch === feed.lifecycle.value.epoch) {
          feed.control.forceReconnect();
        }
      },
    }),
  );
  return { feed, readable };
}

/** Make-before-break. */
export function overlapping(
  options: RolloverOptions & {
    readonly onGap?: (symbol: string) => void;
    readonly onRollover?: (connections: number) => void;
  },
): {
  readonly readable: ReadableStream<Spliced>;
  readonly first: Promise<void>;
  close(): Promise<void>;
} {
  const { renewAfterMs = 84_600_000, overlapMs = 30_000, open = openFeed } = options;
  const budget = attemptBudget(binanceStreams.attemptBudget.value); // per address: for all of them
  const hub = new TransformStream<Spliced, Spliced>();
  const writer = hub.writable.getWriter();
  const splice = new Splice((symbol) => options.onGap?.(symbol));
  const live = new Set<ReconnectingConnection>();
  const carriers: Promise<void>[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let made = 0;
  let closing = false;

  function next(): ReconnectingConnection {
    clearTimeout(timer);
    const { renewAfterMs: _, ...preset } = presetOptions(binanceStreams, options.connection);
    const feed = open(address(options), { ...preset, attemptBudget: budget });
    const old = [...live];
    live.add(feed);
    options.onRollover?.(++made);
    carriers.push(carry(feed, old).catch((error) => (clearTimeout(timer), writer.abort(error))));
    timer = setTimeout(next, renewAfterMs * (0.9 + Math.random() / 10));
    return feed;
  }
  async function carry(feed: ReconnectingConnection, old: ReconnectingConnection[]): Promise<void> {
    const unseen = new Set(options.symbols);
    const retire = () => old.splice(0).forEach((one) => (live.delete(one), one.control.shutdown()));
    let bound: ReturnType<typeof setTimeout> | undefined;
    // Not before this one is up: until then the last connection is the only one.
    if (old.length > 0) void feed.ready.then(() => bound = setTimeout(retire, overlapMs), () => {});
    for await (const frame of feed) {
      const depth = parse(frame);
      // Only the newest rolls over: the others are on their way out.
      if (depth?.e === "serverShutdown" && [...live].at(-1) === feed && !closing) next();
      if (depth?.e !== "depthUpdate") continue;
      // All at once: the other connection must not write in between.
      await Promise.all(splice.take(depth, live.size === 1).map((diff) => writer.write(diff)));
      unseen.delete(depth.s);
      if (unseen.size === 0 && splice.settled) retire();
    }
    clearTimeout(bound);
    live.delete(feed);
  }
  const first = next().ready;
  return {
    readable: hub.readable,
    first,
    async close() {
      closing = true;
      clearTimeout(timer);
      await Promise.all([...live].map((feed) => feed.control.shutdown()));
      await Promise.all(carriers);
      await writer.close().catch(() => {}); // already ended by whoever read it
    },
  };
}

if (import.meta.main) {
  const { readable } = overlapping({ symbols: process.argv.slice(2), onGap: console.error });
  for await (const { s, U, u } of readable) console.log(s, U, u);
}
