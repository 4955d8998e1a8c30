/**
 * The kit as a whole: what it promises to whoever tests an adapter with it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { open } from "../../mod.ts";
import { mockRuntime, seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

test("mockRuntime() shows in ten lines that an adapter subscribes again", async () => {
  const mock = mockRuntime();
  const feed = open("ws://venue", {
    runtime: mock.runtime,
    onSession: (session) => session.send("subscribe A"),
  });
  (await mock.dial()).open();
  await mock.settle();
  mock.connector.dials[0]!.end({ code: 1006 });
  const second = await mock.dial();
  second.open();
  await mock.settle();
  assertEquals([second.sent, feed.lifecycle.value.phase], [["subscribe A"], "resumed"]);
  await feed.control.shutdown();
});

test("mockRuntime() dial() lets the backoff pass, and says so when nothing will dial", async () => {
  const mock = mockRuntime();
  const feed = open("ws://venue", { runtime: mock.runtime });
  (await mock.dial()).fail();
  const second = await mock.dial();
  assert(mock.clock.now() >= 500, "a dial came before its delay was over");
  second.open();
  await mock.settle();
  await feed.control.shutdown();
  await assertRejects(() => mock.dial(), Error, "nothing dials");
});

test("mockRuntime() advance() fires every timer in its time, and stops where it was told to", async () => {
  const mock = mockRuntime();
  const times: number[] = [];
  const again = () => {
    times.push(mock.clock.now());
    if (times.length < 5) mock.clock.setTimer(again, 10);
  };
  mock.clock.setTimer(again, 10);
  await mock.advance(35);
  assertEquals([times, mock.clock.now()], [[10, 20, 30], 35]);
  await mock.advance(15);
  assertEquals([times, mock.clock.now()], [[10, 20, 30, 40, 50], 50]);
});

test("mockRuntime() settle() waits for promises, tasks and turns that wait for each other", async () => {
  const mock = mockRuntime();
  const order: string[] = [];
  mock.clock.turn(() => {
    order.push("turn");
    void Promise.resolve().then(() => {
      order.push("promise of the turn");
      mock.clock.turn(() => order.push("turn of the promise"));
    });
  });
  void Promise.resolve().then(() => order.push("promise"));
  await mock.settle();
  assertEquals(order, ["promise", "turn", "promise of the turn", "turn of the promise"]);
  assertEquals(mock.clock.turns, 0);
});

test("mockRuntime() with stepped leaves events to the test, so that it can look between two", async () => {
  const mock = mockRuntime({ stepped: true });
  const feed = open("ws://venue", { runtime: mock.runtime });
  await Promise.resolve();
  assertEquals([mock.spawn.pending, feed.lifecycle.value.attempts], [1, 0]);
  assertEquals(mock.spawn.step(), true);
  assertEquals([mock.spawn.pending, feed.lifecycle.value.attempts], [0, 1]);
  const ended = feed.control.shutdown();
  await mock.settle();
  await ended;
});

test("mockRuntime() repeats its randomness for the same seed, and not for another", () => {
  const draws = (seed: number) => {
    const { random } = mockRuntime({ seed }).runtime;
    return [random(), random(), random()];
  };
  assertEquals(draws(3), draws(3));
  assert(draws(3)[0] !== draws(4)[0]);
});

test("seededRandom() stays in [0, 1) and fills it evenly", () => {
  const random = seededRandom(42);
  const bins = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const value = random();
    assert(value >= 0 && value < 1);
    bins[Math.floor(value * 10)]!++;
  }
  assert(bins.every((count) => count > 850 && count < 1_150), `uneven: ${bins}`);
});
