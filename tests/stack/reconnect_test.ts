/**
 * Scenarios of dialling and coming back, over the whole stack.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  attemptBudget,
  type Classify,
  defaultClassify,
  isTransportError,
  TransportError,
} from "../../mod.ts";
import { backoffCap } from "../../src/reconnect/backoff.ts";
import { test } from "../support/harness.ts";
import { bench, codeOf, fullest, outcome, reading } from "./bench.ts";

const backoff = { minDelayMs: 500, maxDelayMs: 30_000, multiplier: 2 };
/** A budget that no scenario reaches unless it is about it. */
const ample = attemptBudget({ attempts: 1_000_000, windowMs: 1 });

test("scenario 1: open() lets delays grow to the cap over sessions that close at once, and stays in budget", async () => {
  const it = bench();
  for (let n = 1; n <= 300; n++) {
    (await it.up()).end({ code: 1000 });
    await it.mock.settle();
  }
  const delays = it.delays();
  assertEquals(delays.length, 300);
  for (const [i, delay] of delays.entries()) {
    assert(delay >= 500 && delay <= backoffCap(backoff, i + 1), `retry ${i + 1}: ${delay} ms`);
  }
  assert(Math.max(...delays.slice(10)) > 25_000);
  assert(fullest(it.dialTimes, 300_000) <= 60);
  assertEquals([it.now.epoch, it.now.attempts], [300, 300]);
  await it.close();
});

test("scenario 2: open() forgives after stableAfterMs, and not a millisecond before", async () => {
  for (const [upMs, cap] of [[9_999, 16_000], [10_000, 1_000]] as const) {
    const it = bench({ backoff: { stableAfterMs: 10_000 }, mock: { seed: 7 } });
    for (let i = 0; i < 4; i++) (await it.mock.dial()).fail();
    const dial = await it.up();
    await it.mock.advance(upMs);
    dial.end({ code: 1006 });
    await it.mock.settle();
    const last = it.delays().at(-1)!;
    const low = cap === 1_000 ? 500 : 1_000;
    assert(last <= cap, `up ${upMs} ms: ${last}`);
    // The same draw of the generator, so that it is the cap that makes the difference.
    if (cap > 1_000) assert(last > low, `up ${upMs} ms: ${last}`);
    await it.close();
  }
});

test("scenario 3: open() finds a server that refused for six hours within cap and deadline", async () => {
  const it = bench();
  const healed = 6 * 3_600_000;
  let dial = await it.mock.dial();
  while (it.mock.clock.now() < healed) {
    dial.fail({ status: 503 });
    dial = await it.mock.dial();
  }
  assert(it.mock.clock.now() - healed <= 30_000);
  dial.open();
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.epoch], ["connected", 1]);
  assert(fullest(it.dialTimes, 300_000) <= 60);
  await it.close();
});

test("scenario 4: open() gives up a dial that is never answered, and nothing is attached later", async () => {
  const it = bench({ connectTimeoutMs: 10_000 });
  const dial = await it.mock.dial();
  await it.mock.advance(9_999);
  assertEquals(dial.aborted, false);
  await it.mock.advance(1);
  assert(dial.aborted);
  assertEquals([codeOf(it.now.error), it.now.phase, it.now.epoch], [
    "connect_timeout",
    "connecting",
    0,
  ]);
  await it.up();
  assertEquals(it.now.epoch, 1);
  await it.close();
});

test("scenario 5: open() has one winner when open and timeout come in one turn", async () => {
  const it = bench({ connectTimeoutMs: 10_000 });
  const first = await it.mock.dial();
  first.open();
  it.mock.clock.fireNext(10_000); // the timer fires before anybody has heard of the open
  await it.mock.settle();
  assertEquals([it.now.epoch, codeOf(it.now.error)], [0, "connect_timeout"]);
  assert(first.abandoned, "the loser's socket is let go of");
  first.receive("from nowhere");
  const second = await it.mock.dial();
  second.open();
  await it.mock.settle();
  await it.mock.advance(10_000);
  assertEquals([it.now.epoch, it.now.phase, second.abandoned], [1, "connected", false]);
  assertEquals(it.feed.stats().received, 0);
  await it.close();
});

test("scenario 6: open() ignores and lets go of an old dial that opens late", async () => {
  // A dial layer that does not pass its signal on: its socket opens when nobody waits for it any more.
  const it = bench({ connectTimeoutMs: 1_000, deaf: true });
  const late = await it.mock.dial();
  await it.mock.advance(1_000);
  const current = await it.up();
  assertEquals(it.now.epoch, 1);
  late.open();
  await it.mock.settle();
  assert(late.abandoned);
  late.receive("late");
  current.receive("current");
  assertEquals([it.now.epoch, it.feed.stats().received], [1, 1]);
  await it.close();
});

test("scenario 8: open() has one down edge per session, however the socket reports its end", async () => {
  for (const code of [1000, 1001, 1005, 1006, 1011]) {
    const it = bench();
    const dial = await it.up();
    dial.end({ code });
    dial.end({ code: 1006 });
    it.feed.control.markHealthy();
    await it.mock.settle();
    dial.end({ code: 1006 });
    await it.mock.settle();
    const downs = it.trace.filter(({ type }) => type === "down");
    assertEquals([downs.length, it.now.phase, it.delays().length], [1, "reconnecting", 1]);
    await it.up();
    assertEquals([it.now.epoch, it.now.phase], [2, "resumed"]);
    await it.close();
  }
});

test("scenario 9: open() does not dial again after what classify calls permanent", async () => {
  const classify: Classify = (failure) =>
    failure.end?.code === 4001 ? { verdict: "permanent" } : defaultClassify(failure);
  const it = bench({ classify, permanentRetries: 0 });
  const { frames, ended } = reading(it.feed);
  const dial = await it.up();
  dial.receive("last words");
  dial.end({ code: 4001, reason: "kicked" });
  await it.mock.advance(3_600_000);
  assertEquals(it.mock.connector.dials.length, 1);
  const error = await ended;
  assert(isTransportError(error, "unrecoverable"));
  assertEquals([error.end?.code, frames.length], [4001, 1]);
  assertEquals([it.now.phase, it.now.error], ["unrecoverable", error]);
  assertEquals(it.feed.lifecycle.ended, true);
  assertEquals(codeOf(await assertRejects(() => it.feed.send("x"))), "unrecoverable");
  await it.close();
});

test("scenario 10: open() waits at least as long as the server asks, and disperses on top", async () => {
  const it = bench({ mock: { seed: 10 } });
  for (let i = 0; i < 5; i++) {
    const dial = await it.mock.dial();
    const failedAt = it.mock.clock.now();
    dial.fail({ status: 429, retryAfterMs: 45_000 });
    await it.mock.settle();
    it.feed.control.forceReconnect();
    await it.mock.advance(44_999);
    assertEquals(it.mock.connector.next(), undefined);
    await it.mock.advance(1);
    assertEquals(it.dialTimes.at(-1), failedAt + 45_000, "forced: the hint alone");
  }
  (await it.mock.dial()).fail({ status: 503, retryAfterMs: 20_000 });
  await it.mock.settle();
  assert(it.delays().at(-1)! > 20_500);
  await it.close();
});

test("scenario 10: open() takes minDelayMs of classify for closes such as 1001, 1012 and 1013", async () => {
  const classify: Classify = (failure) => ({
    verdict: "transient",
    ...[1001, 1012, 1013].includes(failure.end?.code ?? 0) ? { minDelayMs: 5_000 } : {},
  });
  for (const [code, least] of [[1001, 5_500], [1012, 5_500], [1013, 5_500], [1006, 500]] as const) {
    const it = bench({ classify });
    (await it.up()).end({ code });
    await it.mock.settle();
    const delay = it.delays()[0]!;
    assert(delay >= least && delay <= least + 500, `${code}: ${delay}`);
    await it.close();
  }
});

test("scenario 10: open() obeys Retry-After where classify says nothing of a delay, and classify where it does", async () => {
  for (const [minDelayMs, least] of [[undefined, 45_500], [0, 500], [60_000, 60_500]] as const) {
    const it = bench({
      classify: () => ({ verdict: "transient", ...minDelayMs === undefined ? {} : { minDelayMs } }),
    });
    (await it.mock.dial()).fail({ status: 429, retryAfterMs: 45_000 });
    await it.mock.settle();
    const delay = it.delays()[0]!;
    assert(delay >= least && delay <= least + 500, `${minDelayMs}: ${delay}`);
    await it.close();
  }
});

test("scenario 11: open() backs off when auth throws, ends when it says auth_rejected, and never dials without", async () => {
  let pulls = 0;
  const it = bench({
    auth: () => {
      if (++pulls <= 5) throw new TypeError("fetch failed");
    },
  });
  const dial = await it.mock.dial();
  assertEquals([pulls, it.mock.connector.dials.length], [6, 1]);
  const delays = it.delays();
  for (const [i, delay] of delays.entries()) {
    assert(delay >= 500 && delay <= backoffCap(backoff, i + 1));
  }
  const failures = it.trace.flatMap((event) => event.type === "failure" ? [event] : []);
  assert(failures.every(({ stage, verdict }) => stage === "auth" && verdict === "transient"));
  dial.open();
  await it.mock.settle();
  assertEquals(it.now.phase, "connected");
  await it.close();

  const refused = bench({
    auth: () => Promise.reject(new TransportError("auth_rejected", "Cannot log in: key revoked")),
  });
  const ready = outcome(refused.feed.ready);
  await refused.mock.advance(3_600_000);
  assertEquals(refused.mock.connector.dials.length, 0);
  assertEquals([refused.now.phase, refused.now.attempts], ["unrecoverable", 3]);
  assertEquals([ready.state, codeOf(ready.value)], ["failed", "unrecoverable"]);
  await refused.close();
});

test("scenario 12: open() discards credentials that come after the deadline", async () => {
  const pulls: { give: () => void; signal: AbortSignal }[] = [];
  const it = bench({
    connectTimeoutMs: 1_000,
    auth: (handshake, { signal }) =>
      new Promise<void>((resolve) => {
        const token = `t${pulls.length + 1}`;
        pulls.push({
          signal,
          give: () => {
            handshake.headers.set("x-token", token);
            resolve();
          },
        });
      }),
  });
  await it.mock.advance(1_000);
  assert(pulls[0]!.signal.aborted);
  pulls[0]!.give();
  await it.mock.settle();
  assertEquals(it.mock.connector.dials.length, 0, "no dial with late credentials");
  await it.mock.advance(1_000);
  pulls[1]!.give();
  const dial = await it.mock.dial();
  assertEquals(dial.handshake.headers.get("x-token"), "t2");
  await it.close();
});

test("scenario 13: open() has one pull in flight, however often it is told to reconnect", async () => {
  let flying = 0;
  let most = 0;
  const gives: (() => void)[] = [];
  const it = bench({
    auth: async () => {
      most = Math.max(most, ++flying);
      await new Promise<void>((resolve) => gives.push(resolve));
      flying--;
    },
  });
  await it.mock.settle();
  for (let i = 0; i < 3; i++) {
    it.feed.control.forceReconnect();
    await it.mock.settle();
  }
  assertEquals([gives.length, most], [1, 1]);
  gives[0]!();
  await it.up();
  assertEquals([it.now.epoch, it.now.attempts], [1, 1]);
  await it.close();
});

test("scenario 14: open() is unrecoverable after fresh credentials were refused permanentRetries times more", async () => {
  for (const status of [401, 403, 407]) {
    let pulls = 0;
    const it = bench({ auth: () => void pulls++, permanentRetries: 3 });
    for (let i = 0; i < 4; i++) (await it.mock.dial()).fail({ status });
    await it.mock.advance(3_600_000);
    assertEquals([pulls, it.mock.connector.dials.length], [4, 4]);
    assertEquals([it.now.phase, it.now.error?.kind], ["unrecoverable", "auth"]);
    assertEquals(it.now.error?.end?.status, status);
    await it.close();
  }
});

test("scenario 15: open() makes one dial of forceReconnect in every phase, at every await", async () => {
  // Force before the n-th microtask of a life with slow credentials, a start hook and a loss in it; see that it always goes on.
  for (let at = 0; at < 40; at++) {
    const it = bench({
      attemptBudget: ample,
      auth: async () => {
        await undefined;
        await undefined;
      },
      onSession: async (session) => {
        await session.send("login");
      },
    });
    let open = 0;
    let most = 0;
    const tick = async () => {
      await Promise.resolve();
      it.mock.spawn.step();
      for (let dial = it.mock.connector.next(); dial; dial = it.mock.connector.next()) dial.open();
      open = it.mock.connector.dials.filter((dial) => !dial.aborted && !dial.abandoned).length;
      most = Math.max(most, open);
    };
    for (let i = 0; i < at; i++) await tick();
    it.feed.control.forceReconnect();
    it.feed.control.forceReconnect();
    for (let i = 0; i < 60; i++) await tick();
    await it.mock.settle();
    assertEquals(it.now.up, true, `forced before step ${at}`);
    assert(it.now.attempts <= 2 && it.now.epoch <= it.now.attempts, `step ${at}`);
    assert(most <= 1, `two sockets at once (I3) at step ${at}`);
    const dials = it.mock.connector.dials;
    assertEquals(dials.at(-1)!.sent, ["login"]);
    await it.close();
  }
});

test("scenario 16: open() coalesces 10,000 forceReconnects per second and stays in budget", async () => {
  const it = bench({ attemptBudget: attemptBudget({ attempts: 5, windowMs: 1_000 }) });
  for (let ms = 0; ms < 3_000; ms += 10) {
    for (let i = 0; i < 100; i++) it.feed.control.forceReconnect();
    await it.mock.settle();
    for (let dial = it.mock.connector.next(); dial; dial = it.mock.connector.next()) dial.open();
    await it.mock.advance(10);
  }
  assertEquals(fullest(it.dialTimes, 1_000), 5);
  assertEquals(it.dialTimes.length, 15, "and it does reconnect");
  await it.close();
});

test("scenario 19: open() is exhausted exactly once, at maxAttempts", async () => {
  for (const success of [2, 3, 4]) {
    const it = bench({ maxAttempts: 3 });
    const ready = outcome(it.feed.ready);
    for (let i = 1; i <= Math.min(success, 3); i++) {
      const dial = await it.mock.dial();
      if (i === success) dial.open();
      else dial.fail();
      await it.mock.settle();
    }
    if (success > 3) await it.mock.advance(3_600_000);
    const gaveUp = it.trace.filter(({ type }) => type === "exhausted").length;
    if (success <= 3) {
      assertEquals([it.now.phase, gaveUp, ready.state], ["connected", 0, "done"]);
    } else {
      assertEquals([it.now.phase, it.now.exhausted, gaveUp], ["connecting", true, 1]);
      assertEquals([ready.state, codeOf(ready.value), ready.times], ["failed", "exhausted", 1]);
      assertEquals(it.mock.connector.dials.length, 3);
      assertEquals(codeOf(await reading(it.feed).ended), "exhausted");
    }
    await it.close();
  }
});

test("open() rejects ready at readyTimeoutMs, and is exhausted", async () => {
  const it = bench({ readyTimeoutMs: 5_000, connectTimeoutMs: 60_000 });
  const ready = outcome(it.feed.ready);
  const dial = await it.mock.dial();
  await it.mock.advance(5_000);
  assertEquals([ready.state, codeOf(ready.value)], ["failed", "exhausted"]);
  assert(dial.aborted);
  await it.close();
});

test("open() counts a session whose start fails, and backs off", async () => {
  let starts = 0;
  const it = bench({
    onSession: () => {
      if (++starts < 4) throw new Error("no such channel");
    },
  });
  const ready = outcome(it.feed.ready);
  for (let i = 1; i <= 3; i++) {
    const dial = await it.up();
    assert(dial.abandoned);
    assertEquals([it.now.phase, codeOf(it.now.error)], ["connecting", "start_failed"]);
    assertEquals(ready.state, "pending");
  }
  await it.up();
  assertEquals([it.now.phase, it.now.epoch, ready.state], ["resumed", 4, "done"]);
  const stages = it.trace.flatMap((event) => event.type === "failure" ? [event.stage] : []);
  assertEquals(stages, ["start", "start", "start"]);
  await it.close();
});

test("open() bounds onSession by startTimeoutMs and tells it by its signal", async () => {
  let signal: AbortSignal | undefined;
  const it = bench({
    startTimeoutMs: 1_000,
    onSession: (session) => {
      signal = session.signal;
      return new Promise<void>(() => {});
    },
  });
  const dial = await it.up();
  assertEquals([it.now.epoch, it.now.phase, it.now.up], [1, "connecting", false]);
  await it.mock.advance(999);
  assertEquals([signal?.aborted, dial.abandoned], [false, false]);
  await it.mock.advance(1);
  assertEquals([signal?.aborted, dial.abandoned, codeOf(it.now.error)], [
    true,
    true,
    "start_timeout",
  ]);
  assertEquals(codeOf(signal?.reason), "start_timeout");
  await it.close();
});

test("open() renews before the venue's age limit, without backoff", async () => {
  const it = bench({ renewAfterMs: 3_600_000, liveness: { staleAfterMs: 1e12 } });
  const first = await it.up();
  await it.mock.advance(3_600_000 * 0.9 - 1);
  assertEquals(it.now.attempts, 1);
  const second = await it.up();
  const age = it.dialTimes[1]!;
  assert(age >= 3_600_000 * 0.9 && age <= 3_600_000, String(age));
  assertEquals([first.abandoned, second.abandoned, it.now.phase], [true, false, "resumed"]);
  assertEquals(it.delays(), []);
  await it.close();
});

test("open() asks a url function anew for every dial, under the dial's deadline", async () => {
  let asked = 0;
  const it = bench({
    connectTimeoutMs: 1_000,
    url: () => {
      asked++;
      if (asked === 1) throw new Error("lookup failed");
      if (asked === 2) return new Promise<string>(() => {});
      return `ws://venue.example/${asked}`;
    },
  });
  const dial = await it.mock.dial();
  assertEquals(dial.handshake.url.href, "ws://venue.example/3");
  const codes = it.trace.flatMap((event) => event.type === "failure" ? [event.error.code] : []);
  assertEquals(codes, ["connect_failed", "connect_timeout"]);
  await it.close();
});

test("open() publishes the epoch at open and the phase when the start is done", async () => {
  let go = () => {};
  const it = bench({ onSession: () => new Promise<void>((resolve) => go = resolve) });
  const ready = outcome(it.feed.ready);
  await it.up();
  assertEquals([it.now.epoch, it.now.phase, it.now.up, ready.state], [
    1,
    "connecting",
    false,
    "pending",
  ]);
  const waiting = outcome(it.feed.send("after the start"));
  go();
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.up, ready.state, waiting.state], [
    "connected",
    true,
    "done",
    "done",
  ]);
  assertStrictEquals(it.now.downSinceMs, undefined);
  await it.close();
});
