// Orders equal the venue's after every loss; the breaker, the cooldowns and the three ways to end.
import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { orderStream, type OrderStreamOptions } from "../../examples/adapters/order_stream.ts";
import { BINANCE_TEST, type SimBinance, startSimBinance } from "../../examples/sim/binance.ts";
import { isTransportError, TransportError } from "../../mod.ts";
import { classifyBy } from "../../src/venues/mod.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

const rules = { ...BINANCE_TEST, ageMs: 60_000, inboundLimit: 50 };

/** The preset's cooldowns, a hundred times as short. */
const classify = classifyBy([
  { closeCodes: [1008], reasonHas: "too many", verdict: "transient", minDelayMs: 1_200 },
  { statuses: [418], verdict: "transient", minDelayMs: 1_000 },
]);

async function start(
  sim: SimBinance,
  connection: OrderStreamOptions["connection"] = {},
  haltAfterMs = 300,
) {
  const signal = new Signal();
  const breaker: [boolean, string][] = [];
  const reconciled: string[] = [];
  const gate: { wait?: Promise<void> } = {};
  const adapter = orderStream({
    url: `${sim.url}/ws-api/v3`,
    async openOrders() {
      await gate.wait;
      return await (await fetch(`${sim.httpUrl}/api/v3/openOrders`)).json();
    },
    signed: () => ({ apiKey: "K", signature: "S", timestamp: 0 }),
    open: await nativeOpen(),
    haltAfterMs,
    onOrder: () => signal.ring(),
    onReconciled(why) {
      reconciled.push(why);
      signal.ring();
    },
    onBreaker(closed, why) {
      breaker.push([closed, why]);
      signal.ring();
    },
    connection: { backoff: { minDelayMs: 10, maxDelayMs: 50 }, classify, ...connection },
  });
  /** Until every open order is known as the venue knows it, and no other. */
  const equal = () =>
    signal.until(() => {
      const ours = [...adapter.orders.values()]
        .filter(({ status }) => status === "NEW" || status === "PARTIALLY_FILLED")
        .map(({ orderId, executed }) => [orderId, executed]).sort();
      const theirs = sim.orders.open().map((
        { orderId, executedQty },
      ) => [orderId, Number(executedQty)]).sort();
      return JSON.stringify(ours) === JSON.stringify(theirs);
    });
  const end = async () => {
    await adapter.feed.control.shutdown();
    await adapter.done.catch(() => {});
    await sim.close();
  };
  return { ...adapter, signal, breaker, reconciled, gate, equal, end };
}

test("orderStream() equals the venue's orders after a cut and after an overflow", async () => {
  const sim = await startSimBinance({ rules });
  const { feed, signal, reconciled, gate, equal, end } = await start(sim, {
    buffer: { maxFrames: 20, overflow: "fail" },
  });
  try {
    await feed.ready;
    const first = sim.orders.place("BTCUSDT", 5);
    const second = sim.orders.place("ETHUSDT", 5);
    await equal();
    await signal.until(() => reconciled.length === 1);

    // Cut; while nobody listens one order fills up, one fills in part, one is new.
    sim.last.rst();
    sim.orders.fill(first.orderId, 5, { silent: true });
    sim.orders.fill(second.orderId, 2, { silent: true });
    sim.orders.place("SOLUSDT", 1, { silent: true });
    await signal.until(() => reconciled.includes("session 2"));
    await equal();

    // A reader that hangs in a reconcile while more comes than fits: a new session, and it reconciles.
    let release = () => {};
    gate.wait = new Promise((resolve) => release = resolve);
    sim.last.rst();
    await sim.record.next("userSubscribed");
    for (let n = 0; n < 60; n++) sim.orders.place("BTCUSDT", 1);
    await feed.lifecycle.waitFor(({ epoch, totalLagged }) => epoch === 4 && totalLagged > 0);
    release();
    await signal.until(() => reconciled.includes("session 4"));
    await equal();
    assertEquals(sim.orders.open().length, 62);
  } finally {
    await end();
  }
});

test("orderStream() subscribes anew when the venue ends the event stream", async () => {
  const sim = await startSimBinance({ rules });
  const { feed, equal, signal, reconciled, end } = await start(sim);
  try {
    await feed.ready;
    sim.orders.terminate();
    sim.orders.place("BTCUSDT", 1); // nobody is told
    await signal.until(() => reconciled.includes("session 2"));
    await equal();
    assertEquals(feed.lifecycle.value.epoch, 2);
  } finally {
    await end();
  }
});

test("orderStream() opens the breaker after its time, waits out 1008 and 418, and closes it again", async () => {
  const sim = await startSimBinance({ rules });
  const { feed, breaker, signal, end } = await start(sim);
  try {
    await feed.ready;
    await signal.until(() => breaker.length === 1);
    const closedMs = performance.now();
    sim.last.close(1008, "Too many requests");
    sim.nextHandshakes.push({ type: "httpReject", status: 418, retryAfterS: 1 });
    await sim.record.count("dial", 2);
    assertGreaterOrEqual(performance.now() - closedMs, 1_200);
    const [banned] = sim.record.all("refused");
    await sim.record.count("dial", 3);
    const [, , third] = sim.record.all("dial");
    assertGreaterOrEqual(third!.atMs - banned!.atMs, 1_000);
    await signal.until(() => breaker.length === 3);
    assertEquals(breaker, [
      [true, "connected"],
      [false, "down for 300 ms"],
      [true, "resumed"],
    ]);
    assertEquals(sim.record.all("dial").length, 3);
  } finally {
    await end();
  }
});

test("orderStream() is unrecoverable after three 401s and exhausted after maxAttempts", async () => {
  const refusing = await startSimBinance({ rules });
  refusing.handshakeFault = { type: "httpReject", status: 401 };
  // The end is to open the breaker, not the time that three dials take on a busy machine.
  const refused = await start(refusing, { permanentRetries: 2 }, 60_000);
  try {
    const error = await assertRejects(() => refused.done, TransportError);
    assert(isTransportError(error, "unrecoverable"));
    const { phase, attempts } = refused.feed.lifecycle.value;
    // Attempts, not connections: Node 24 and 26 answer a 401 with a second request of their own.
    assertEquals({ phase, attempts }, { phase: "unrecoverable", attempts: 3 });
    assertEquals(refused.breaker.at(-1), [false, "unrecoverable"]);
  } finally {
    await refused.end();
  }
  const resetting = await startSimBinance({ rules });
  resetting.handshakeFault = { type: "rst" };
  const exhausted = await start(resetting, { maxAttempts: 3 });
  try {
    const error = await assertRejects(() => exhausted.done, TransportError);
    assert(isTransportError(error, "exhausted"));
    const { exhausted: gaveUp, phase, attempts } = exhausted.feed.lifecycle.value;
    assertEquals({ gaveUp, phase, attempts }, { gaveUp: true, phase: "connecting", attempts: 3 });
  } finally {
    await exhausted.end();
  }
});

test("orderStream() ends cleanly on shutdown", async () => {
  const sim = await startSimBinance({ rules });
  const { feed, done, breaker, end } = await start(sim);
  try {
    await feed.ready;
    await feed.control.shutdown({ code: 4000, reason: "desk closes" });
    await done;
    assertEquals(feed.lifecycle.value.phase, "closed");
    assertEquals(breaker.at(-1), [false, "closed"]);
    await sim.record.count("end", 1);
    const [ended] = sim.record.all("end");
    assertEquals([ended?.value, ended?.detail], [4000, "desk closes"]);
  } finally {
    await end();
  }
});
