// SimIbkr keeps the gateway's rules.
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { IBKR_TEST, type IbkrRules, startSimIbkr } from "../../examples/sim/ibkr.ts";
import { test } from "../support/harness.ts";
import { Talk } from "./talk.ts";

/** A gateway conversation that is greeted. */
async function greeted(rules: Partial<IbkrRules>) {
  const sim = await startSimIbkr({ rules: { ...IBKR_TEST, ...rules } });
  const talk = await Talk.with(`${sim.url}/v1/api/ws`);
  const tickle = async () => {
    const answer = await fetch(`${sim.httpUrl}/v1/api/tickle`, { method: "POST" });
    return { status: answer.status, ...await answer.json() as { session?: string } };
  };
  const { session } = await tickle();
  await talk.say(JSON.stringify({ session }));
  await talk.hearPart('"sts"');
  const end = async () => {
    await talk.end();
    await sim.close();
  };
  return { sim, talk, tickle, end };
}

const ask = (conid: number) => `smd+${conid}+{"fields":["31"]}`;

test("SimIbkr ends a line after its life, renews one asked for again, caps lines and histories", async () => {
  const { sim, talk, end } = await greeted({ smdLifetimeMs: 100, linesCap: 2, historyCap: 1 });
  try {
    await talk.say(ask(1), ask(2), ask(3));
    await sim.record.count("lineRefused", 1);
    const [one] = sim.record.all("line");
    await sim.record.count("lineEnded", 2);
    const [ended] = sim.record.all("lineEnded");
    assertGreaterOrEqual(ended!.atMs - one!.atMs, 95);
    await talk.say(ask(1), ask(1));
    await sim.record.count("renew", 1);
    await talk.say("smh+1+{}", "smh+2+{}");
    await talk.hearPart("Topic unknown");
    await talk.say("umh+1", "smh+2+{}");
    await talk.hearPart('"smh+2"');
  } finally {
    await end();
  }
});

test("SimIbkr lets a line end that was asked for again, when only umd renews", async () => {
  const { sim, talk, end } = await greeted({ smdLifetimeMs: 150, resmdRenews: false });
  try {
    await talk.say(ask(1));
    await talk.hearPart("smd+1");
    await talk.say(ask(1));
    await sim.record.count("renew", 1);
    await sim.record.count("lineEnded", 1);
    await talk.say("umd+1+{}", ask(1));
    await sim.record.count("line", 2);
  } finally {
    await end();
  }
});

test("SimIbkr loses a session that nobody tickles, and at its nightly reset", async () => {
  for (const rules of [{ sessionTtlMs: 100 }, { sessionTtlMs: 60_000, dailyResetMs: 100 }]) {
    const { talk, end } = await greeted(rules);
    try {
      assert((await talk.hearPart('"authenticated":false')).includes('"competing":false'));
    } finally {
      await end();
    }
  }
});

test("SimIbkr answers 429 beyond its REST limit until the penalty is over, and what a script says", async () => {
  const rest = { restLimit: 3, restWindowMs: 60_000, penaltyMs: 60_000 };
  const { sim, tickle, end } = await greeted(rest);
  try {
    sim.nextTickles.push(401);
    assertEquals([(await tickle()).status, (await tickle()).status], [401, 200]);
    assertEquals([(await tickle()).status, (await tickle()).status], [429, 429]);
  } finally {
    await end();
  }
});

test("SimIbkr stops heartbeats alone, and takes no first-message session when told so", async () => {
  const { sim, talk, end } = await greeted({
    hbEveryMs: 10,
    tickEveryMs: 10,
    smdLifetimeMs: 9_000,
  });
  try {
    await talk.say(ask(1));
    await talk.hearPart('"hb"');
    sim.heartbeatsStopped = true;
    const heard: string[] = [];
    await talk.hear((text) => heard.push(text) > 30);
    assert(heard.slice(-20).every((text) => text.includes("smd+1")));
  } finally {
    await end();
  }
  const strict = await startSimIbkr({ rules: { ...IBKR_TEST, firstMessageSession: false } });
  const refused = await Talk.with(`${strict.url}/v1/api/ws`);
  try {
    await refused.say('{"session":"x"}');
    await refused.hearPart("Topic unknown");
  } finally {
    await refused.end();
    await strict.close();
  }
});
