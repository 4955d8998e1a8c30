// Lines outlive their term without a reconnect, a frozen one is found, and a lost session is pulled anew.
import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { ibkrLines } from "../../examples/adapters/ibkr_lines.ts";
import { IBKR_TEST, type SimIbkr, startSimIbkr } from "../../examples/sim/ibkr.ts";
import { sendRateLimit } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { nativeOpen, Signal } from "./support.ts";

const conids = ["265598", "8314", "1077"];

/** A third of a line's life is the time that a busy machine has for a renewal. */
const rules = { ...IBKR_TEST, dailyResetMs: 60_000, smdLifetimeMs: 900 };

/** Starts the adapter on a simulator, with everything scaled alike. */
async function start(sim: SimIbkr, frozenAfterMs = 5_000) {
  const signal = new Signal();
  const ticks = new Map<string, number>();
  const frozen: string[] = [];
  let lost = 0;
  const adapter = ibkrLines({
    conids,
    url: `${sim.url}/v1/api/ws`,
    restUrl: `${sim.httpUrl}/v1/api`,
    open: await nativeOpen(),
    lifetimeMs: sim.rules.smdLifetimeMs,
    ticEveryMs: 150,
    tickleEveryMs: 500,
    frozenAfterMs,
    connection: {
      backoff: { minDelayMs: 10, maxDelayMs: 50 },
      sendRateLimit: sendRateLimit({ limit: 5, windowMs: 10 }),
    },
    onTick({ conid }) {
      ticks.set(conid, (ticks.get(conid) ?? 0) + 1);
      signal.ring();
    },
    onFrozen(conid) {
      frozen.push(conid);
      signal.ring();
    },
    onSessionLost() {
      lost++;
      signal.ring();
    },
  });
  /** Every line ticked after now. */
  const ticking = async (which: readonly string[] = conids) => {
    ticks.clear();
    await signal.until(() => which.every((conid) => (ticks.get(conid) ?? 0) > 1));
  };
  const end = async () => {
    await adapter.feed.control.shutdown();
    await adapter.done;
    await sim.close();
  };
  return { ...adapter, signal, ticks, frozen, lost: () => lost, ticking, end };
}

test("ibkrLines() renews each line before its end and needs no reconnect for it", async () => {
  const sim = await startSimIbkr({ rules });
  const { feed, ticking, frozen, end } = await start(sim);
  try {
    await feed.ready;
    await ticking();
    const fromMs = performance.now();
    await sim.record.count("renew", conids.length * 6);
    // Six renewals at two thirds of a lifetime are more than three lifetimes.
    assertGreater(performance.now() - fromMs, sim.rules.smdLifetimeMs * 3);
    await ticking();
    const { epoch, attempts, totalLagged } = feed.lifecycle.value;
    assertEquals({ epoch, attempts, totalLagged }, { epoch: 1, attempts: 1, totalLagged: 0 });
    assertEquals([sim.record.all("lineEnded"), frozen], [[], []]);
    assertGreaterOrEqual(sim.record.all("in", ({ detail }) => detail === "tic").length, 3);
  } finally {
    await end();
  }
});

test("ibkrLines() finds the one line that froze, while the others tick", async () => {
  const sim = await startSimIbkr({ rules });
  const { feed, ticking, frozen, signal, end } = await start(sim, 300);
  try {
    await feed.ready;
    await ticking();
    sim.last.faults.frozenTopics.add("smd+8314");
    await signal.until(() => frozen.length > 0);
    assertEquals(new Set(frozen), new Set(["8314"]));
    await ticking(["265598", "1077"]);
    sim.last.faults.frozenTopics.clear();
    await ticking();
    assertEquals(feed.lifecycle.value.epoch, 1);
  } finally {
    await end();
  }
});

test("ibkrLines() pulls a new session after a competing login and asks for every line again", async () => {
  for (const closesOnSessionLoss of [false, true]) {
    const sim = await startSimIbkr({
      rules: { ...rules, closesOnSessionLoss },
    });
    const { feed, ticking, lost, end } = await start(sim);
    try {
      await feed.ready;
      await ticking();
      const [before] = sim.record.all("http", ({ detail = "" }) => detail.endsWith("/tickle"));
      assert(before !== undefined);
      sim.loseSession(true);
      const back = await feed.lifecycle.waitFor(({ phase, epoch }) =>
        phase === "resumed" && epoch === 2
      );
      assert(back.up);
      await ticking();
      assertEquals(lost(), 1);
      const cookies = sim.links.map(({ request }) => request.header("cookie"));
      assertEquals(cookies, ['api={"session":"session-1"}', 'api={"session":"session-2"}']);
      assertEquals(sim.record.all("line", ({ connection }) => connection === 2).length, 3);
    } finally {
      await end();
    }
  }
});

test("ibkrLines() survives a tickle that fails, and a frame that is not UTF-8", async () => {
  const sim = await startSimIbkr({ rules });
  const { feed, ticking, end } = await start(sim);
  try {
    await feed.ready;
    await ticking();
    sim.nextTickles.push(500, 500);
    sim.poison();
    await feed.lifecycle.waitFor(({ phase, epoch }) => phase === "resumed" && epoch === 2);
    await ticking();
    assertGreaterOrEqual(feed.lifecycle.value.attempts, 3);
  } finally {
    await end();
  }
});
