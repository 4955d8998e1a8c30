/**
 * What the simulation found, each as the smallest test that shows it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { attemptBudget, open } from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

test("attemptBudget() holds on the wire too: credentials that came slowly count from when the dial was made", async () => {
  const mock = mockRuntime();
  const windowMs = 10_000;
  const budget = attemptBudget({ attempts: 2, windowMs });
  const slow = [9_000, 0, 0, 0];
  const wire: number[] = [];
  const feed = open("ws://venue", {
    runtime: mock.runtime,
    attemptBudget: budget,
    connectTimeoutMs: 20_000,
    backoff: { minDelayMs: 0, maxDelayMs: 1 },
    auth: () => new Promise((resolve) => mock.clock.setTimer(resolve, slow.shift() ?? 0)),
  });
  for (let i = 0; i < 4; i++) {
    const dial = await mock.dial();
    wire.push(mock.clock.now());
    dial.fail();
  }
  // The first was reserved at 0 and made at 9,000: what counts for the server is when it was made.
  assertEquals(wire[0], 9_000);
  for (const [i, at] of wire.entries()) {
    const within = wire.filter((other) => other >= at && other - at <= windowMs);
    assertEquals(
      within.length <= 2,
      true,
      `${within.length} dials within a window from dial ${i + 1}`,
    );
  }
  await feed.control.shutdown();
});

test("attemptBudget() with a window shorter than a dial counts the dial as long as it lasts", async () => {
  const mock = mockRuntime();
  const options = {
    runtime: mock.runtime,
    attemptBudget: attemptBudget({ attempts: 1, windowMs: 1_000 }),
    connectTimeoutMs: 5_000,
  };
  const one = open("ws://venue", options);
  await mock.settle();
  const other = open("ws://venue", options);
  await mock.advance(4_999);
  assertEquals(mock.connector.dials.length, 1, "the first dial still lasts");
  await mock.advance(1_002);
  assertEquals(mock.connector.dials.length, 2, "a window after its end");
  await Promise.all([one.control.shutdown(), other.control.shutdown()]);
});

test("lifecycle publishes what the leaf dropped after the end", async () => {
  const mock = mockRuntime({ answersClose: false });
  const feed = open("ws://venue", { runtime: mock.runtime });
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  const ended = feed.control.shutdown();
  await mock.settle();
  const { version } = feed.lifecycle.value;
  dial.drop(3, 30);
  assertEquals(feed.lifecycle.value.totalDiscarded, 3);
  assertEquals(feed.lifecycle.value.version > version, true);
  await mock.advance(2_000);
  await ended;
});

test("MockDial delivers frames that came before the end to whoever listens after it", async () => {
  const mock = mockRuntime();
  const feed = open("ws://venue", { runtime: mock.runtime });
  const dial = await mock.dial();
  dial.open();
  dial.receive("greeting");
  dial.end({ code: 1012 });
  await mock.settle();
  const { value } = await feed.frames({ preventCancel: true }).next();
  assertEquals([value?.data, value?.epoch], ["greeting", 1]);
  await feed.control.shutdown();
});
