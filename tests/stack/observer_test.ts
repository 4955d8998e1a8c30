/**
 * Scenarios of observers and callbacks, and the order that section 2 of the design promises.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  attemptBudget,
  type ConnectionOptions,
  type FrameLayer,
  type LifecycleSnapshot,
  type ReconnectingConnection,
  type TraceEvent,
} from "../../mod.ts";
import { test } from "../support/harness.ts";
import { bench, codeOf, outcome, reading } from "./bench.ts";

test("scenario 53: open() stays sane when every callback throws", async () => {
  const boom = () => {
    throw new Error("callback");
  };
  const it = bench({
    tracer: { event: boom },
    classify: boom,
    auth: ({ headers }) => {
      headers.set("x", "1");
      if (calls++ < 2) boom();
    },
    onSession: () => {
      if (starts++ < 2) boom();
    },
    liveness: { staleAfterMs: 10_000, isLife: () => life++ > 0 || boom() },
  });
  let calls = 0;
  let starts = 0;
  let life = 0;
  for (let i = 0; i < 2; i++) await it.up();
  const dial = await it.up();
  assertEquals([it.now.phase, it.now.epoch, calls], ["resumed", 3, 5]);
  dial.receive("isLife throws: the layer has failed, and the session with it");
  await it.mock.settle();
  assertEquals(codeOf(it.now.error), "layer_failed");
  await it.up();
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("scenario 53: open() takes what classify makes of a failure, or the default if it is no verdict", async () => {
  const verdicts: unknown[] = [undefined, null, {}, { verdict: "maybe" }, {
    verdict: "permanent",
    minDelayMs: NaN,
  }];
  for (const verdict of verdicts) {
    const it = bench({ classify: () => verdict as never, permanentRetries: 0 });
    (await it.mock.dial()).fail({ status: 503 });
    await it.mock.settle();
    assertEquals([it.now.phase, it.delays().length], ["connecting", 1]);
    await it.close();
  }
});

test("scenario 53: open() takes calls from within every callback, as events of their own", async () => {
  type Call = (feed: ReconnectingConnection) => void;
  const calls: { readonly [name: string]: Call } = {
    forceReconnect: ({ control }) => control.forceReconnect(),
    markHealthy: ({ control }) => control.markHealthy(),
    shutdown: ({ control }) => void control.shutdown(),
    send: (feed) => void feed.send("x", { hold: true }).catch(() => {}),
    cancel: (feed) => void feed.readable.cancel().catch(() => {}),
    value: (feed) => void feed.lifecycle.value,
  };
  const places: readonly string[] = [
    "dial",
    "failure",
    "open",
    "start",
    "stale",
    "alive",
    "down",
    "retry",
    "stable",
    "end",
    "auth",
    "onSession",
    "classify",
    "layer",
    "transform",
  ];
  for (const [name, call] of Object.entries(calls)) {
    for (const place of places) {
      let armed = true;
      const at = (here: string) => {
        if (here !== place || !armed || it === undefined) return;
        armed = false;
        call(it.feed);
      };
      const layer: FrameLayer = () => {
        at("layer");
        return {
          transform(frame, controller) {
            at("transform");
            controller.enqueue(frame);
          },
        };
      };
      const options: ConnectionOptions = {
        tracer: { event: ({ type }) => at(type) },
        auth: () => at("auth"),
        onSession: () => at("onSession"),
        classify: () => {
          at("classify");
          return { verdict: "transient" };
        },
        recv: [layer],
        liveness: { staleAfterMs: 4_000 },
        backoff: { stableAfterMs: 2_000 },
      };
      let it: ReturnType<typeof bench> | undefined = undefined;
      it = bench(options);
      for (let round = 0; round < 3 && !it.feed.lifecycle.ended; round++) {
        await it.mock.advance(1_100);
        const dial = it.mock.connector.next();
        if (dial === undefined) continue;
        if (round === 0) dial.fail();
        else dial.open();
        await it.mock.settle();
        if (round === 0) continue;
        dial.receive("a");
        await it.mock.advance(6_000);
        dial.receive("b");
        await it.mock.advance(10_000);
        dial.end({ code: 1006 });
        await it.mock.settle();
      }
      const ended = name === "shutdown" || name === "cancel";
      if (!armed && ended) {
        await it.mock.advance(2_000);
        assertEquals(it.now.phase, "closed", `${name} in ${place}`);
      } else if (!ended) {
        // Whatever it was, the connection comes up again.
        for (let i = 0; i < 3 && !it.now.up; i++) await it.up();
        assert(it.now.up, `${name} in ${place}: ${it.now.phase}`);
      }
      await it.close();
      assert(!armed, `${place} never came, so ${name} was not called there`);
    }
  }
});

test("scenario 54: an observer that slept through k cycles finds k by subtraction", async () => {
  const it = bench({
    buffer: { maxFrames: 2 },
    liveness: { staleAfterMs: 4_000 },
    attemptBudget: attemptBudget({ attempts: 1_000, windowMs: 1_000 }),
  });
  const dial = await it.up();
  const before: LifecycleSnapshot = it.now;
  let current = dial;
  for (let k = 1; k <= 7; k++) {
    for (let i = 0; i < 5; i++) current.receive("x");
    await it.mock.advance(6_000);
    current.receive("alive again");
    await it.mock.settle();
    current.end({ code: 1006 });
    (await it.mock.dial()).fail();
    current = await it.up();
  }
  const after = it.now;
  assertEquals({
    reconnects: after.epoch - before.epoch,
    dials: after.attempts - before.attempts,
    stales: after.stales - before.stales,
    lost: after.totalLagged - before.totalLagged,
  }, { reconnects: 7, dials: 14, stales: 7, lost: 40 });
  assert(after.version > before.version);
  await it.close();
});

test("scenario 55: open() does not care about 100 observers, one of them dead and one throwing", async () => {
  const it = bench();
  const dead = it.feed.lifecycle[Symbol.asyncIterator]();
  void dead.next(); // and never again
  const counts: number[] = new Array(98).fill(0);
  const observers = counts.map(async (_, i) => {
    for await (const snapshot of it.feed.lifecycle) counts[i] = snapshot.epoch;
  });
  const throwing = outcome((async () => {
    for await (const { epoch } of it.feed.lifecycle) if (epoch === 2) throw new Error("observer");
  })());
  for (let i = 0; i < 5; i++) (await it.up()).end({ code: 1006 });
  await it.up();
  assertEquals([it.now.epoch, throwing.state], [6, "failed"]);
  assert(counts.every((epoch) => epoch === 6));
  await it.close();
  await Promise.all(observers);
});

test("scenario 55: an observer that comes late, or never looked, learns how it ended", async () => {
  const it = bench({ permanentRetries: 0 });
  (await it.mock.dial()).fail({ status: 401 });
  await it.mock.settle();
  const seen: string[] = [];
  for await (const { phase } of it.feed.lifecycle) seen.push(phase);
  assertEquals(seen, ["unrecoverable"]);
  const error = await assertRejects(() => it.feed.lifecycle.waitFor(({ up }) => up));
  assertEquals(codeOf(error), "unrecoverable");
  assertEquals(await it.feed.lifecycle.changed(), false);
  await it.close();
});

test("open() traces the edges of a life in their order", async () => {
  const it = bench({ liveness: { staleAfterMs: 4_000 } });
  (await it.mock.dial()).fail();
  const dial = await it.up();
  await it.mock.advance(10_000 - 2);
  await it.mock.advance(6_000);
  dial.receive("back");
  await it.mock.advance(0);
  dial.end({ code: 1001 });
  await it.mock.settle();
  await it.close();
  assertEquals(it.trace.map(({ type }) => type), [
    "dial",
    "failure",
    "retry",
    "dial",
    "open",
    "start",
    "stale",
    "alive",
    "failure",
    "down",
    "retry",
    "end",
  ]);
  const times = it.trace.map(({ atMs }) => atMs);
  assertEquals(times, times.toSorted((a, b) => a - b));
});

test("open() shows no secret in traces, errors or snapshots", async () => {
  const it = bench({
    url: "ws://user:hunter2@venue.example/feed?token=hunter2",
    auth: ({ headers, url }) => {
      headers.set("x-key", "hunter2");
      url.searchParams.set("sig", "hunter2");
    },
    headers: { "x-static": "hunter2" },
  });
  const dial = await it.up();
  dial.receive("hunter2");
  void it.feed.send("hunter2");
  dial.end({ code: 1006 });
  (await it.mock.dial()).fail({ status: 401 });
  await it.mock.settle();
  const text = (value: unknown): string =>
    value instanceof Error
      ? `${value.message} ${text(value.cause)} ${JSON.stringify(value)}`
      : JSON.stringify(value) ?? "";
  for (const event of it.trace) {
    assert(!text(event).includes("hunter2"), event.type);
    if ("error" in event) assert(!text(event.error).includes("hunter2"), event.type);
  }
  assert(!text(it.now).includes("hunter2") && !text(it.now.error).includes("hunter2"));
  const first = it.trace.find((event) => event.type === "dial") as TraceEvent & { url: string };
  assertEquals(first.url, "ws://venue.example/feed");
  await it.close();
});

test("auth is innermost: it is pulled after the budget, within the deadline, once per dial", async () => {
  const pulls: number[] = [];
  const it = bench({
    attemptBudget: attemptBudget({ attempts: 1, windowMs: 60_000 }),
    connectTimeoutMs: 1_000,
    auth: (handshake) => {
      pulls.push(it.mock.clock.now());
      handshake.headers.set("x-pull", String(pulls.length));
    },
  });
  const first = await it.mock.dial();
  first.fail();
  await it.mock.advance(59_000);
  assertEquals(pulls, [0], "no credentials are pulled while the budget is waited for");
  const second = await it.mock.dial();
  assertEquals(pulls, [0, 60_001]);
  assertEquals(
    [first, second].map(({ handshake }) => handshake.headers.get("x-pull")),
    ["1", "2"],
  );
  await it.close();
});

test("heartbeat is on the socket side: what a layer swallows or delays is life all the same", async () => {
  const swallow: FrameLayer = () => ({ transform: () => {} });
  const it = bench({ recv: [swallow], liveness: { staleAfterMs: 4_000, deadAfterMs: 8_000 } });
  const dial = await it.up();
  for (let i = 0; i < 20; i++) {
    dial.receive("tick");
    await it.mock.advance(1_000);
  }
  assertEquals([it.now.phase, it.now.stales, it.feed.stats().received], ["connected", 0, 0]);
  await it.close();
});

test("recv layers come in the order of the list, each made anew for every session", async () => {
  const made: string[] = [];
  const tag = (name: string): FrameLayer => ({ epoch }) => {
    made.push(`${name}${epoch}`);
    return {
      transform(frame, controller) {
        if (frame.type !== "text") return controller.enqueue(frame);
        controller.enqueue({ type: "text", data: `${frame.data}${name}` });
      },
    };
  };
  const it = bench({ recv: [tag("a"), tag("b")] });
  const { frames } = reading(it.feed);
  for (let i = 0; i < 2; i++) {
    const dial = await it.up();
    dial.receive("-");
    dial.end({ code: 1006 });
    await it.mock.settle();
  }
  assertEquals(made, ["a1", "b1", "a2", "b2"]);
  assertEquals(frames.map(({ data }) => data), ["-ab", "-ab"]);
  await it.close();
});
