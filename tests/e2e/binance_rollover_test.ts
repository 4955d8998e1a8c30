// 300 streams across the venue's age limit: with one connection that renews, and with two that are spliced.
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { overlapping, renewing } from "../../examples/adapters/binance_rollover.ts";
import { Splice, type Spliced } from "../../examples/adapters/splice.ts";
import { BINANCE_TEST, type SimBinance, startSimBinance } from "../../examples/sim/binance.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

const symbols = Array.from({ length: 300 }, (_, at) => `S${at}USDT`);
const rules = {
  ...BINANCE_TEST,
  maxStreams: 1_024,
  depthEveryMs: 100,
  shutdownLeadMs: 300,
  history: 8,
};

/** Reads to the end and notes which symbols have holes. */
async function follow(readable: ReadableStream<Spliced>, signal: Signal) {
  const last = new Map<string, number>();
  const result = { holes: 0, twice: 0, diffs: 0, last };
  const reading = (async () => {
    for await (const { s, U, u } of readable) {
      const before = last.get(s);
      if (before !== undefined && U > before + 1) result.holes++;
      if (before !== undefined && U <= before) result.twice++;
      last.set(s, u);
      result.diffs++;
      signal.ring();
    }
  })();
  await signal.until(() => last.size === symbols.length);
  return { ...result, result, reading };
}

function assertNoRateBreach(sim: SimBinance): void {
  assertEquals(sim.record.all("tooMany"), []);
  assertEquals(sim.record.all("pongTimeout"), []);
  assertEquals(sim.record.all("aged"), []);
}

test("renewing() renews before the age limit and is down for one dial each time", async () => {
  const sim = await startSimBinance({ rules });
  const { feed, readable } = renewing({
    symbols,
    url: `${sim.url}/stream`,
    renewAfterMs: 1_000,
    open: await nativeOpen(),
    connection: { backoff: { minDelayMs: 10, maxDelayMs: 50 } },
  });
  const downs: number[] = [];
  const watching = (async () => {
    let since: number | undefined;
    for await (const { up, epoch, downSinceMs } of feed.lifecycle) {
      if (!up) since = downSinceMs;
      else if (since !== undefined && epoch > 1) downs.push(performance.now() - since);
      if (up) since = undefined;
    }
  })();
  const signal = new Signal();
  try {
    const { reading, result } = await follow(readable, signal);
    await feed.lifecycle.waitFor(({ epoch, up }) => up && epoch === 3);
    sim.shutdown("close"); // announced: the adapter goes first
    await feed.lifecycle.waitFor(({ epoch, up }) => up && epoch === 4);
    await signal.until(() => result.diffs > 1_500);
    await feed.control.shutdown();
    await reading;
    await watching;
    assertEquals(downs.length, 3);
    for (const ms of downs) assertLess(ms, 1_000);
    assertEquals(sim.record.all("end", ({ value }) => value === 1001), []);
    assertNoRateBreach(sim);
    assertEquals(sim.links.length, 4);
  } finally {
    await feed.control.shutdown();
    await sim.close();
  }
});

test("overlapping() loses nothing and repeats nothing over two renewals and a shutdown", {
  timeoutMs: 30_000,
}, async () => {
  const sim = await startSimBinance({ rules });
  const signal = new Signal();
  const gaps: string[] = [];
  let connections = 0;
  const roll = overlapping({
    symbols,
    url: `${sim.url}/stream`,
    renewAfterMs: 1_000,
    open: await nativeOpen(),
    connection: { backoff: { minDelayMs: 10, maxDelayMs: 50 } },
    onGap: (symbol) => gaps.push(symbol),
    onRollover(count) {
      connections = count;
      signal.ring();
    },
  });
  try {
    await roll.first;
    const { reading, result } = await follow(roll.readable, signal);
    await signal.until(() => connections >= 3 && sim.links.length >= 3 && sim.open.length === 1);
    sim.shutdown("close", sim.open);
    const links = sim.links.length;
    await signal.until(() => sim.links.length > links && sim.open.length === 1);
    // To the end of the book: what the venue has is what came out.
    sim.pauseMarket();
    await signal.until(() => [...result.last].every(([s, u]) => sim.book(s).state.id === u));
    await roll.close();
    await reading;
    assertEquals([result.holes, result.twice, gaps], [0, 0, []]);
    assertGreater(result.diffs, symbols.length * 10); // no holes in nothing would prove nothing
    assertNoRateBreach(sim);
  } finally {
    await roll.close();
    await sim.close();
  }
});

test("Splice puts two connections in order, whichever is ahead", () => {
  const gaps: string[] = [];
  const splice = new Splice((symbol) => gaps.push(symbol));
  const diff = (U: number, u: number): Spliced => ({ e: "depthUpdate", s: "A", U, u });
  const take = (U: number, u: number, alone = false) =>
    splice.take(diff(U, u), alone).map((next) => [next.U, next.u]);
  assertEquals(take(1, 3), [[1, 3]]);
  assertEquals(take(6, 9), []); // the new connection is ahead
  assertEquals(splice.settled, false);
  assertEquals(take(4, 5), [[4, 5], [6, 9]]); // the old one closes the hole
  assertEquals(splice.settled, true);
  assertEquals(take(4, 5), []); // a repetition
  assertEquals(take(6, 9), []);
  assertEquals(take(12, 12, true), [[12, 12]]); // nobody is left who could bring 10 and 11
  assertEquals(gaps, ["A"]);
});
