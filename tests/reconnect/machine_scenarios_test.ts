/**
 * Scenarios of the machine, by their numbers.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Classify, defaultClassify, type Failure } from "../../src/contract/classify.ts";
import type { SessionEnd } from "../../src/contract/connection.ts";
import { TransportError } from "../../src/contract/errors.ts";
import { backoffCap } from "../../src/reconnect/backoff.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { backoff, gone, goneBy, policyOf, refused, rejected, shown, World } from "./world.ts";

const types = (world: World) => world.last.map(({ type }) => type);

function end(code: number, more: Partial<SessionEnd> = {}): SessionEnd {
  return { code, reason: "", clean: code !== 1006, origin: "server", ...more };
}

function started(world: World): World {
  world.feed({ type: "start" });
  return world;
}

/** Loses the session with a close code. @returns the error of that. */
function lose(world: World, code: number): TransportError {
  const error = goneBy(end(code));
  world.feed({ type: "lost", epoch: world.state.epoch, error });
  return error;
}

test("scenario 1: transition() lets delays grow to the cap over 10,000 sessions that close at once", () => {
  const random = seededRandom(1);
  const world = started(new World());
  let last = 0;
  for (let n = 1; n <= 10_000; n++) {
    world.open();
    world.now += 5;
    world.lose(random());
    const delay = world.delayMs;
    const cap = backoffCap(world.policy.backoff, n);
    assert(delay >= 500 && delay <= cap, `session ${n}: ${delay} ms is above ${cap}`);
    last = Math.max(last, delay);
    world.fire("retry", random());
  }
  assertEquals(world.state.epoch, 10_000);
  assert(last > 29_000, `${last}: the delays did not reach the cap`);
  // 15 s on average: a storm of 10,000 sessions takes almost two days.
  assert(world.now > 10_000 * 14_000);
});

test("scenario 2: transition() forgives failures only when the session was up for stableAfterMs", () => {
  for (const [upMs, failures] of [[9_999, 7], [10_000, 1], [10_001, 1]] as const) {
    const world = started(new World());
    for (let i = 0; i < 6; i++) {
      world.refuse();
      world.fire("retry");
    }
    world.open();
    assertEquals(world.timers.get("stable")?.at, world.now + 10_000);
    const until = world.now + upMs;
    if (until >= world.timers.get("stable")!.at) world.fire("stable");
    world.now = until;
    world.lose();
    assertEquals(world.state.failures, failures, `up for ${upMs} ms`);
    assertEquals(world.delayMs, (500 + backoffCap(world.policy.backoff, failures)) / 2);
  }
});

test("transition() counts stability anew after a stale period, and never while stale", () => {
  const world = started(new World());
  world.refuse();
  world.fire("retry");
  world.open();
  world.now += 9_000;
  world.feed({ type: "stale", epoch: 1 });
  assertEquals(world.timers.has("stable"), false);
  world.now += 60_000;
  world.feed({ type: "alive", epoch: 1 });
  assertEquals([world.state.failures, world.state.phase], [1, "connected"]);
  assertEquals(world.timers.get("stable")?.at, world.now + 10_000);
  world.fire("stable");
  assertEquals(world.state.failures, 0);
});

test("transition() by default calls a session stable after the delay that led to it, 10 s at least", () => {
  const world = started(new World(policyOf({ backoff: { ...backoff, stableAfterMs: undefined } })));
  for (let i = 0; i < 8; i++) {
    world.refuse(refused, 0.999);
    world.fire("retry");
  }
  world.open();
  const { lastDelayMs } = world.state;
  assert(lastDelayMs > 29_000);
  assertEquals(world.timers.get("stable")?.at, world.now + lastDelayMs);
  world.fire("stable");
  // Once stable, the long delay is history.
  world.feed({ type: "forceReconnect" });
  world.open();
  assertEquals(world.timers.get("stable")?.at, world.now + 10_000);
});

test("scenario 8: transition() goes down once, however often and in whatever way a session ends", () => {
  for (const code of [1000, 1005, 1006, 1012]) {
    const world = started(new World());
    world.open();
    lose(world, code);
    const { state } = world;
    const again = [
      { type: "lost", epoch: 1, error: goneBy(end(1006)) },
      { type: "lost", epoch: 1, error: gone },
      { type: "startFailed", epoch: 1, error: gone },
      { type: "stale", epoch: 1 },
    ] as const;
    for (const event of again) {
      assertEquals(world.feed(event), []);
      assertStrictEquals(world.state, state);
    }
    assertEquals([state.mode, state.failures], ["waiting", 1]);
  }
});

test("scenario 9: transition() never dials again after what classify calls permanent, without retries", () => {
  const classify: Classify = (failure) =>
    failure.end?.code === 4001 ? { verdict: "permanent" } : defaultClassify(failure);
  const world = started(new World(policyOf({ classify, permanentRetries: 0 })));
  world.open();
  const lost = lose(world, 4001);
  assertEquals(world.last.map(shown), [
    "~failure",
    "no stable",
    "drop 1: session_lost",
    "~unrecoverable",
    "finish: unrecoverable",
    "end",
  ]);
  const { phase, error, downSinceMs, exhausted } = world.state;
  assertEquals([phase, error?.code, exhausted], ["unrecoverable", "unrecoverable", false]);
  assertEquals(downSinceMs, world.now);
  assertStrictEquals(error?.cause, lost);
  assertEquals(error?.end?.code, 4001);
  world.feed({ type: "forceReconnect" });
  assertEquals(world.last, []);
});

test("scenario 14: transition() tries permanentRetries times more with fresh credentials, then ends", () => {
  for (const permanentRetries of [0, 1, 2, 5]) {
    const world = started(new World(policyOf({ permanentRetries })));
    while (!world.ended) {
      world.refuse(rejected);
      if (!world.ended) world.fire("retry");
    }
    assertEquals([world.state.attempts, world.state.phase], [
      permanentRetries + 1,
      "unrecoverable",
    ]);
  }
});

test("transition() counts permanent failures since the last stable session, transient ones between them or not", () => {
  const world = started(new World());
  for (const error of [rejected, refused, rejected, refused]) {
    world.refuse(error);
    world.fire("retry");
  }
  world.open();
  world.fire("stable");
  world.lose();
  world.fire("retry");
  for (const error of [rejected, refused, rejected]) {
    world.refuse(error);
    world.fire("retry");
  }
  assertEquals(world.state.permanents, 2);
  world.refuse(rejected);
  assertEquals(world.state.phase, "unrecoverable");
});

test("scenario 10: transition() waits for the hint and the backoff on top of it", () => {
  const classify: Classify = () => ({ verdict: "transient", minDelayMs: 20_000 });
  const world = started(new World(policyOf({ classify })));
  world.refuse(refused, 0);
  assertEquals(world.delayMs, 20_500);
  world.fire("retry");
  world.refuse(refused, 0.5);
  assertEquals(world.delayMs, 20_000 + 1_250);
});

test("scenario 10: transition() takes Retry-After for a hint, and a negative one for none", () => {
  const world = started(new World());
  const error = new TransportError("connect_failed", "Cannot connect: status 503", {
    end: end(1006, { origin: "handshake", status: 503, retryAfterMs: 7_000 }),
  });
  world.refuse(error, 0);
  assertEquals(world.delayMs, 7_500);
  const negative = started(
    new World(policyOf({ classify: () => ({ verdict: "transient", minDelayMs: -5_000 }) })),
  );
  negative.refuse(refused, 0);
  assertEquals(negative.delayMs, 500);
});

test("scenario 15: transition() makes one dial of forceReconnect, whatever the mode", () => {
  const ways: { readonly [mode: string]: (world: World) => void } = {
    dialing: () => {},
    waiting: (world) => void world.refuse(),
    starting: (world) => void world.feed({ type: "opened", dial: 1, protocol: "" }),
    up: (world) => world.open(),
    stale: (world) => {
      world.open();
      world.feed({ type: "stale", epoch: 1 });
    },
  };
  for (const [mode, way] of Object.entries(ways)) {
    const world = started(new World());
    way(world);
    assertEquals(world.state.mode, mode);
    for (let i = 0; i < 3; i++) world.feed({ type: "forceReconnect" });
    assertEquals(world.state.mode, "dialing");
    assertEquals(world.state.attempts, mode === "dialing" ? 1 : 2, mode);
  }
});

test("scenario 15: transition() lets forceReconnect skip the backoff, but not a hint", () => {
  const classify: Classify = () => ({ verdict: "transient", minDelayMs: 60_000 });
  const world = started(new World(policyOf({ classify })));
  world.refuse(refused, 0.999);
  world.now += 10_000;
  for (let i = 0; i < 3; i++) world.feed({ type: "forceReconnect" });
  assertEquals(world.delayMs, 50_000, "the rest of the hint, without the backoff");
  world.fire("retry");
  assertEquals([world.state.mode, world.now], ["dialing", 60_000]);
  // The hint is that of the last failure, also for a session that opens meanwhile.
  world.open();
  world.feed({ type: "forceReconnect" });
  assertEquals(world.state.mode, "dialing", "that hint is over");
});

test("scenario 16: transition() makes no more dials of 10,000 forceReconnects than sessions were dropped", () => {
  const world = started(new World());
  for (let i = 0; i < 10_000; i++) world.feed({ type: "forceReconnect" });
  assertEquals(world.state.attempts, 1);
  world.open();
  for (let i = 0; i < 10_000; i++) world.feed({ type: "forceReconnect" });
  assertEquals([world.state.attempts, world.state.epoch], [2, 1]);
});

test("scenario 19: transition() is exhausted exactly once, at maxAttempts and not before", () => {
  for (const success of [2, 3, 4]) {
    const world = started(new World(policyOf({ maxAttempts: 3 })));
    let exhausted = 0;
    for (let dial = 1; dial <= 4 && !world.ended; dial++) {
      if (dial === success) {
        world.open();
        break;
      }
      world.refuse();
      exhausted += world.last.filter((e) =>
        e.type === "trace" && e.fact.type === "exhausted"
      ).length;
      if (!world.ended) world.fire("retry");
    }
    if (success <= 3) {
      assertEquals([world.state.mode, exhausted], ["up", 0], `success at dial ${success}`);
      continue;
    }
    assertEquals([exhausted, world.state.attempts], [1, 3]);
    const { phase, exhausted: gaveUp, error } = world.state;
    assertEquals([phase, gaveUp, error?.code], ["connecting", true, "exhausted"]);
    assertStrictEquals(error?.cause, refused);
    assert(world.last.some((e) => e.type === "finish" && e.error === error));
  }
});

test("transition() counts maxAttempts since the last stable session, sessions that did not last included", () => {
  const world = started(new World(policyOf({ maxAttempts: 2 })));
  world.open();
  world.fire("stable");
  world.lose();
  assertEquals(world.ended, false, "a stable session that is lost costs no attempt");
  world.fire("retry");
  world.open();
  world.now += 10;
  world.lose();
  world.fire("retry");
  world.refuse();
  assertEquals([world.ended, world.state.exhausted, world.state.phase], [
    true,
    true,
    "reconnecting",
  ]);
});

test("transition() gives up at readyTimeoutMs in whatever mode, unless it was up before", () => {
  const ways: readonly ((world: World) => void)[] = [
    () => {},
    (world) => void world.refuse(),
    (world) => void world.feed({ type: "opened", dial: 1, protocol: "" }),
  ];
  for (const way of ways) {
    const world = started(new World(policyOf({ readyTimeoutMs: 5_000 })));
    way(world);
    world.fire("ready");
    assertEquals([world.ended, world.state.exhausted, world.now], [true, true, 5_000]);
  }
  const world = started(new World(policyOf({ readyTimeoutMs: 5_000 })));
  world.open();
  assertEquals(world.timers.has("ready"), false);
});

test("transition() calls five sessions in a row that broke the protocol permanent, of whatever code", () => {
  const world = started(new World(policyOf({ permanentRetries: 0 })));
  for (const code of [1002, 1003, 1007, 1009]) {
    world.open();
    lose(world, code);
    world.fire("retry");
  }
  world.open();
  lose(world, 1010);
  assertEquals(world.state.phase, "unrecoverable");
  // Anything else in between breaks the row.
  const other = started(new World(policyOf({ permanentRetries: 0 })));
  for (const code of [1007, 1007, 1007, 1007, 1012, 1007, 1007, 1007, 1007]) {
    other.open();
    lose(other, code);
    other.fire("retry");
  }
  assertEquals(other.ended, false);
});

test("transition() tells classify the stage, the end and how many of the kind came in a row", () => {
  const seen: Failure[] = [];
  const world = started(
    new World(policyOf({
      classify: (failure) => {
        seen.push(failure);
        return { verdict: "transient" };
      },
    })),
  );
  const authFailed = new TransportError("auth_failed", "Cannot connect");
  for (const error of [refused, refused, authFailed, rejected]) {
    world.refuse(error);
    world.fire("retry");
  }
  world.feed({ type: "opened", dial: world.state.attempts, protocol: "" });
  world.feed({ type: "startFailed", epoch: 1, error: gone });
  world.fire("retry");
  world.feed({ type: "opened", dial: world.state.attempts, protocol: "" });
  lose(world, 1001);
  world.fire("retry");
  world.open();
  lose(world, 1008);
  assertEquals(seen.map(({ stage, inARow, end }) => [stage, inARow, end?.code]), [
    ["dial", 1, undefined],
    ["dial", 2, undefined],
    ["auth", 1, undefined],
    ["auth", 1, undefined],
    ["start", 1, undefined],
    ["start", 1, 1001],
    ["session", 1, 1008],
  ]);
});

test("transition() does not forget that a session went silent while it was starting", () => {
  // The heartbeat says stale once. It was ignored before the start was done, and the session then counted as up for ever.
  const world = started(new World());
  world.feed({ type: "opened", dial: 1, protocol: "" });
  world.feed({ type: "stale", epoch: 1 });
  assertEquals([world.state.mode, world.state.stales], ["starting", 0]);
  world.feed({ type: "started", epoch: 1 });
  assertEquals([world.state.mode, world.state.phase, world.state.stales], ["stale", "stale", 1]);
  assert(types(world).includes("up"), "its start is done all the same");
  world.feed({ type: "alive", epoch: 1 });
  assertEquals(world.state.phase, "connected");
  const heard = started(new World());
  heard.feed({ type: "opened", dial: 1, protocol: "" });
  heard.feed({ type: "stale", epoch: 1 });
  heard.feed({ type: "alive", epoch: 1 });
  heard.feed({ type: "started", epoch: 1 });
  assertEquals([heard.state.mode, heard.state.stales], ["up", 0]);
  // And the next session knows nothing of it.
  const next = started(new World());
  next.feed({ type: "opened", dial: 1, protocol: "" });
  next.feed({ type: "stale", epoch: 1 });
  next.feed({ type: "forceReconnect" });
  next.open();
  assertEquals(next.state.mode, "up");
});

test("transition() renews up to a tenth early, without backoff and without a failure", () => {
  const world = started(new World(policyOf({ renewAfterMs: 100_000 })));
  world.feed({ type: "opened", dial: 1, protocol: "" });
  world.feed({ type: "started", epoch: 1 }, 0.999);
  const at = world.timers.get("renew")!.at - world.now;
  assert(at >= 90_000 && at < 100_000, String(at));
  world.fire("stable");
  world.fire("renew");
  assertEquals([world.state.mode, world.state.failures], ["dialing", 0]);
  world.open();
  assertEquals([world.state.epoch, world.state.phase], [2, "resumed"]);
});

test("transition() with one session ends with it, also when it is asked to reconnect", () => {
  // passthrough(): forceReconnect dialled a second session.
  const once = policyOf({ once: true, renewAfterMs: 50_000 });
  const endings: readonly ((world: World) => void)[] = [
    (world) => world.feed({ type: "forceReconnect" }),
    (world) => world.fire("renew"),
    (world) => world.lose(),
    (world) => {
      world.feed({ type: "lost", epoch: 1, error: goneBy(end(1000)) });
    },
  ];
  for (const [i, ending] of endings.entries()) {
    const world = started(new World(once));
    world.open();
    ending(world);
    assertEquals([world.ended, world.state.phase, world.state.attempts], [true, "closed", 1]);
    const finish = world.last.find((effect) => effect.type === "finish");
    assert(finish !== undefined && (finish.error === undefined) === (i === 3), `ending ${i}`);
  }
  const failed = started(new World(once));
  failed.refuse();
  assertEquals([failed.ended, failed.state.phase], [true, "closed"]);
});

test("scenario 50: transition() ends after a shutdown in every mode, twice or not", () => {
  const ways: { readonly [mode: string]: (world: World) => void } = {
    idle: () => {},
    dialing: (world) => void started(world),
    waiting: (world) => void started(world).refuse(),
    starting: (world) => void started(world).feed({ type: "opened", dial: 1, protocol: "" }),
    up: (world) => started(world).open(),
    stale: (world) => {
      started(world).open();
      world.feed({ type: "stale", epoch: 1 });
    },
  };
  const shutdown = { type: "shutdown", code: 4000, reason: "bye", timeoutMs: undefined } as const;
  for (const [mode, way] of Object.entries(ways)) {
    for (const answer of ["answered", "silent"]) {
      const world = new World();
      way(world);
      assertEquals(world.state.mode, mode);
      world.feed(shutdown);
      world.feed(shutdown);
      assertEquals(world.state.phase, "closed");
      if (!world.ended) {
        assertEquals([...world.timers.keys()], ["shutdown"]);
        if (answer === "answered") lose(world, 1000);
        else world.fire("shutdown");
      }
      assert(world.ended, mode);
      assertEquals(world.finishes, 1);
      assert(world.now <= 2_000, "within its bound");
      assertEquals(world.state.error?.code, "closed");
      world.feed(shutdown);
    }
  }
});

test("scenario 50: transition() hands the close frame over before the terminal snapshot and the end", () => {
  const world = started(new World());
  world.open();
  world.feed({ type: "shutdown", code: 4000, reason: "bye", timeoutMs: undefined });
  assertEquals(world.last.map(shown), ["no stable", "close 4000", "finish", "shutdown in 2000"]);
});

test("scenario 50: transition() keeps the earlier of two bounds", () => {
  for (const [first, second, bound] of [[9_000, 100, 200], [100, 9_000, 100]] as const) {
    const world = started(new World());
    world.open();
    const shutdown = { type: "shutdown", code: 1000, reason: "" } as const;
    world.feed({ ...shutdown, timeoutMs: first });
    world.now += 100;
    if (world.timers.get("shutdown")!.at > world.now) {
      world.feed({ ...shutdown, timeoutMs: second });
    }
    world.fire("shutdown");
    assertEquals([world.ended, world.now], [true, bound]);
  }
});

test("scenario 52: transition() cancels the dial on shutdown, and refuses what opens all the same", () => {
  const world = started(new World());
  world.feed({ type: "shutdown", code: 1000, reason: "", timeoutMs: undefined });
  assertEquals(world.last.map(shown), ["cancel 1", "finish", "end"]);
  world.feed({ type: "opened", dial: 1, protocol: "" });
  assertEquals(world.last.map(shown), ["refuse 1"]);
  assertEquals(world.state.epoch, 0);
});

test("transition() lets markHealthy forgive at once, and only while there is a session", () => {
  const world = started(new World());
  for (let i = 0; i < 4; i++) {
    world.refuse();
    world.feed({ type: "markHealthy" });
    assertEquals(world.state.failures, i + 1, "nothing is healthy while it waits");
    world.fire("retry");
  }
  world.open();
  world.feed({ type: "markHealthy" });
  assertEquals([world.state.failures, world.state.dials, world.state.permanents], [0, 0, 0]);
  world.lose();
  assertEquals(world.delayMs, 750);
});

test("transition() is pure: the same state, event and moment give the same result, and nothing is changed", () => {
  const world = started(new World());
  world.open();
  const frozen = Object.freeze(world.state);
  Object.freeze(frozen.timers);
  const one = world.fork();
  const two = world.fork();
  one.lose(0.3);
  two.lose(0.3);
  assertEquals(one.state, two.state);
  assertEquals(one.last.map(shown), two.last.map(shown));
});
