// The last connection stays until the next one is there, however long that takes.
import { assertEquals } from "@std/assert";
import { overlapping } from "../../examples/adapters/binance_rollover.ts";
import { BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

test("overlapping() keeps the last connection while the next one cannot open", async () => {
  const sim = await startSimBinance({
    rules: { ...BINANCE_TEST, ageMs: 60_000, connectLimit: 100 },
  });
  const signal = new Signal();
  const gaps: string[] = [];
  let [diffs, connections] = [0, 0];
  const roll = overlapping({
    symbols: ["BTCUSDT"],
    url: `${sim.url}/stream`,
    renewAfterMs: 500,
    overlapMs: 50,
    open: await nativeOpen(),
    connection: { connectTimeoutMs: 100, backoff: { minDelayMs: 10, maxDelayMs: 50 } },
    onGap: (symbol) => gaps.push(symbol),
    onRollover(count) {
      connections = count;
      signal.ring();
    },
  });
  const reading = (async () => {
    for await (const _ of roll.readable) {
      diffs++;
      signal.ring();
    }
  })();
  try {
    await roll.first;
    sim.handshakeFault = { type: "hangHandshake" };
    await signal.until(() => connections === 2);
    // A diff every 5 ms: 40 of them are four times as long as the overlap.
    const from = diffs;
    const ended = sim.record.next("end").then(() => "the last connection ended");
    const flowed = signal.until(() => diffs >= from + 40).then(() => "flows");
    assertEquals(await Promise.race([ended, flowed]), "flows");
    sim.handshakeFault = undefined;
    await ended; // the next one is there, and relieves it
    assertEquals(gaps, []);
  } finally {
    await roll.close();
    await reading;
    await sim.close();
  }
});
