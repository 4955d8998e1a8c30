/**
 * Scenarios of silence, over the whole stack.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { FrameLayer } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { bench, codeOf, reading } from "./bench.ts";

const liveness = { staleAfterMs: 10_000, deadAfterMs: 20_000 };

test("scenario 20: open() calls a silent session stale, then abandons it within its bound", async () => {
  const it = bench({ liveness, mock: { answersClose: false } });
  const dial = await it.up();
  await it.mock.advance(9_000);
  assertEquals(it.now.phase, "connected");
  // Silence is measured by counting: late by one check at most, never early.
  await it.mock.advance(3_500);
  assertEquals([it.now.phase, it.now.up, it.now.stales], ["stale", false, 1]);
  await it.mock.advance(10_000);
  assert(dial.abandoned);
  assertEquals(it.feed.stats().zombies, 1);
  const down = it.trace.find(({ type }) => type === "down")!;
  assert(down.atMs >= 20_000 && down.atMs <= 22_500, String(down.atMs));
  await it.up();
  assertEquals([it.now.epoch, it.now.phase, it.now.stales], [2, "resumed", 1]);
  dial.end({ code: 1006 });
  await it.mock.settle();
  assertEquals(it.feed.stats().zombies, 0, "the platform has reported its end at last");
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("scenario 24: open() is back in the same epoch when the probe is answered, and stales says it happened", async () => {
  const it = bench({ liveness: { ...liveness, probe: { afterMs: 4_000, frame: "ping?" } } });
  const dial = await it.up();
  await it.mock.advance(7_000);
  assertEquals(dial.sent, ["ping?"], "one probe per silence");
  await it.mock.advance(6_000);
  assertEquals(it.now.phase, "stale");
  const since = it.now.downSinceMs!;
  assert(since >= 10_000 && since <= 13_000);
  dial.receive("pong!");
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.epoch, it.now.stales, it.now.downSinceMs], [
    "connected",
    1,
    1,
    undefined,
  ]);
  await it.mock.advance(9_000);
  assertEquals([it.now.phase, dial.sent.length], ["connected", 2], "idle again, probed again");
  assertEquals(it.dialTimes.length, 1);
  await it.close();
});

test("scenario 24: open() takes the pong of a protocol ping for life, and measures the round trip", async () => {
  const it = bench({ liveness: { ...liveness, probe: { afterMs: 4_000 } } });
  const dial = await it.up();
  for (let i = 0; i < 10; i++) {
    await it.mock.advance(4_000);
    const pings = dial.sentFrames.filter(({ type }) => type === "ping").length;
    if (pings === 0) continue;
    await it.mock.advance(35);
    dial.receiveControl("pong");
  }
  assertEquals([it.now.phase, it.now.stales], ["connected", 0]);
  assert(it.feed.stats().roundTripMs! >= 35);
  assertEquals(it.feed.stats().received, 0, "control frames are not delivered");
  await it.close();
});

test("scenario 25: open() lets an adapter's layer say stale when only heartbeats come, and a sparse channel does not trip", async () => {
  const hook: FrameLayer = ({ clock, report, signal }) => {
    let cancel = () => {};
    let late = false;
    const watch = () => {
      cancel();
      cancel = clock.setTimer(() => {
        late = true;
        report({ type: "stale" });
      }, 5_000);
    };
    signal.addEventListener("abort", () => cancel(), { once: true });
    return {
      start: watch,
      transform(frame, controller) {
        if (frame.type === "text" && frame.data !== "heartbeat") {
          watch();
          if (late) report({ type: "alive" });
          late = false;
        }
        controller.enqueue(frame);
      },
    };
  };
  const it = bench({ liveness, recv: [hook] });
  const dial = await it.up();
  for (let i = 0; i < 6; i++) {
    await it.mock.advance(1_000);
    dial.receive("heartbeat");
  }
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.stales], ["stale", 1]);
  dial.receive("trade");
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.epoch], ["connected", 1]);
  await it.close();
  const sparse = bench({ liveness });
  const quiet = await sparse.up();
  for (let i = 0; i < 100; i++) {
    await sparse.mock.advance(7_000);
    quiet.receive("rare");
  }
  assertEquals([sparse.now.stales, sparse.now.phase], [0, "connected"]);
  await sparse.close();
});

test("scenario 25: open() counts as life only what isLife says", async () => {
  const it = bench({
    liveness: { ...liveness, isLife: (frame) => frame.type === "text" && frame.data !== "hb" },
  });
  const dial = await it.up();
  for (let i = 0; i < 14; i++) {
    await it.mock.advance(1_000);
    dial.receive("hb");
  }
  assertEquals(it.now.phase, "stale");
  dial.receive("data");
  await it.mock.settle();
  assertEquals(it.now.phase, "connected");
  await it.close();
});

test("scenario 28: open() answers eight hours of sleep with one probe, or one jittered reconnect, and no storm", async () => {
  const probed = bench({ liveness: { ...liveness, probe: { afterMs: 4_000, frame: "ping?" } } });
  const dial = await probed.up();
  await probed.mock.advance(1_000);
  probed.mock.clock.skip(8 * 3_600_000); // every timer is now late by hours
  await probed.mock.advance(3_000);
  assertEquals([dial.sent, dial.abandoned], [["ping?"], false]);
  dial.receive("pong!");
  await probed.mock.advance(1_000);
  assertEquals([probed.now.phase, probed.dialTimes.length], ["connected", 1]);
  await probed.close();

  const plain = bench({ liveness });
  const old = await plain.up();
  await plain.mock.advance(1_000);
  plain.mock.clock.skip(8 * 3_600_000);
  await plain.mock.advance(0);
  assert(old.abandoned, "what was not heard for hours proves nothing");
  const wokeAt = plain.mock.clock.now();
  await plain.up();
  assertEquals(plain.dialTimes.length, 2);
  const delay = plain.dialTimes[1]! - wokeAt;
  assert(delay >= 500 && delay <= 1_000, `jittered as any retry: ${delay}`);
  await plain.close();
});

test("scenario 28: open() notices a sleep that monotonic time did not count", async () => {
  const it = bench({ liveness: { ...liveness, probe: { afterMs: 4_000, frame: "ping?" } } });
  const dial = await it.up();
  await it.mock.advance(1_000);
  it.mock.clock.jumpWall(8 * 3_600_000);
  await it.mock.advance(2_600);
  assertEquals(dial.sent, ["ping?"]);
  dial.receive("pong!");
  await it.mock.settle();
  assertEquals(it.now.phase, "connected");
  await it.close();
});

test("scenario 30: open() clamps a delay of 2^31 ms or more, and does not dial at once", async () => {
  const it = bench({
    backoff: { minDelayMs: 2 ** 31 + 1, maxDelayMs: 2 ** 33 },
    classify: () => ({ verdict: "transient", minDelayMs: 2 ** 32 }),
    liveness: { staleAfterMs: 2 ** 32, deadAfterMs: 2 ** 33 },
    connectTimeoutMs: 2 ** 35,
    startTimeoutMs: 2 ** 35,
    renewAfterMs: 2 ** 40,
  });
  (await it.mock.dial()).fail();
  await it.mock.advance(2 ** 31 - 2);
  assertEquals(it.dialTimes.length, 1, "24 days later, and not at once");
  await it.close();
});

test("scenario 27: open() takes a turn before it calls a session stale that could not be heard meanwhile", async () => {
  const it = bench({ liveness });
  const dial = await it.up();
  await it.mock.advance(8_000);
  // The loop was blocked; the frames are in the socket already, and are dispatched in the turn after the late timer.
  it.mock.clock.skip(4_000);
  it.mock.clock.fireNext(0);
  it.mock.spawn.run();
  dial.receive("it was there all the time");
  await it.mock.settle();
  await it.mock.advance(0);
  assertEquals([it.now.phase, it.now.stales], ["connected", 0]);
  await it.close();
});

test("open() reports stale to a session that is still starting, and does not forget it", async () => {
  let go = () => {};
  const it = bench({
    liveness: { staleAfterMs: 5_000 },
    onSession: () => new Promise<void>((resolve) => go = resolve),
  });
  const dial = await it.up();
  await it.mock.advance(8_000);
  assertEquals([it.now.phase, it.now.stales], ["connecting", 0]);
  go();
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.up, it.now.stales], ["stale", false, 1]);
  dial.receive("hello");
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.up], ["connected", true]);
  await it.close();
});

test("open() says why a dead session ended, and reads on after it", async () => {
  const it = bench({ liveness });
  const { frames } = reading(it.feed);
  const first = await it.up();
  first.receive("before");
  await it.mock.advance(23_000);
  assertEquals(codeOf(it.now.error), "session_lost");
  first.receive("from the grave");
  const second = await it.mock.dial();
  second.open();
  await it.mock.settle();
  second.receive("after");
  await it.mock.settle();
  assertEquals(frames.map(({ epoch, seq, data }) => [epoch, seq, data]), [
    [1, 1, "before"],
    [2, 2, "after"],
  ]);
  await it.close();
});
