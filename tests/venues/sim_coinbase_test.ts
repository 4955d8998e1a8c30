// SimCoinbase keeps the venue's rules.
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { COINBASE_TEST, simJwt, startSimCoinbase } from "../../examples/sim/coinbase.ts";
import { test } from "../support/harness.ts";
import { frame, OPCODE } from "../support/raw_server.ts";
import { openingRequest, RawClient } from "../support/raw/client.ts";
import { Talk } from "./talk.ts";

const portOf = (url: string): number => Number(new URL(url).port);

const level2 = (product: string, jwt?: string) =>
  JSON.stringify({ type: "subscribe", channel: "level2", product_ids: [product], jwt });

test("SimCoinbase closes who does not subscribe in time, and who has nothing to hear", async () => {
  const sim = await startSimCoinbase({
    rules: { ...COINBASE_TEST, subscribeWithinMs: 100, idleCloseMs: 100, messageLimit: 100 },
  });
  sim.pauseMarket();
  const talk = await Talk.with(sim.url);
  try {
    await sim.record.count("noSubscribe", 1);
    await talk.feed.lifecycle.waitFor(({ up, epoch }) => up && epoch === 2);
    await talk.say(level2("BTC-USD"));
    await sim.record.count("idleClose", 1);
    const { atMs, connection } = sim.record.all("idleClose")[0]!;
    const [open] = sim.record.all("open", (event) => event.connection === connection);
    assertGreaterOrEqual(atMs - open!.atMs, 95);
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimCoinbase takes a token once and in its time, and wants one for the user channel", async () => {
  const sim = await startSimCoinbase({ rules: { ...COINBASE_TEST, levels: 4, messageLimit: 100 } });
  const talk = await Talk.with(sim.url);
  const refused = async (text: string) => {
    await talk.say(text);
    await talk.hearPart("authentication failure");
  };
  try {
    const good = simJwt(sim.wallNow() + 1_000, "one");
    await talk.say(level2("A", good));
    await talk.hearPart("snapshot");
    await refused(level2("B", good));
    await refused(level2("B", simJwt(sim.wallNow() - 1, "old")));
    await refused(level2("B", simJwt(sim.wallNow() + 60_000, "too long")));
    await refused(level2("B", "no token"));
    await refused('{"type":"subscribe","channel":"user","product_ids":["A"]}');
    sim.clockSkewMs = 60_000;
    await refused(level2("B", simJwt(Date.now() + 1_000, "slow clock")));
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimCoinbase refuses products over the cap as a whole, and gives no second snapshot", async () => {
  for (const closesOverCap of [false, true]) {
    const rules = { ...COINBASE_TEST, levels: 4, productCap: 2, messageLimit: 100, closesOverCap };
    const sim = await startSimCoinbase({ rules });
    sim.pauseMarket();
    const talk = await Talk.with(sim.url);
    try {
      await talk.say(level2("A"), level2("A"));
      const heard: { channel: string; sequence_num: number }[] = [];
      await talk.hear((text) => heard.push(JSON.parse(text)) === 3);
      assertEquals(heard.map(({ channel }) => channel), [
        "l2_data",
        "subscriptions",
        "subscriptions",
      ]);
      assertEquals(heard.map(({ sequence_num }) => sequence_num), [0, 1, 2]);
      const ended = closesOverCap ? sim.record.next("end") : undefined;
      const { topics } = sim.last;
      await talk.say('{"type":"subscribe","channel":"level2","product_ids":["B","C"]}');
      await talk.hearPart("too many L2 streams");
      assertEquals([...topics], ["level2 A"]);
      await ended;
    } finally {
      await talk.end();
      await sim.close();
    }
  }
});

test("SimCoinbase counts per product when told so, ignores products, limits messages and dials", async () => {
  const sim = await startSimCoinbase({
    rules: {
      ...COINBASE_TEST,
      levels: 4,
      sequencePerProduct: true,
      messageLimit: 4,
      messageWindowMs: 60_000,
      dialLimit: 1,
      dialWindowMs: 60_000,
    },
  });
  sim.pauseMarket();
  sim.ignoredProducts.add("C");
  const talk = await Talk.with(sim.url);
  try {
    await talk.say(level2("A"), level2("B"), level2("C"));
    const snapshots = [await talk.hearPart("snapshot"), await talk.hearPart("snapshot")];
    assertEquals(snapshots.map((text) => JSON.parse(text).sequence_num), [0, 0]);
    await talk.say(level2("A"), level2("A"));
    await talk.hearPart("rate limit exceeded");
    assertEquals([...sim.last.topics], ["level2 A", "level2 B"]);
    const refused = sim.record.next("refused");
    sim.restart();
    assertEquals((await refused).value, 429);
    assertEquals(talk.feed.lifecycle.value.error?.end?.code, 1001);
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimCoinbase cuts a consumer that does not read", async () => {
  const rules = { ...COINBASE_TEST, levels: 45_177, unreadLimitBytes: 1_048_576 };
  const sim = await startSimCoinbase({ rules });
  const client = await RawClient.open(portOf(sim.url));
  try {
    client.send(openingRequest("/"));
    await client.bytes((all) => all.length > 100);
    const ended = sim.record.next("end");
    client.send(frame(OPCODE.text, level2("BTC-USD"), { mask: true }));
    await ended; // the snapshot alone is more than the client has read when it is written
    assertEquals(sim.record.all("slowConsumer").length, 1);
  } finally {
    await client.close();
    await sim.close();
  }
});
