/**
 * The checkers of the simulation can fail: each is shown what it is there to find.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import type {
  ConnectionStats,
  DeliveredFrame,
  LifecycleSnapshot,
  TraceEvent,
  TraceFact,
} from "../../mod.ts";
import { TransportError } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { AuthCheck } from "./invariants/auth.ts";
import { BackoffCheck } from "./invariants/backoff.ts";
import { checkBounds } from "./invariants/bounds.ts";
import { DeliveryCheck } from "./invariants/delivery.ts";
import type { Fail } from "./invariants/fail.ts";
import { ObserverCheck } from "./invariants/observers.ts";
import { checkTransition } from "./invariants/phases.ts";
import { PromiseCheck } from "./invariants/promises.ts";
import { SendCheck } from "./invariants/sends.ts";
import { SocketCheck, type SocketFacts } from "./invariants/sockets.ts";
import { WindowCheck } from "./invariants/windows.ts";

/** What a check says, as `I1 detail`. */
function said(check: (fail: Fail) => void): string[] {
  const lines: string[] = [];
  check((invariant, detail) => lines.push(`${invariant} ${detail}`));
  return lines;
}

const none: ConnectionStats = {
  received: 0,
  leafDropped: 0,
  delivered: 0,
  buffered: 0,
  bufferedBytes: 0,
  totalLagged: 0,
  totalDiscarded: 0,
  sent: 0,
  waiting: 0,
  waitingBytes: 0,
  zombies: 0,
  roundTripMs: undefined,
};

function frame(epoch: number, seq: number): DeliveredFrame {
  return { type: "text", data: "", epoch, seq };
}

/** Sequences of delivered frames: epoch, seq, session, number in it. */
const deliveries: readonly [string, readonly (readonly number[])[], RegExp][] = [
  ["a frame twice", [[1, 1, 1, 1], [1, 1, 1, 1]], /^I1 frame 1 was delivered after/],
  ["an old epoch after a newer one", [[2, 1, 1, 1], [1, 2, 2, 1]], /^I11 a frame of epoch 1/],
  ["one session in two epochs", [[1, 1, 1, 1], [2, 2, 1, 2]], /^I2 session 1/],
  ["two sessions in one epoch", [[1, 1, 1, 1], [1, 2, 2, 1]], /^I2 epoch 1 holds/],
  ["a hole that seq does not show", [[1, 1, 1, 1], [1, 2, 1, 3]], /^I1 frame 2 is number 3/],
];

for (const [what, frames, expected] of deliveries) {
  test(`DeliveryCheck finds ${what}`, () => {
    const check = new DeliveryCheck();
    const lines = said((fail) => {
      for (const [epoch = 0, seq = 0, session = 0, number = 0] of frames) {
        check.frame(frame(epoch, seq), { session, number }, 9, fail);
      }
    });
    assertMatch(lines.join("\n"), expected);
  });
}

test("DeliveryCheck finds counts that do not balance, and a gap that was not counted", () => {
  const check = new DeliveryCheck();
  assertEquals(said((fail) => check.check(none, fail)), []);
  assertMatch(said((fail) => check.check({ ...none, received: 1 }, fail))[0]!, /^I1 received/);
  assertMatch(
    said((fail) => check.check({ ...none, received: 1, delivered: 1 }, fail))[0]!,
    /^I1 delivered 1, seen 0/,
  );
  said((fail) => check.frame(frame(1, 3), { session: 1, number: 3 }, 1, fail));
  const counted = { ...none, received: 3, delivered: 1, totalLagged: 2 };
  assertEquals(said((fail) => check.check(counted, fail)), []);
  const discarded = { ...none, received: 3, delivered: 1, totalDiscarded: 2 };
  assertMatch(said((fail) => check.check(discarded, fail))[0]!, /^I1 gaps of 2/);
});

test("DeliveryCheck finds a frame that comes before its epoch is published", () => {
  const check = new DeliveryCheck();
  const lines = said((fail) => check.frame(frame(2, 1), { session: 1, number: 1 }, 1, fail));
  assertMatch(lines[0]!, /^I2 a frame of epoch 2/);
});

test("WindowCheck finds one too many, at both ends of the window", () => {
  const check = new WindowCheck("I5", 2, 100);
  assertEquals(said((fail) => [0, 1].forEach((now) => check.count(now, "dials", fail))), []);
  assertMatch(said((fail) => check.count(100, "dials", fail))[0]!, /^I5 3 dials within 100 ms/);
  assertEquals(said((fail) => check.count(102, "dials", fail)), []);
});

const limits = {
  minDelayMs: 100,
  maxDelayMs: 1_000,
  multiplier: 2,
  stableAfterMs: 500,
  renewAfterMs: undefined,
};
const error = new TransportError("session_lost", "Session 1 lost");

function failureAt(atMs: number): TraceEvent {
  return { type: "failure", stage: "session", verdict: "transient", error, inARow: 1, atMs };
}

const stories: readonly [string, readonly (TraceFact & { readonly atMs: number })[], RegExp][] = [
  [
    "a delay below the least",
    [failureAt(0), { type: "retry", delayMs: 99, hintMs: 0, atMs: 0 }],
    /^I13 delay 99/,
  ],
  [
    "a delay above the cap of its failure",
    [failureAt(0), { type: "retry", delayMs: 201, hintMs: 0, atMs: 0 }],
    /^I13 delay 201 after failure 1/,
  ],
  [
    "a dial before its delay is over",
    [
      failureAt(0),
      { type: "retry", delayMs: 150, hintMs: 0, atMs: 0 },
      { type: "dial", attempt: 2, url: "", atMs: 149 },
    ],
    /^I13 dialled 1 ms before the delay/,
  ],
  [
    "a session that is called stable too early",
    [
      { type: "open", epoch: 1, protocol: "", atMs: 0 },
      { type: "start", epoch: 1, atMs: 0 },
      { type: "stable", epoch: 1, atMs: 499 },
    ],
    /^I13 called stable 499 ms/,
  ],
];

for (const [what, events, expected] of stories) {
  test(`BackoffCheck finds ${what}`, () => {
    const check = new BackoffCheck(limits, () => {});
    const lines = said((fail) => {
      for (const event of events) check.follow(event, fail);
    });
    assertMatch(lines.join("\n"), expected);
  });
}

test("BackoffCheck finds a forced dial that ignores a hint", () => {
  const check = new BackoffCheck(limits, () => {});
  const lines = said((fail) => {
    check.follow(failureAt(0), fail);
    check.follow({ type: "retry", delayMs: 5_150, hintMs: 5_000, atMs: 0 }, fail);
    check.forced();
    check.follow({ type: "dial", attempt: 2, url: "", atMs: 4_999 }, fail);
  });
  assertEquals(lines, ["I13 dialled 1 ms before the hint was over"]);
});

const snapshot: LifecycleSnapshot = {
  phase: "connected",
  up: true,
  epoch: 1,
  attempts: 1,
  stales: 0,
  totalLagged: 0,
  totalLaggedBytes: 0,
  totalDiscarded: 0,
  downSinceMs: undefined,
  exhausted: false,
  error: undefined,
  version: 1,
};

const changes: readonly [string, Partial<LifecycleSnapshot>, Partial<LifecycleSnapshot>, RegExp][] =
  [
    [
      "an illegal transition",
      {},
      { phase: "connecting", up: false, downSinceMs: 1 },
      /^I9 illegal/,
    ],
    [
      "a life after the end",
      { phase: "closed", up: false, downSinceMs: 1 },
      { phase: "closed", up: false, downSinceMs: 1, attempts: 2 },
      /^I9 something changed/,
    ],
    ["an epoch that jumps", {}, { phase: "stale", up: false, downSinceMs: 1, epoch: 3 }, /^I2/],
    ["a count that falls", { stales: 2 }, { stales: 1 }, /^I10 stales fell/],
    ["up without being so", {}, { up: true, downSinceMs: 4 }, /^I9 up is true/],
    ["a resumed first session", {}, { phase: "resumed" }, /I9 resumed in epoch 1/],
  ];

for (const [what, before, after, expected] of changes) {
  test(`checkTransition() finds ${what}`, () => {
    const lines = said((fail) =>
      checkTransition({ ...snapshot, ...before }, { ...snapshot, ...after }, fail)
    );
    assertMatch(lines.join("\n"), expected);
  });
}

test("SocketCheck finds two attached sockets, one that was kept, and a zombie that is not counted", () => {
  const live: SocketFacts = { attached: true, abandoned: false, ended: false };
  const two = new SocketCheck();
  two.opened(live);
  two.opened(live);
  assertMatch(said((fail) => two.attached(fail))[0]!, /^I3 2 sockets/);
  assertMatch(said((fail) => two.checkEnd(fail))[0]!, /^I8 2 sockets/);
  const late = new SocketCheck();
  late.opened({ ...live, attached: false });
  assertMatch(said((fail) => late.check(0, fail))[0]!, /^I3 1 sockets opened/);
  const zombie = new SocketCheck();
  zombie.opened({ ...live, abandoned: true });
  assertEquals(said((fail) => zombie.check(1, fail)), []);
  assertMatch(said((fail) => zombie.check(0, fail))[0]!, /^I4 1 abandoned/);
});

test("SendCheck finds a frame that crosses an epoch, goes twice, or has another fate than it says", () => {
  const check = new SendCheck();
  check.submitted(1, { epoch: 1, oneShot: true });
  assertMatch(said((fail) => check.handedOver(1, 2, fail))[0]!, /^I11 frame 1 of epoch 1/);
  assertMatch(said((fail) => check.handedOver(1, 1, fail))[0]!, /^I11 frame 1 was handed over 2/);
  check.submitted(2, { epoch: undefined, oneShot: true });
  assertMatch(said((fail) => check.settled(2, "resolved", fail))[0]!, /^I7 the send of frame 2/);
  check.submitted(3, { epoch: 1, oneShot: true });
  assertEquals(said((fail) => check.check(1, fail)), []);
  assertMatch(said((fail) => check.check(2, fail)).join("\n"), /frame 3 is pending/);
  assertMatch(said((fail) => check.handedOver(9, 1, fail))[0]!, /never submitted/);
});

test("PromiseCheck finds what is late, allows for sleep, and finds what never settles", async () => {
  const check = new PromiseCheck();
  check.follow(new Promise(() => {}), "wait", 0, 100);
  await check.follow(Promise.resolve(), "other", 0, 0);
  assertEquals(said((fail) => check.check(100, fail)), []);
  assertMatch(said((fail) => check.check(101, fail))[0]!, /^I7 wait of 0 was due at 100/);
  check.slept(50);
  assertEquals(said((fail) => check.check(150, fail)), []);
  assertMatch(said((fail) => check.checkEnd(fail))[0]!, /^I7 wait of 0 never settled/);
});

test("ObserverCheck finds that subtraction gives something else than what happened", () => {
  const check = new ObserverCheck();
  const truth = { opens: 1, dials: 1, stales: 0, lagged: 0, discarded: 0 };
  said((fail) => check.look(snapshot, truth, fail));
  const later = { ...snapshot, epoch: 3 };
  const lines = said((fail) => check.look(later, { ...truth, opens: 2 }, fail));
  assertEquals(lines, ["I10 an observer derives opens 2, there were 1"]);
});

test("AuthCheck finds two pulls at a time, an old token, and one that is used twice", () => {
  const { signal } = new AbortController();
  const check = new AuthCheck();
  const first = check.pulled(signal, () => {});
  assertMatch(said((fail) => check.pulled(signal, fail))[0]!, /^I15 pull 2 while/);
  assertMatch(said((fail) => check.dialled(String(first.token), 2, fail))[0]!, /^I15 dialled with/);
  assertMatch(said((fail) => check.dialled("2", 2, fail))[0]!, /^I15 token 2 is used for a second/);
});

test("checkBounds() finds too many frames or bytes, on either axis", () => {
  const hold = {
    maxFrames: 2,
    maxBytes: 10,
    maxWaitingFrames: 2,
    maxWaitingBytes: 10,
    largestFrame: 20,
  };
  const lines = said((fail) => {
    checkBounds({ ...none, buffered: 4, bufferedBytes: 21 }, hold, fail);
    checkBounds({ ...none, waiting: 7, waitingBytes: 61 }, hold, fail);
  });
  assertEquals(lines.map((line) => line.slice(0, 3)), ["I14", "I14", "I12", "I14"]);
});
