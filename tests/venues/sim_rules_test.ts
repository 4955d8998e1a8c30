// The simulators keep the venues' rules: each limit is met from both sides.
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { BINANCE_REAL, BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import { COINBASE_TEST, simJwt, startSimCoinbase } from "../../examples/sim/coinbase.ts";
import { IBKR_TEST, startSimIbkr } from "../../examples/sim/ibkr.ts";
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

test("SimBinance takes the limit of messages and closes the next one, and for a while whoever returns", async () => {
  const sim = await startSimBinance({
    rules: { ...BINANCE_TEST, inboundWindowMs: 5_000, pingEveryMs: 60_000, penaltyMs: 150 },
  });
  const talk = await Talk.with(`${sim.url}/ws/a`);
  try {
    await talk.say(
      ...Array.from({ length: 5 }, (_, id) => `{"method":"LIST_SUBSCRIPTIONS","id":${id}}`),
    );
    await talk.hearPart('"id":4');
    assertEquals(sim.record.all("tooMany"), []);
    await talk.say('{"method":"LIST_SUBSCRIPTIONS","id":5}');
    await sim.record.count("tooMany", 2); // the breach, and the first that came back
    const { error } = await talk.feed.lifecycle.waitFor(({ up }) => !up);
    assertEquals([error?.end?.code, error?.end?.reason], [1008, "Too many requests"]);
    await sim.record.next("in", () => false === sim.last.ended).catch(() => {});
  } finally {
    await talk.end();
    await sim.close();
  }
});
