// What the simulators say has the shape of what the venues say: the same names with the same types.
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import { COINBASE_TEST, startSimCoinbase } from "../../examples/sim/coinbase.ts";
import { IBKR_TEST, startSimIbkr } from "../../examples/sim/ibkr.ts";
import { test } from "../support/harness.ts";
import { Talk } from "./talk.ts";

interface Recorded {
  readonly venue: string;
  readonly kind: string;
  readonly text: string;
}

const [, ...lines] = readFileSync(new URL("frames.jsonl", import.meta.url), "utf8").trim().split(
  "\n",
);
const recorded = lines.map((line) => JSON.parse(line) as Recorded);

function real(venue: string, kind: string): string {
  const hit = recorded.find((frame) => frame.venue === venue && frame.kind === kind);
  assert(hit !== undefined, `no recorded frame ${venue} ${kind}`);
  return hit.text;
}

/** Names and types: arrays by their first element, an empty one by nothing. */
export function shapeOf(value: unknown): unknown {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== "object") return typeof value;
  const members = Object.entries(value as object).map(([name, member]) => [name, shapeOf(member)]);
  return Object.fromEntries(members.sort(([a], [b]) => String(a) < String(b) ? -1 : 1));
}

function assertShape(actual: string, venue: string, kind: string): void {
  assertEquals(shapeOf(JSON.parse(actual)), shapeOf(JSON.parse(real(venue, kind))), kind);
}

test("SimIbkr speaks as the gateway does", async () => {
  const sim = await startSimIbkr({ rules: IBKR_TEST });
  const talk = await Talk.with(`${sim.url}/v1/api/ws`);
  try {
    const greeted = (async () => {
      assertShape(await talk.hearPart("waiting for session"), "ibkr", "no-session");
      const answer = await fetch(`${sim.httpUrl}/v1/api/tickle`, { method: "POST" });
      assert(answer.headers.get("set-cookie")?.startsWith("x-sess-uuid="));
      const { session } = await answer.json();
      await talk.say(JSON.stringify({ session }));
      assertShape(await talk.hearPart('"success"'), "ibkr", "greeting-1");
      assertShape(await talk.hearPart('"act"'), "ibkr", "greeting-2");
      assertShape(await talk.hearPart('"sts"'), "ibkr", "greeting-3");
    })();
    await greeted;
    assertShape(await talk.hearPart('"hb"'), "ibkr", "heartbeat");
    await talk.say(real("ibkr", "keepalive"));
    const replies = [];
    for (let n = 0; n < 4; n++) replies.push(await talk.hearPart('"tic"'));
    assertShape(replies[0]!, "ibkr", "keepalive-reply");
    assertEquals(new Set(replies).size, 1);
    await talk.say(real("ibkr", "subscribe"));
    assertShape(await talk.hearPart("smd+265598"), "ibkr", "data");
    const delta = JSON.parse(await talk.hearPart("smd+265598"));
    const allowed = new Set(Object.keys(JSON.parse(real("ibkr", "data"))));
    for (const name of Object.keys(delta)) assert(allowed.has(name), name);
    assert(Object.keys(delta).length < allowed.size);
    await talk.say("foo+{}");
    assertShape(await talk.hearPart("Topic unknown"), "ibkr", "error");
    await talk.say("usd+{}");
    assertShape(await talk.hearPart("unsubscribed"), "ibkr", "unsub-ack");
    sim.loseSession(true);
    assertShape(await talk.hearPart('"competing"'), "ibkr", "auth-lost");
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimBinance speaks as the market streams do", async () => {
  const sim = await startSimBinance({ rules: { ...BINANCE_TEST, inboundWindowMs: 1 } });
  const raw = await Talk.with(`${sim.url}/ws/btcusdt@depth@100ms`);
  const combined = await Talk.with(`${sim.url}/stream?streams=btcusdt@depth@100ms/btcusdt@trade`);
  try {
    assertShape(await raw.hear(full), "binance", "depthUpdate raw");
    assertShape(await combined.hearPart('"trade"'), "binance", "trade combined");
    const update = JSON.parse(await combined.hearPart("depthUpdate"));
    assertEquals(Object.keys(update), ["stream", "data"]);
    await raw.say(real("binance", "subscribe"));
    assertShape(await raw.hearPart('"id"'), "binance", "ack");
    await raw.say(real("binance", "list(probe)"));
    const list = await raw.hearPart("900001");
    assertShape(list, "binance", "list-reply");
    assertEquals(JSON.parse(list).result, ["btcusdt@depth@100ms", "btcusdt@trade"]);
    await raw.say('{"method":"SUBSCRIB","id":2}');
    assertShape(await raw.hearPart('"code"'), "binance", "error");
    sim.shutdown();
    assertShape(await raw.hearPart("serverShutdown"), "binance", "serverShutdown raw");
    assertShape(await combined.hearPart("serverShutdown"), "binance", "serverShutdown combined");
    const depth = await fetch(`${sim.httpUrl}/api/v3/depth?symbol=BTCUSDT&limit=5`);
    assertShape(await depth.text(), "binance", "GET /api/v3/depth");
    for (let n = 0; n < 12; n++) await (await fetch(`${sim.httpUrl}/api/v3/depth?limit=5`)).text();
    const refused = await fetch(`${sim.httpUrl}/api/v3/depth?limit=5`);
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
    assertShape(await refused.text(), "binance", "429 body");
  } finally {
    await raw.end();
    await combined.end();
    await sim.close();
  }
});

/** A diff with both sides: the shape of an empty side says nothing. */
function full(text: string): boolean {
  return text.includes("depthUpdate") && !text.includes("[]");
}

test("SimBinance speaks as the WebSocket API does", async () => {
  const sim = await startSimBinance({ rules: BINANCE_TEST });
  const talk = await Talk.with(`${sim.url}/ws-api/v3`);
  try {
    await talk.say(real("binance-wsapi", "user-sub"));
    assertEquals(JSON.parse(await talk.hearPart('"u1"')).status, 401);
    await talk.say(real("binance-wsapi", "logon"));
    assertEquals(JSON.parse(await talk.hearPart('"c1"')).status, 200);
    await talk.say(real("binance-wsapi", "user-sub"));
    assertShape(await talk.hearPart('"u1"'), "binance-wsapi", "user-sub-ack");
    sim.orders.place("BTCUSDT", 1);
    const event = JSON.parse(await talk.hearPart("executionReport"));
    assertEquals(Object.keys(event), ["subscriptionId", "event"]);
    sim.orders.terminate();
    assertShape(await talk.hearPart("eventStreamTerminated"), "binance-wsapi", "terminated");
    sim.shutdown();
    assertShape(await talk.hearPart("serverShutdown"), "binance-wsapi", "serverShutdown");
  } finally {
    await talk.end();
    await sim.close();
  }
});

test("SimCoinbase speaks as Advanced Trade does", async () => {
  const sim = await startSimCoinbase({ rules: { ...COINBASE_TEST, levels: 20, productCap: 1 } });
  const talk = await Talk.with(sim.url);
  try {
    await talk.say('{"type":"subscribe","channel":"level2","product_ids":["BTC-USD"]}');
    assertShape(await talk.hearPart("snapshot"), "coinbase", "snapshot");
    await talk.say(real("coinbase", "heartbeats"));
    assertShape(await talk.hear(hasBoth), "coinbase", "ack");
    assertShape(await talk.hearPart('"update"'), "coinbase", "update");
    assertShape(await talk.hearPart("heartbeat_counter"), "coinbase", "heartbeat");
    await talk.say(real("coinbase", "subscribe").replace("BTC-USD", "ETH-USD"));
    assertShape(await talk.hearPart('"error"'), "coinbase", "error-auth");
    await talk.say('{"type":"subscribe","channel":"level2","product_ids":["ETH-USD"]}');
    assertEquals(await talk.hearPart('"error"'), real("coinbase", "error-cap"));
    await talk.say(real("coinbase", "unsubscribe"));
    const ack = JSON.parse(await talk.hearPart('"subscriptions"'));
    assertEquals(ack.events, [{ subscriptions: { heartbeats: ["heartbeats"] } }]);
  } finally {
    await talk.end();
    await sim.close();
  }
});

/** The acknowledgement that lists both channels. */
function hasBoth(text: string): boolean {
  return text.includes('"subscriptions"') && text.includes('"heartbeats":');
}
