// A token per subscribe, a refused product beside flowing ones, gaps, and a snapshot of full size.
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { coinbaseLevel2 } from "../../examples/adapters/coinbase_level2.ts";
import {
  COINBASE_TEST,
  type SimCoinbase,
  simJwt,
  startSimCoinbase,
} from "../../examples/sim/coinbase.ts";
import { sendRateLimit } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

function assertBookEquals(sim: SimCoinbase, product: string, levels: ReadonlyMap<string, string>) {
  const byKey = (book: ReadonlyMap<string, string>) => [...book].sort(([a], [b]) => a < b ? -1 : 1);
  assertEquals(byKey(levels), byKey(sim.book(product).levels));
}

/** The tokens of the level2 subscribes that arrived, in order. */
function tokens(sim: SimCoinbase): string[] {
  return sim.record.all(
    "in",
    ({ detail = "" }) => detail.includes('"subscribe"') && detail.includes("level2"),
  )
    .map(({ detail = "" }) => JSON.parse(detail).jwt);
}

test("coinbaseLevel2() mints a token per subscribe and needs no reconnect when it expires", async () => {
  // Long enough for a busy machine to subscribe within, short enough to wait for its end.
  const sim = await startSimCoinbase({ rules: { ...COINBASE_TEST, jwtTtlMs: 2_000 } });
  const signal = new Signal();
  const resyncs: string[] = [];
  const refused: [readonly string[], string][] = [];
  let [minted, heartbeats] = [0, 0];
  const { feed, books, add, done } = coinbaseLevel2({
    url: sim.url,
    products: ["BTC-USD", "ETH-USD", "SOL-USD"],
    token: () => simJwt(Date.now() + 1_900, `token ${++minted}`),
    open: await nativeOpen(),
    // The simulator counts messages in a tenth of a second, so the limit is ten times as fast, too.
    connection: {
      backoff: { minDelayMs: 10, maxDelayMs: 50 },
      sendRateLimit: sendRateLimit({ limit: 2, windowMs: 50 }),
    },
    onBook: () => signal.ring(),
    onHeartbeat() {
      heartbeats++;
      signal.ring();
    },
    onResync(why) {
      resyncs.push(why);
      signal.ring();
    },
    onRefused(products, message) {
      refused.push([products, message]);
      signal.ring();
    },
  });
  const complete = () => signal.until(() => books.size === 3);
  const compare = async () => {
    await complete();
    sim.pauseMarket();
    await signal.until(() => {
      try {
        for (const [product, levels] of books) assertBookEquals(sim, product, levels);
        return true;
      } catch {
        return false; // updates are still on their way; the heartbeats go on and ask again
      }
    });
    sim.resumeMarket();
  };
  try {
    await feed.ready;
    await compare();
    assertEquals([minted, resyncs], [1, ["session"]]);

    // Past the token's life, by heartbeats of 20 ms: the same session, the same token.
    const from = heartbeats;
    await signal.until(() => heartbeats >= from + 110);
    assertEquals([minted, feed.lifecycle.value.epoch, sim.links.length], [1, 1, 1]);
    assertEquals(sim.record.all("authFailure"), []);

    // The fourth product is refused as a whole, and the three go on.
    await add("XRP-USD");
    await signal.until(() => refused.length > 0);
    assertEquals(refused, [[["XRP-USD"], "too many L2 streams requested in a single session"]]);
    await compare();
    assertEquals([minted, feed.lifecycle.value.epoch], [2, 1]);

    // A lost message: unsubscribe, subscribe with a new token, new snapshots; the same session.
    sim.last.faults.dropNext = 1;
    await signal.until(() => resyncs.includes("sequence"));
    await compare();
    assertEquals([minted, feed.lifecycle.value.epoch], [3, 1]);

    // A restart: a new session with a new token, and the refused product is not asked for again.
    sim.restart();
    await signal.until(() => resyncs.filter((why) => why === "session").length === 2);
    await compare();
    assertEquals([minted, feed.lifecycle.value.epoch, refused.length], [4, 2, 1]);
    assertEquals(new Set(tokens(sim)).size, 4);

    for (
      const { value = Infinity } of sim.record.all(
        "subscribe",
        ({ detail }) => detail === "heartbeats",
      )
    ) {
      assertLess(value, sim.rules.subscribeWithinMs);
    }
    assertEquals([...sim.record.all("noSubscribe"), ...sim.record.all("tooMany")], []);
  } finally {
    await feed.control.shutdown();
    await done;
    await sim.close();
  }
});

test("coinbaseLevel2() keeps a snapshot of full size within the preset's buffer", async () => {
  const sim = await startSimCoinbase({ rules: { ...COINBASE_TEST, levels: 45_177 } });
  const signal = new Signal();
  const { feed, books, done } = coinbaseLevel2({
    url: sim.url,
    products: ["BTC-USD", "ETH-USD"],
    open: await nativeOpen(),
    onBook: () => signal.ring(),
  });
  try {
    await signal.until(() => books.size === 2);
    const [size = 0] = [...books.values()].map((levels) => levels.size);
    assertGreater(size, 44_000);
    const { totalLagged, epoch } = feed.lifecycle.value;
    assertEquals({ totalLagged, epoch }, { totalLagged: 0, epoch: 1 });
    assert(sim.last.sent >= 3);
  } finally {
    await feed.control.shutdown();
    await done;
    await sim.close();
  }
});
