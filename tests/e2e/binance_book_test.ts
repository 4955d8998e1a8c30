// The book of the adapter is compared with the venue's at every single update, through every fault.
import { assert, assertEquals, assertGreater } from "@std/assert";
import { binanceBooks } from "../../examples/adapters/binance_book.ts";
import { BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import { depthBody } from "../../examples/sim/binance_frames.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

function sorted(side: ReadonlyMap<string, string>, best: 1 | -1): [string, string][] {
  return [...side].sort(([a], [b]) => best * (Number(b) - Number(a)));
}

test(
  "binanceBooks() equals the venue's book at every update, through gaps, cuts, lag and shutdown",
  {
    timeoutMs: 30_000,
  },
  async () => {
    const sim = await startSimBinance({ rules: { ...BINANCE_TEST, ageMs: 60_000 } });
    const signal = new Signal();
    const resyncs: string[] = [];
    let compared = 0;
    let gate: Promise<void> | undefined;
    const { feed, books, done } = binanceBooks({
      symbols,
      streamUrl: `${sim.url}/stream`,
      restUrl: sim.httpUrl,
      limit: 100,
      spacingMs: 100,
      open: await nativeOpen(),
      connection: {
        backoff: { minDelayMs: 10, maxDelayMs: 50 },
        buffer: { maxFrames: 64 },
      },
      async onBook(symbol, book) {
        const truth = depthBody(sim.book(symbol).at(book.id)!, 100);
        assertEquals({
          lastUpdateId: book.id,
          bids: sorted(book.bids, 1),
          asks: sorted(book.asks, -1),
        }, truth);
        compared++;
        signal.ring();
        await gate;
      },
      onResync(symbol, why) {
        resyncs.push(`${symbol} ${why}`);
        signal.ring();
      },
    });
    const caughtUp = () => [...books.values()].every(({ live }) => live);
    /** Until every book was right again, and wrong in between. */
    const healed = async (why: (resync: string) => boolean) => {
      await signal.until(() => resyncs.some(why));
      resyncs.length = 0;
      await signal.until(caughtUp);
    };
    try {
      await feed.ready;
      await healed((why) => why.includes("session 1"));

      sim.gap("ETHUSDT");
      await healed((why) => why.startsWith("ETHUSDT gap"));
      assertEquals(feed.lifecycle.value.epoch, 1);

      sim.last.rst();
      await healed((why) => why.includes("session 2"));

      let release = () => {};
      gate = new Promise((resolve) => release = resolve);
      const before = feed.lifecycle.value.totalLagged;
      await feed.lifecycle.waitFor(({ totalLagged }) => totalLagged > before + 100);
      gate = undefined;
      release();
      await healed((why) => why.includes("lag"));
      assertEquals(feed.lifecycle.value.epoch, 2);

      sim.nextSnapshotLags.push(400, 400);
      sim.last.rst();
      await healed((why) => why.includes("old snapshot"));
      assertEquals(feed.lifecycle.value.epoch, 3);

      sim.shutdown("rst");
      await healed((why) => why.includes("session 4"));

      // The boundary: the first diff after the snapshot begins exactly one above it.
      sim.pauseMarket();
      sim.last.rst();
      await sim.record.next("open");
      sim.step(); // the frame that shows the new epoch
      await healed((why) => why.includes("session 5"));
      const counted = compared;
      sim.step();
      await signal.until(() => compared >= counted + symbols.length);
      assertEquals(resyncs, []);
      for (const symbol of symbols) assertEquals(books.get(symbol)!.id, sim.book(symbol).state.id);

      assertGreater(compared, 100);
      assertEquals(feed.lifecycle.value.epoch, 5);
      assertEquals(sim.links.length, 5);
      assert(sim.weight.highest <= sim.rules.weightLimit, `REST weight ${sim.weight.highest}`);
      assertEquals(sim.record.all("tooMany"), []);
      const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded } = feed
        .stats();
      assertEquals(received + leafDropped, delivered + totalLagged + buffered + totalDiscarded);
    } finally {
      await feed.control.shutdown();
      await done;
      await sim.close();
    }
  },
);
