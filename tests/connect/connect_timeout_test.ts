/**
 * One deadline per dial: one winner, and nothing that opens late stays.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { auth } from "../../src/connect/auth.ts";
import { connectTimeout } from "../../src/connect/connect_timeout.ts";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import { ManualClock } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { able, countingAbort, DeafLeaf, greeting, settled } from "./bench.ts";

test("connectTimeout() refuses a deadline that is none", () => {
  const clock = new ManualClock();
  for (const ms of [0, -1, NaN, Infinity, "5", undefined, null]) {
    const error = assertThrows(() => connectTimeout(ms as number, clock), TransportError);
    assert(isTransportError(error, "invalid_options"), String(ms));
  }
});

test("connectTimeout() passes on capabilities, handshake and trace", async () => {
  const leaf = new DeafLeaf({ ping: false });
  const layer = connectTimeout(100, new ManualClock())(leaf);
  assertEquals(layer.capabilities, { ...able, ping: false });
  const handshake = greeting();
  const trace = () => {};
  const opening = layer.connect(handshake, { signal: new AbortController().signal, trace });
  assertStrictEquals(leaf.dials[0]!.handshake, handshake);
  assertStrictEquals(leaf.dials[0]!.context.trace, trace);
  leaf.dials[0]!.open();
  assertStrictEquals(await opening, leaf.dials[0]!.socket);
});

test("connectTimeout() gives each dial a fresh deadline, and leaves neither timer nor listener", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const layer = connectTimeout(100, clock)(leaf);
  const { signal, listeners } = countingAbort();
  for (let i = 0; i < 3; i++) {
    const opening = layer.connect(greeting(), { signal });
    clock.skip(90);
    leaf.dials[i]!.open();
    await opening;
    assertEquals([clock.timers, listeners()], [0, 0]);
  }
  const failing = layer.connect(greeting(), { signal });
  leaf.dials[3]!.fail(new Error("refused"));
  await assertRejects(() => failing, Error, "refused");
  assertEquals([clock.timers, listeners()], [0, 0]);
});

test("scenario 4: connectTimeout() ends a dial that is never answered, and abandons what opens later", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const { signal, listeners } = countingAbort();
  const opening = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  assert(!clock.fireNext(99));
  assert(clock.fireNext(100));
  const error = await assertRejects(() => opening, TransportError, "took over 100 ms");
  assertEquals([error.code, error.kind], ["connect_timeout", "timeout"]);
  const dial = leaf.dials[0]!;
  assert(dial.context.signal.aborted, "what is inside is told");
  assertStrictEquals(dial.context.signal.reason, error);
  dial.open();
  await settled();
  assertEquals([dial.socket.abandons, clock.timers, listeners()], [1, 0, 0]);
});

test("scenario 5: connectTimeout() has one winner when open and timeout come in one turn, open first", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const { signal } = new AbortController();
  // The dial's promise has resolved, but nobody has heard of it when the timer fires: the deadline wins, and the socket goes.
  const opening = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  leaf.dials[0]!.open();
  clock.fireNext(100);
  const error = await assertRejects(() => opening, TransportError);
  assertEquals([error.code, leaf.dials[0]!.socket.abandons], ["connect_timeout", 1]);
  // One microtask later it is the open that wins, and no timer is left that could undo it.
  const second = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  leaf.dials[1]!.open();
  await settled();
  assert(!clock.fireNext(100));
  assertStrictEquals(await second, leaf.dials[1]!.socket);
  assertEquals(leaf.dials[1]!.socket.abandons, 0);
  assert(!leaf.dials[1]!.context.signal.aborted);
});

test("scenario 5: connectTimeout() has one winner when open and timeout come in one turn, timeout first", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const { signal } = new AbortController();
  const opening = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  clock.fireNext(100);
  leaf.dials[0]!.open();
  await assertRejects(() => opening, TransportError);
  await settled();
  assertEquals(leaf.dials[0]!.socket.abandons, 1);
});

test("connectTimeout() ends at once with the signal's reason, and abandons what opens later", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const { controller, signal, listeners } = countingAbort();
  const opening = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  const reason = new Error("not wanted");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  assertStrictEquals(leaf.dials[0]!.context.signal.reason, reason);
  leaf.dials[0]!.open();
  await settled();
  assertEquals([leaf.dials[0]!.socket.abandons, clock.timers, listeners()], [1, 0, 0]);
});

test("connectTimeout() does not dial at all when the signal has aborted", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const signal = AbortSignal.abort(new Error("gone"));
  await assertRejects(
    () => connectTimeout(100, clock)(leaf).connect(greeting(), { signal }),
    Error,
    "gone",
  );
  assertEquals([leaf.dials.length, clock.timers], [0, 0]);
});

test("connectTimeout() survives a layer that throws instead of rejecting, and one that fails late", async () => {
  const clock = new ManualClock();
  const throwing = {
    capabilities: able,
    connect: () => {
      throw new TypeError("not a promise");
    },
  };
  const { signal, listeners } = countingAbort();
  const failed = connectTimeout(100, clock)(throwing).connect(greeting(), { signal });
  await assertRejects(() => failed, TypeError, "not a promise");
  assertEquals([clock.timers, listeners()], [0, 0]);
  const leaf = new DeafLeaf();
  const opening = connectTimeout(100, clock)(leaf).connect(greeting(), { signal });
  clock.fireNext(100);
  leaf.dials[0]!.fail(new Error("late: nobody may hear of it, least of all the process"));
  await assertRejects(() => opening, TransportError, "took over");
  await settled();
});

test("connectTimeout() covers auth when it is outside of it, and does not when it is inside", async () => {
  const hung = () => new Promise<void>(() => {});
  const { signal } = new AbortController();
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  const outside = connectTimeout(100, clock)(auth(hung)(leaf)).connect(greeting(), { signal });
  clock.fireNext(100);
  await assertRejects(() => outside, TransportError, "took over");
  let over = false;
  auth(hung)(connectTimeout(100, clock)(leaf)).connect(greeting(), { signal })
    .finally(() => over = true).catch(() => {});
  await settled();
  assertEquals([clock.timers, over], [0, false]);
});
