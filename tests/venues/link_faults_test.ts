// Every scripted fault does to a connection what its name says.
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import type { HandshakeFault } from "../../examples/sim/sim.ts";
import { test } from "../support/harness.ts";
import { Talk } from "./talk.ts";

/** A simulator whose market stands still, with one conversation. */
async function withTalk(
  use: (talk: Talk, sim: Awaited<ReturnType<typeof startSimBinance>>) => Promise<void>,
  faults: readonly HandshakeFault[] = [],
): Promise<void> {
  const sim = await startSimBinance({ rules: { ...BINANCE_TEST, pingEveryMs: 10_000 } });
  sim.pauseMarket();
  sim.nextHandshakes.push(...faults);
  const talk = await Talk.with(`${sim.url}/ws/a`, { connectTimeoutMs: 1_500, classify });
  try {
    await use(talk, sim);
  } finally {
    await talk.end();
    await sim.close();
  }
}

function classify(): { verdict: "transient" } {
  return { verdict: "transient" };
}

test("httpReject, hangHandshake, rst and fin each cost one dial, and delayOpen only time", async () => {
  const faults: HandshakeFault[] = [
    { type: "httpReject", status: 503 },
    { type: "hangHandshake" },
    { type: "rst" },
    { type: "fin" },
    { type: "delayOpen", ms: 50 },
  ];
  await withTalk(async ({ feed }, sim) => {
    await feed.ready;
    assertEquals([feed.lifecycle.value.attempts, feed.lifecycle.value.epoch], [5, 1]);
    const [opened] = sim.record.all("open");
    const delayed = sim.record.all("dial").at(-1);
    assertGreaterOrEqual(opened!.atMs - delayed!.atMs, 45);
    assertEquals(sim.record.all("refused").map(({ value }) => value), [503]);
  }, faults);
});

test("freezeTopic, freezeAll, dropNext, duplicateNext and reorderNext act on messages of topics", async () => {
  await withTalk(async (talk, sim) => {
    await talk.feed.ready;
    const { faults } = sim.last;
    const say = (topic: string, ...texts: string[]) =>
      texts.map((text) => sim.last.send(topic, text));
    faults.frozenTopics.add("cold");
    assertEquals(say("cold", "1"), [false]);
    faults.freezeAll = true;
    assertEquals(say("warm", "2"), [false]);
    faults.freezeAll = false;
    faults.dropNext = 1;
    assertEquals(say("warm", "3", "4"), [false, true]);
    faults.duplicateNext = 1;
    say("warm", "5");
    faults.reorderNext = 1;
    say("warm", "6", "7", "8");
    const heard = [];
    while (heard.at(-1) !== "8") heard.push(await talk.hear(() => true));
    assertEquals(heard, ["4", "5", "5", "7", "6", "8"]);
  });
});

test("fragments, latency and jitter change how a message comes, not what it says", async () => {
  await withTalk(async (talk, sim) => {
    await talk.feed.ready;
    const { faults } = sim.last;
    faults.fragments = 3;
    faults.latencyMs = 20;
    faults.jitterMs = 20;
    const fromMs = performance.now();
    for (let n = 0; n < 10; n++) sim.last.send("a", `message ${n}`);
    for (let n = 0; n < 10; n++) assertEquals(await talk.hear(() => true), `message ${n}`);
    assertGreaterOrEqual(performance.now() - fromMs, 19);
  });
});

test("oversize and burst arrive whole", async () => {
  await withTalk(async (talk, sim) => {
    await talk.feed.ready;
    sim.last.oversize(2);
    assertEquals((await talk.hear(() => true)).length, 2 * 1_048_576);
    await sim.last.burst(500, 100);
    const last = await talk.hearPart('"burst":499');
    assertEquals(last.length, 100);
    assertEquals(talk.feed.stats().received, 501);
  });
});

for (const fault of ["rst", "fin", "invalidUtf8"] as const) {
  test(`${fault} ends the session, and the next one comes`, async () => {
    await withTalk(async ({ feed }, sim) => {
      await feed.ready;
      sim.last[fault]();
      await feed.lifecycle.waitFor(({ epoch, up }) => up && epoch === 2);
    });
  });
}

test("close says its code and reason", async () => {
  await withTalk(async ({ feed }, sim) => {
    await feed.ready;
    sim.last.close(4321, "because");
    const { error } = await feed.lifecycle.waitFor(({ up }) => !up);
    assertEquals([error?.end?.code, error?.end?.reason], [4321, "because"]);
  });
});

test("halfOpen and ignoreClose leave the client's close without an answer, and shutdown is bounded", async () => {
  for (const fault of ["halfOpen", "ignoreClose"] as const) {
    await withTalk(async ({ feed }, sim) => {
      await feed.ready;
      sim.last[fault]();
      const fromMs = performance.now();
      await feed.control.shutdown({ timeoutMs: 100 });
      assertGreaterOrEqual(performance.now() - fromMs, 95);
    });
  }
});
