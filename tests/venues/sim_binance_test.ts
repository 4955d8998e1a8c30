// SimBinance keeps the venue's rules: each limit is met from both sides.
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  BINANCE_REAL,
  BINANCE_TEST,
  type SimBinance,
  startSimBinance,
} from "../../examples/sim/binance.ts";
import { scaledRules } from "../../examples/sim/sim.ts";
import { test } from "../support/harness.ts";
import { frame, OPCODE } from "../support/raw_server.ts";
import { openingRequest, RawClient } from "../support/raw/client.ts";
import { Talk } from "./talk.ts";

const portOf = (url: string): number => Number(new URL(url).port);

test("scaledRules() makes durations shorter and nothing else, and single rules win", () => {
  const rules = scaledRules(BINANCE_REAL, { scale: 0.01, rules: { ageMs: 7 } });
  assertEquals([rules.pingEveryMs, rules.pongTimeoutMs, rules.ageMs], [200, 600, 7]);
  assertEquals(rules.inboundLimit, 5);
});

test("SimBinance closes with 1008 who answers no ping, or with another payload", async () => {
  const rules = { ...BINANCE_TEST, pingEveryMs: 20, pongTimeoutMs: 60, inboundLimit: 1_000 };
  const sim = await startSimBinance({ rules });
  const client = await RawClient.open(portOf(sim.url));
  try {
    client.send(openingRequest("/ws/a"));
    await client.bytes((all) => all.length > 100);
    client.send(frame(OPCODE.pong, "another payload", { mask: true }));
    await sim.record.count("pongTimeout", 1);
    assertEquals(sim.record.all("pong"), []);
    assertEquals(sim.record.all("in").length, 1);
  } finally {
    await client.close();
    await sim.close();
  }
});

/** Says one message more than the limit, and sees the close. */
async function breach(sim: SimBinance, talk: Talk): Promise<void> {
  const list = (id: number) => `{"method":"LIST_SUBSCRIPTIONS","id":${id}}`;
  await talk.say(list(0), list(1), list(2), list(3), list(4));
  await talk.hearPart('"id":4');
  assertEquals(sim.record.all("tooMany"), []);
  const lost = talk.feed.lifecycle.waitFor(({ up }) => !up);
  await talk.say(list(5));
  const { end } = (await lost).error ?? {};
  assertEquals([end?.code, end?.reason], [1008, "Too many requests"]);
}

/** No limit of dials: whoever comes back at once would be banned before the penalty is over. */
const LIMITED = {
  ...BINANCE_TEST,
  inboundWindowMs: 60_000,
  pingEveryMs: 60_000,
  connectLimit: 1_000,
};

test("SimBinance takes the limit of messages, closes at the next, and closes whoever returns", async () => {
  const sim = await startSimBinance({ rules: { ...LIMITED, penaltyMs: 60_000 } });
  const talk = await Talk.with(`${sim.url}/ws/a`);
  try {
    await breach(sim, talk);
    await sim.record.count("tooMany", 3);
    assertEquals(sim.record.all("tooMany").slice(0, 3).map(({ connection }) => connection), [
      1,
      2,
      3,
    ]);
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimBinance lets somebody stay after the penalty", async () => {
  const sim = await startSimBinance({ rules: { ...LIMITED, penaltyMs: 150 } });
  const talk = await Talk.with(`${sim.url}/ws/a`);
  try {
    await breach(sim, talk);
    // Every connection before was closed, this one is not.
    while (sim.record.all("tooMany").length === sim.links.length) await sim.record.next("open");
    const stayed = sim.record.all("open").at(-1)!;
    const [breached] = sim.record.all("tooMany");
    assertGreaterOrEqual(stayed.atMs - breached!.atMs, 145);
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimBinance refuses dials with 429, and who goes on is banned with 418 and a time", async () => {
  const sim = await startSimBinance({
    rules: { ...BINANCE_TEST, connectLimit: 2, connectWindowMs: 60_000, warningsBeforeBan: 1 },
  });
  const statuses: string[] = [];
  try {
    for (let dial = 0; dial < 4; dial++) {
      const client = await RawClient.open(portOf(sim.url));
      client.send(openingRequest("/ws/a"));
      const head = new TextDecoder("latin1").decode(await client.bytes((all) => all.length > 100));
      statuses.push(head.slice(9, 12));
      if (dial === 3) assert(head.includes("Retry-After: 2"), head);
      await client.close();
    }
    assertEquals(statuses, ["101", "101", "429", "418"]);
  } finally {
    await sim.close();
  }
});

test("SimBinance ends a connection at its age and over its streams, and announces a shutdown", async () => {
  const sim = await startSimBinance({
    rules: { ...BINANCE_TEST, ageMs: 200, maxStreams: 2, shutdownLeadMs: 50 },
  });
  const talk = await Talk.with(`${sim.url}/stream?streams=a@depth@100ms/b@depth@100ms`);
  try {
    const ended = sim.record.next("end");
    await talk.feed.ready;
    await ended;
    assertEquals(sim.record.all("aged").length, 1);
    await talk.feed.lifecycle.waitFor(({ up, epoch }) => up && epoch === 2);
    const lost = talk.feed.lifecycle.waitFor(({ up }) => !up);
    await talk.say('{"method":"SUBSCRIBE","params":["c@trade"],"id":1}');
    assertEquals((await lost).error?.end?.code, 1008);
    await talk.feed.lifecycle.waitFor(({ up, epoch }) => up && epoch === 3);
    const next = sim.record.next("end");
    sim.shutdown("rst");
    await talk.hearPart("serverShutdown");
    const [announced] = sim.record.all("serverShutdown");
    assertGreaterOrEqual((await next).atMs - announced!.atMs, 45);
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimBinance bans within the WebSocket API as a message, with the time of the end", async () => {
  const sim = await startSimBinance({ rules: BINANCE_TEST });
  const talk = await Talk.with(`${sim.url}/ws-api/v3`);
  try {
    sim.clockSkewMs = 1_000_000;
    sim.orders.bannedUntilMs = sim.wallNow() + 60_000;
    await talk.say('{"id":"x","method":"ping"}');
    const { status, error } = JSON.parse(await talk.hearPart('"x"'));
    assertEquals([status, error.data.retryAfter], [418, sim.orders.bannedUntilMs]);
    assertGreaterOrEqual(error.data.serverTime - Date.now(), 990_000);
  } finally {
    await talk.end();
    await sim.close();
  }
});
