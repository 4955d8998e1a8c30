import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { isTransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import type { LivenessOptions } from "../../src/contract/options.ts";
import type { SessionEvent } from "../../src/contract/session.ts";
import { heartbeat } from "../../src/recv/heartbeat.ts";
import { ManualClock } from "../../src/testing/manual_clock.ts";
import { test } from "../support/harness.ts";
import { text } from "./frames.ts";

const HOUR = 3_600_000;

/** One session with a heartbeat, driven by hand. */
function session(options: LivenessOptions, { over = false } = {}) {
  const clock = new ManualClock();
  const abort = new AbortController();
  if (over) abort.abort();
  const events: [number, SessionEvent["type"]][] = [];
  const reported: SessionEvent[] = [];
  const sent: Frame[] = [];
  const passed: Frame[] = [];
  const layer = heartbeat(options)({
    epoch: 7,
    clock,
    signal: abort.signal,
    send: (frame) => void sent.push(frame),
    report: (event) => {
      events.push([clock.now(), event.type]);
      reported.push(event);
    },
  });
  const controller: TransformStreamDefaultController<Frame> = {
    desiredSize: 1,
    enqueue: (frame) => void passed.push(frame!),
    error: () => {
      throw new Error("error() called");
    },
    terminate: () => {
      throw new Error("terminate() called");
    },
  };
  const turns = () => {
    while (clock.runTurns() > 0);
  };
  void layer.start?.(controller);
  return {
    clock,
    abort,
    events,
    reported,
    sent,
    passed,
    turns,
    hear: (frame: Frame = text("tick")) => void layer.transform?.(frame, controller),
    advance: (ms: number) => {
      const until = clock.now() + ms;
      while (clock.fireNext(until - clock.now())) turns();
      clock.skip(until - clock.now());
    },
  };
}

test("heartbeat() passes every frame on, the same object, control frames too", () => {
  const { hear, passed } = session({});
  const frames: Frame[] = [
    text("a"),
    { type: "ping", data: new Uint8Array(1) },
    { type: "close", code: 1000, reason: "" },
  ];
  frames.forEach(hear);
  assertEquals(passed.length, 3);
  for (const [index, frame] of passed.entries()) assertStrictEquals(frame, frames[index]);
});

test("heartbeat() sets no timer per frame", () => {
  const { clock, hear } = session({ staleAfterMs: 1_000 });
  const { nextAt } = clock;
  for (let i = 0; i < 10_000; i++) hear();
  assertEquals([clock.timers, clock.nextAt, clock.turns], [1, nextAt, 0]);
});

test("heartbeat() has the defaults of the design: stale after 60 s, never dead without a probe", () => {
  const { advance, events } = session({});
  advance(HOUR);
  assertEquals(events, [[60_000, "stale"]]);
});

test("heartbeat() with a probe calls the session dead after 120 s, once, with the facts", () => {
  const { advance, events, reported, clock, sent } = session({ probe: { afterMs: 20_000 } });
  advance(HOUR);
  assertEquals(events, [[20_000, "probe"], [60_000, "stale"], [120_000, "dead"]]);
  assertEquals(sent, [{ type: "ping", data: new Uint8Array(0) }]);
  const dead = reported[2]!;
  assert(dead.type === "dead" && isTransportError(dead.error, "session_lost"));
  assertEquals(dead.error.epoch, 7);
  assertEquals([clock.timers, clock.turns], [0, 0]);
});

test("heartbeat() is alive again at once on a frame, before that frame is passed on", () => {
  const { advance, events, hear, clock, passed } = session({ staleAfterMs: 1_000 });
  advance(1_100);
  assertEquals(events, [[1_000, "stale"]]);
  clock.skip(33);
  hear();
  assertEquals(events, [[1_000, "stale"], [1_133, "alive"]]);
  assertEquals([passed.length, clock.timers], [1, 1]);
  hear();
  assertEquals(events.length, 2);
});

test("heartbeat() takes a second look after a turn: frames that a stall kept in the socket are life", () => {
  const { clock, events, hear, turns, advance } = session({ staleAfterMs: 1_000 });
  advance(500);
  hear();
  advance(300);
  clock.skip(1_500);
  while (clock.fireNext(0));
  assertEquals([events.length, clock.turns], [0, 1]);
  hear();
  turns();
  advance(900);
  assertEquals(events, []);
});

test("heartbeat() does not call dead a session that was heard between the two looks", () => {
  const { clock, events, hear, turns } = session({ staleAfterMs: 1_000, deadAfterMs: 2_000 });
  while (clock.now() < 1_900) {
    clock.fireNext(HOUR);
    if (clock.now() < 2_000) turns();
  }
  while (clock.turns === 0) clock.fireNext(HOUR);
  assertEquals([clock.now(), events], [2_000, [[1_000, "stale"]]]);
  hear();
  turns();
  assertEquals(events, [[1_000, "stale"], [2_000, "alive"]]);
  // The turn that was asked for before the frame must not start a second row of timers.
  assertEquals(clock.timers, 1);
});

test("heartbeat() takes only what isLife accepts for life, and passes the rest on", () => {
  const { advance, events, hear, passed } = session({
    staleAfterMs: 1_000,
    isLife: (frame) => frame.type === "text" && frame.data !== "noise",
  });
  for (let i = 0; i < 9; i++) {
    hear(text("noise"));
    hear({ type: "pong", data: new Uint8Array(0) });
    advance(200);
  }
  assertEquals(events, [[1_000, "stale"]]);
  assertEquals(passed.length, 18);
  hear(text("tick"));
  assertEquals(events.at(-1), [1_800, "alive"]);
});

test("heartbeat() takes a pong or a ping for life, as any inbound frame", () => {
  for (const type of ["ping", "pong"] as const) {
    const { advance, events, hear } = session({ staleAfterMs: 1_000 });
    for (let i = 0; i < 20; i++) {
      hear({ type, data: new Uint8Array(0) });
      advance(400);
    }
    assertEquals(events, [], type);
  }
});

test("heartbeat() sends its probe once per silence, and makes each from the function anew", () => {
  let made = 0;
  const { advance, hear, sent, events } = session({
    staleAfterMs: 1_000,
    deadAfterMs: 100_000,
    probe: { afterMs: 400, frame: () => JSON.stringify({ op: "ping", id: ++made }) },
  });
  advance(300);
  hear();
  advance(5_000);
  hear();
  advance(900);
  assertEquals(sent, [text('{"op":"ping","id":1}'), text('{"op":"ping","id":2}')]);
  assertEquals(events.map(([, what]) => what), ["probe", "stale", "alive", "probe"]);
});

test("heartbeat() sends a probe of bytes as a binary frame", () => {
  const { advance, sent } = session({
    staleAfterMs: 1_000,
    probe: { afterMs: 500, frame: new Uint8Array([1, 2]).buffer },
  });
  advance(600);
  assertEquals(sent, [{ type: "binary", data: new Uint8Array([1, 2]) }]);
});

test("heartbeat() ends the session when its probe cannot be made: no timer throws at the platform", () => {
  const broken: (() => string)[] = [
    () => {
      throw new Error("no nonce");
    },
    () => 7 as unknown as string,
  ];
  for (const frame of broken) {
    const { advance, reported, sent, clock } = session({
      staleAfterMs: 1_000,
      probe: { afterMs: 500, frame },
    });
    advance(HOUR);
    assertEquals([reported.length, sent.length, clock.timers], [1, 0, 0]);
    const [dead] = reported;
    assert(dead?.type === "dead" && isTransportError(dead.error, "layer_failed"));
    assert(dead.error.cause instanceof Error);
  }
});

test("heartbeat() leaves no timer after the abort of its session, in whatever state it was", () => {
  for (const after of [0, 100, 450, 1_000, 1_500, 1_999]) {
    const { advance, abort, clock, events, hear, turns } = session({
      staleAfterMs: 1_000,
      deadAfterMs: 2_000,
      probe: { afterMs: 400 },
    });
    advance(after);
    const before = events.length;
    abort.abort();
    assertEquals(clock.timers, 0, `${after} ms`);
    hear();
    turns();
    advance(HOUR);
    assertEquals([clock.timers, events.length], [0, before], `${after} ms`);
  }
});

test("heartbeat() says nothing any more when its session is aborted between the two looks", () => {
  const { clock, abort, events, turns } = session({ staleAfterMs: 1_000 });
  while (clock.turns === 0) clock.fireNext(HOUR);
  abort.abort();
  turns();
  assertEquals([events, clock.timers, clock.turns], [[], 0, 0]);
});

test("heartbeat() starts nothing in a session that is over already", () => {
  const clock = new ManualClock();
  const layer = heartbeat()({
    epoch: 1,
    clock,
    signal: AbortSignal.abort(),
    send: () => {
      throw new Error("sent");
    },
    report: () => {
      throw new Error("reported");
    },
  });
  void layer.start?.({} as TransformStreamDefaultController<Frame>);
  assertEquals(clock.timers, 0);
});

test("heartbeat() after a sleep of 8 h sends one probe, or where there is none reports dead once", () => {
  for (const probe of [{ afterMs: 20_000 }, undefined]) {
    const { advance, clock, events, hear, sent } = session(probe === undefined ? {} : { probe });
    for (let i = 0; i < 60; i++) {
      advance(1_000);
      hear();
    }
    clock.jumpWall(8 * HOUR);
    advance(15_000);
    const what = events.map(([, type]) => type);
    assertEquals(what, [probe === undefined ? "dead" : "probe"]);
    assertEquals(sent.length, probe === undefined ? 0 : 1);
    if (probe === undefined) continue;
    hear();
    advance(19_000);
    assertEquals(events.length, 1);
  }
});

test("heartbeat() is alive at once on a frame after a sleep, too", () => {
  const { advance, clock, events, hear } = session({ staleAfterMs: 1_000 });
  advance(1_100);
  clock.jumpWall(8 * HOUR);
  hear();
  assertEquals(events, [[1_000, "stale"], [1_100, "alive"]]);
  assertEquals(clock.turns, 0);
});

test("heartbeat() does not notice that the time of day went back 1 h", () => {
  const { advance, clock, events, hear } = session({ staleAfterMs: 1_000 });
  for (let i = 0; i < 100; i++) {
    advance(300);
    hear();
    if (i === 50) clock.jumpWall(-HOUR);
  }
  assertEquals(events, []);
  advance(1_250);
  assertEquals(events.map(([, type]) => type), ["stale"]);
});

test("heartbeat() checks its options before any session, all of them together", () => {
  const error = assertThrows(
    () =>
      heartbeat({
        staleAfterMs: 0,
        deadAfterMs: -1,
        probe: { afterMs: NaN },
        isLife: true,
        every: 5,
      } as unknown as LivenessOptions),
    Error,
  );
  assert(isTransportError(error, "invalid_options"));
  assertEquals(error.problems.map(({ path }) => path).sort(), [
    "deadAfterMs",
    "every",
    "isLife",
    "probe.afterMs",
    "staleAfterMs",
  ]);
});

test("heartbeat() makes each session its own state", () => {
  const clock = new ManualClock();
  const layer = heartbeat({ staleAfterMs: 1_000 });
  const stale: number[] = [];
  const start = (epoch: number) => {
    const transformer = layer({
      epoch,
      clock,
      signal: new AbortController().signal,
      send: () => {},
      report: () => void stale.push(epoch),
    });
    void transformer.start?.({} as TransformStreamDefaultController<Frame>);
  };
  start(1);
  clock.skip(600);
  start(2);
  while (clock.now() < 1_300) {
    clock.fireNext(HOUR);
    clock.runTurns();
  }
  assertEquals(stale, [1]);
});

test("heartbeat() of a session that was over before it started passes frames and sets no timer", () => {
  const { hear, passed, clock } = session({}, { over: true });
  hear();
  assertEquals(passed, [text("tick")]);
  assertEquals(clock.timers, 0);
});
