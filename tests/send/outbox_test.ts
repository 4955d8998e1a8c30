/**
 * The outbox: order, fence, bounds, and what happens when the socket dies at the worst moment.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { sendRateLimit } from "../../src/send/send_rate_limit.ts";
import type { ManualClock } from "../../src/testing/manual_clock.ts";
import { test } from "../support/harness.ts";
import { bench, loss, settled, text } from "./bench.ts";

/** How a promise stands. */
function outcome(promise: Promise<unknown>): { now: string; reason: unknown; times: number } {
  const seen = { now: "pending", reason: undefined as unknown, times: 0 };
  promise.then(() => {
    seen.now = "done";
    seen.times++;
  }, (reason) => {
    seen.now = isTransportError(reason) ? reason.code : "rejected";
    seen.reason = reason;
    seen.times++;
  });
  return seen;
}

/** Time passes, timer by timer. */
function passed(clock: ManualClock, ms: number): void {
  const until = clock.now() + ms;
  while (clock.fireNext(until - clock.now()));
  clock.skip(until - clock.now());
}

/** A layer that changes nothing. */
const passing: Transformer<Frame, Frame> = {
  transform: (frame, controller) => controller.enqueue(frame),
};

const over = new TransportError("closed", "Connection closed: by the test");

test("Outbox refuses at once while there is no session", async () => {
  const { outbox, opened, lost } = bench();
  await assertRejects(() => outbox.send(text("a")), TransportError, "no session is open");
  opened();
  await outbox.send(text("b"));
  lost();
  await assertRejects(() => outbox.send(text("c")), TransportError, "no session is open");
  assertEquals([outbox.waiting, outbox.waitingBytes, outbox.sent], [0, 0, 1]);
});

test("Outbox order is start, then layers, then the rest, first in first out", async () => {
  const { outbox, opened, clock } = bench();
  const socket = opened({ start: false });
  socket.bufferedAmount = 2_000;
  const all = [
    outbox.send(text("app 1")),
    outbox.sendFirst(text("start 1"), 1),
    outbox.send(text("held"), { hold: true }),
    outbox.sendFirst(text("start 2"), 1),
    outbox.send(text("app 2")),
  ];
  outbox.sendAside(text("probe 1"), 1);
  outbox.sendAside(text("probe 2"), 1);
  outbox.start();
  assertEquals(socket.texts, []);
  assertEquals(outbox.waiting, 7);
  socket.bufferedAmount = 0;
  clock.fireNext(10);
  assertEquals(socket.texts, [
    "start 1",
    "start 2",
    "probe 1",
    "probe 2",
    "app 1",
    "held",
    "app 2",
  ]);
  await Promise.all(all);
  assertEquals([outbox.sent, outbox.waiting, clock.timers], [7, 0, 0]);
});

test("Outbox keeps the application's frames behind the start, and start and probe ahead of them", async () => {
  const { outbox, opened } = bench();
  const socket = opened({ start: false });
  const app = outcome(outbox.send(text("app")));
  await outbox.sendFirst(text("login"), 1);
  outbox.sendAside(text("probe"), 1);
  await settled();
  assertEquals(socket.texts, ["login", "probe"]);
  assertEquals(app.now, "pending");
  outbox.start();
  await settled();
  assertEquals(socket.texts, ["login", "probe", "app"]);
  assertEquals(app.now, "done");
});

test("scenario 42: Outbox lets no frame cross into a later session unless it is held", async () => {
  const { outbox, opened, lost } = bench();
  opened({ start: false });
  const fenced = Array.from({ length: 100 }, (_, i) => outcome(outbox.send(text(`fenced ${i}`))));
  const held = Array.from(
    { length: 100 },
    (_, i) => outcome(outbox.send(text(`held ${i}`), { hold: true })),
  );
  lost();
  await settled();
  assert(fenced.every(({ now }) => now === "stale_session"));
  assert(held.every(({ now }) => now === "pending"));
  const first = fenced[0]!.reason;
  assert(isTransportError(first));
  assertEquals(first.epoch, 1);
  assertStrictEquals(first.cause, loss);
  const socket = opened({ start: false });
  assertEquals(socket.texts, [], "held frames wait behind the start as well");
  outbox.start();
  await settled();
  assertEquals(socket.texts, Array.from({ length: 100 }, (_, i) => `held ${i}`));
  assert([...fenced, ...held].every(({ times }) => times === 1));
});

test("scenario 42: Outbox makes no burst of what was held over an outage", async () => {
  const { outbox, clock, opened } = bench({ gate: sendRateLimit({ limit: 5, windowMs: 1_000 }) });
  const all = Array.from({ length: 200 }, () => outbox.send(text("held"), { hold: true }));
  const socket = opened();
  while (outbox.waiting > 0) assert(clock.fireNext(2_000));
  await Promise.all(all);
  const times = socket.sent.map(({ at }) => at);
  for (let i = 0; i + 5 < times.length; i++) assert(times[i + 5]! - times[i]! > 1_000);
});

test("scenario 45: Outbox settles once when the socket dies before the hand-off", async () => {
  const { outbox, opened, lost, clock } = bench();
  const socket = opened();
  socket.alive = false;
  const fenced = outcome(outbox.send(text("fenced")));
  const held = outcome(outbox.send(text("held"), { hold: true }));
  await settled();
  assertEquals([fenced.now, held.now], ["pending", "pending"], "its end is on its way");
  lost();
  await settled();
  assertEquals([fenced.now, held.now], ["stale_session", "pending"]);
  const next = opened();
  await settled();
  assertEquals([held.now, next.texts], ["done", ["held"]]);
  assertEquals([fenced.times, held.times, clock.timers], [1, 1, 0]);
});

test("scenario 45: Outbox settles once when the socket dies during the hand-off", async () => {
  const { outbox, opened, lost } = bench();
  const socket = opened({ start: false });
  const first = outcome(outbox.send(text("a")));
  const held = outcome(outbox.send(text("b"), { hold: true }));
  const last = outcome(outbox.send(text("c")));
  // The platform calls back from within send(), and the session is gone before send() returns.
  socket.onSend = () => lost();
  outbox.start();
  await settled();
  assertEquals(socket.texts, ["a"]);
  assertEquals([first.now, held.now, last.now], ["done", "pending", "stale_session"]);
  const next = opened();
  await settled();
  assertEquals(next.texts, ["b"]);
  assertEquals([first.times, held.times, last.times], [1, 1, 1]);
  assertEquals([outbox.waiting, outbox.waitingBytes], [0, 0]);
});

test("scenario 45: Outbox settles once when the socket dies after the hand-off", async () => {
  const { outbox, opened, lost } = bench();
  const socket = opened();
  const sent = outcome(outbox.send(text("a")));
  lost();
  opened();
  await settled();
  assertEquals([sent.now, sent.times, socket.texts], ["done", 1, ["a"]]);
  assertEquals(outbox.sent, 1);
});

test("Outbox gives up a socket that takes nothing and does not end", async () => {
  const { outbox, opened, failures, clock, lost } = bench({ timeoutMs: 5_000 });
  const socket = opened();
  socket.alive = false;
  const sent = outcome(outbox.send(text("a")));
  passed(clock, 4_999);
  assertEquals(failures.length, 0);
  passed(clock, 1);
  assertEquals(failures.map(({ error }) => error.code), ["send_timeout"]);
  lost();
  await settled();
  assertEquals([sent.now, clock.timers], ["stale_session", 0]);
});

test("Outbox rejects a frame that the socket refuses, and goes on", async () => {
  const { outbox, opened, failures } = bench();
  const socket = opened({ start: false });
  socket.onSend = (frame) => {
    if (frame.type === "ping") throw new TransportError("unsupported", "Cannot send ping");
    if (frame.type === "text" && frame.data === "bad") throw new TypeError("bad payload");
  };
  const waiting = outcome(outbox.send(text("bad")));
  outbox.start();
  await settled();
  assertEquals(waiting.now, "rejected");
  // The same from the quick way, without waiting: a rejection, not an exception.
  await assertRejects(() => outbox.send(text("bad")), TypeError, "bad payload");
  await outbox.send(text("good"));
  assertEquals([socket.texts, failures.length, outbox.waiting], [["good"], 0, 0]);
  // Nobody waits for a frame of a layer: what the socket can never send ends the session.
  outbox.sendAside({ type: "ping", data: new Uint8Array(0) }, 1);
  await settled();
  assertEquals(failures.map(({ epoch, error }) => [epoch, error.code]), [[1, "layer_failed"]]);
});

test("Outbox queue_full comes at either bound, and says what waits", async () => {
  const { outbox, opened } = bench({ maxWaitingFrames: 3, maxWaitingBytes: 10 });
  opened({ start: false });
  for (let i = 0; i < 3; i++) outcome(outbox.send(text("x")));
  const error = await assertRejects(() => outbox.send(text("x")), TransportError, "3 frames");
  assertEquals(error.code, "queue_full");
  const bytes = bench({ maxWaitingFrames: 3, maxWaitingBytes: 10 });
  bytes.opened({ start: false });
  outcome(bytes.outbox.send(text("123456")));
  await assertRejects(() => bytes.outbox.send(text("12345")), TransportError, "6 bytes");
  outcome(bytes.outbox.send(text("1234")));
  assertEquals(bytes.outbox.waitingBytes, 10);
  // One frame above the bound must be sendable, alone.
  const large = bench({ maxWaitingBytes: 10 });
  large.opened({ start: false });
  const sent = outcome(large.outbox.send(text("x".repeat(100))));
  large.outbox.start();
  await settled();
  assertEquals(sent.now, "done");
});

test("Outbox that is full of held frames still lets the start and the probe through", async () => {
  // Held frames wait for the start. Had the start to wait for them, no session would ever be up again.
  const { outbox, opened } = bench({ maxWaitingFrames: 4 });
  const held = Array.from({ length: 4 }, () => outbox.send(text("held"), { hold: true }));
  await assertRejects(() => outbox.send(text("x"), { hold: true }), TransportError, "4 frames");
  const socket = opened({ start: false });
  await outbox.sendFirst(text("login"), 1);
  outbox.sendAside(text("probe"), 1);
  outbox.start();
  await Promise.all(held);
  assertEquals(socket.texts, ["login", "probe", "held", "held", "held", "held"]);
});

test("Outbox bounds what the start sends, too", async () => {
  const { outbox, opened } = bench({ maxWaitingFrames: 2 });
  opened().bufferedAmount = 5_000;
  outcome(outbox.sendFirst(text("a"), 1));
  outbox.sendAside(text("probe"), 1);
  await assertRejects(() => outbox.sendFirst(text("b"), 1), TransportError, "2 frames");
  outbox.sendAside(text("dropped"), 1);
  assertEquals(outbox.waiting, 2);
});

test("Outbox waits above the high-water mark, and looks again", async () => {
  const { outbox, opened, clock, failures } = bench({ highWaterMarkBytes: 1_000 });
  const socket = opened();
  socket.onSend = () => socket.bufferedAmount += 600;
  await outbox.send(text("a"));
  await outbox.send(text("b"));
  const third = outcome(outbox.send(text("c")));
  await settled();
  assertEquals([third.now, socket.texts.length], ["pending", 2], "1,200 bytes are in the socket");
  socket.bufferedAmount = 1_001;
  clock.fireNext(10);
  assertEquals(socket.texts.length, 2);
  socket.bufferedAmount = 1_000;
  clock.fireNext(10);
  await settled();
  assertEquals([third.now, clock.timers], ["done", 0]);
  assertEquals([failures.length, clock.now()], [0, 2]);
});

test("Outbox abandons a socket that drains nothing for timeoutMs, and not one that drains slowly", async () => {
  const { outbox, opened, clock, failures, lost } = bench({ timeoutMs: 1_000 });
  const socket = opened();
  socket.bufferedAmount = 5_000;
  const sent = outcome(outbox.send(text("a")));
  for (let i = 0; i < 300; i++) {
    clock.fireNext(10);
    if (i % 90 === 0) socket.bufferedAmount--;
  }
  assertEquals(failures.length, 0, "one byte in 900 ms is progress");
  const since = clock.now();
  while (failures.length === 0) assert(clock.fireNext(10));
  assert(clock.now() - since <= 1_010, `after ${clock.now() - since} ms`);
  assertEquals(failures[0]!.error.code, "send_timeout");
  assertEquals(failures[0]!.epoch, 1);
  lost();
  await settled();
  assertEquals([sent.now, clock.timers], ["stale_session", 0]);
});

test("Outbox takes no send for stuck that waits for a token or for the start", () => {
  const { outbox, opened, clock, failures } = bench({
    timeoutMs: 100,
    gate: sendRateLimit({ limit: 1, windowMs: 10_000 }),
  });
  opened();
  for (let i = 0; i < 3; i++) outcome(outbox.send(text("x")));
  while (clock.fireNext(30_000));
  assertEquals([failures.length, outbox.sent], [0, 3]);
});

test("Outbox withdraws an aborted send while it waits, and leaves no listener", async () => {
  const { outbox, opened } = bench();
  const socket = opened({ start: false });
  const listeners = { added: 0, removed: 0 };
  const controller = new AbortController();
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.added++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.removed++;
    remove(...args);
  };
  const kept = outcome(outbox.send(text("kept"), { signal }));
  outbox.start();
  await settled();
  assertEquals([kept.now, listeners], ["done", { added: 1, removed: 1 }]);
  socket.bufferedAmount = 5_000;
  const waiting = outbox.send(text("withdrawn"), { signal });
  controller.abort(undefined);
  const reason = await assertRejects(() => waiting);
  assertStrictEquals(reason, signal.reason);
  await assertRejects(() => outbox.send(text("late"), { signal }));
  assertEquals([outbox.waiting, outbox.waitingBytes, socket.texts], [0, 0, ["kept"]]);
});

test("Outbox rejects a start's send of a session that is over", async () => {
  const { outbox, opened, lost } = bench();
  opened();
  const error = await assertRejects(() => outbox.sendFirst(text("a"), 7), TransportError);
  assertEquals(error.code, "stale_session");
  lost();
  await assertRejects(() => outbox.sendFirst(text("a"), 1), TransportError);
  outbox.sendAside(text("probe"), 1);
  assertEquals(outbox.waiting, 0);
});

test("Outbox waits for async layers, one frame at a time and in order", async () => {
  const { outbox, opened } = bench();
  const gates: (() => void)[] = [];
  const socket = opened({
    layers: {
      async transform(frame, controller) {
        await new Promise<void>((resolve) => gates.push(resolve));
        controller.enqueue(frame);
      },
    },
  });
  const sends = ["a", "b", "c"].map((data) => outcome(outbox.send(text(data))));
  await settled();
  assertEquals(gates.length, 1, "b and c wait outside the layer");
  gates[0]!();
  await settled();
  assertEquals([socket.texts, sends.map(({ now }) => now)], [["a"], [
    "done",
    "pending",
    "pending",
  ]]);
  gates[1]!();
  await settled();
  gates[2]!();
  await settled();
  assertEquals([socket.texts, outbox.waiting], [["a", "b", "c"], 0]);
});

test("Outbox sends nothing before async layers have started, and bounds that start", async () => {
  // TransformStream waits for start(); frames that passed before would miss what start() prepares.
  const { outbox, opened, clock, failures } = bench({ timeoutMs: 1_000 });
  let ready = () => {};
  let prepared = false;
  const layers: Transformer = {
    start: () =>
      new Promise<void>((resolve) => {
        ready = () => {
          prepared = true;
          resolve();
        };
      }),
    transform(frame, controller) {
      assert(prepared, "transform before start was done");
      controller.enqueue(frame);
    },
  };
  const socket = opened({ layers });
  const sent = outcome(outbox.send(text("a")));
  await settled();
  assertEquals([socket.texts, sent.now], [[], "pending"]);
  ready();
  await settled();
  assertEquals([socket.texts, sent.now, clock.timers], [["a"], "done", 0]);
  opened({ layers });
  outcome(outbox.send(text("b")));
  passed(clock, 1_000);
  assertEquals(failures.map(({ error }) => error.code), ["send_timeout"]);
});

test("Outbox ends the session of a layer that hangs, and settles the frame inside it", async () => {
  for (const hold of [false, true]) {
    const { outbox, opened, clock, failures, lost } = bench({ timeoutMs: 1_000 });
    opened({ layers: { transform: () => new Promise<void>(() => {}) } });
    const sent = outcome(outbox.send(text("a"), { hold }));
    passed(clock, 1_000);
    assertEquals(failures.map(({ error }) => error.code), ["send_timeout"]);
    lost();
    await settled();
    assertEquals(sent.now, hold ? "pending" : "stale_session");
    const next = opened();
    await settled();
    assertEquals([next.texts, clock.timers], [hold ? ["a"] : [], 0]);
  }
});

test("Outbox ends the session of a layer that fails, once, and sends nothing past it", async () => {
  const boom = new Error("boom");
  const failing: Transformer[] = [
    {
      transform() {
        throw boom;
      },
    },
    { transform: () => Promise.reject(boom) },
    { transform: (_frame, controller) => controller.error(boom) },
    {
      start() {
        throw boom;
      },
      transform: (frame, controller) => controller.enqueue(frame),
    },
    {
      start: () => Promise.reject(boom),
      transform: (frame, controller) => controller.enqueue(frame),
    },
  ];
  for (const [i, layers] of failing.entries()) {
    const { outbox, opened, failures, lost, clock } = bench();
    const socket = opened({ layers });
    const fenced = outcome(outbox.send(text("fenced")));
    const held = outcome(outbox.send(text("held"), { hold: true }));
    await settled();
    outcome(outbox.send(text("more")));
    await settled();
    assertEquals(failures.map(({ error }) => error.code), ["layer_failed"], `layer ${i}`);
    assertStrictEquals(failures[0]!.error.cause, boom);
    assertEquals([fenced.now, held.now, socket.texts], ["pending", "pending", []]);
    lost();
    const next = opened();
    await settled();
    assertEquals([fenced.now, held.now], ["stale_session", "done"], `layer ${i}`);
    assertEquals([next.texts, outbox.waiting, clock.timers], [["held"], 0, 0]);
  }
});

test("Outbox ends the session when a layer terminates", () => {
  const { outbox, opened, failures } = bench();
  opened({ layers: { transform: (_frame, controller) => controller.terminate() } });
  outcome(outbox.send(text("a")));
  assertEquals(failures.map(({ error }) => error.code), ["layer_failed"]);
});

test("Outbox does not send twice what a layer handed over before it failed", async () => {
  const { outbox, opened, lost, failures } = bench();
  const socket = opened({
    layers: {
      transform(frame, controller) {
        controller.enqueue(frame);
        throw new Error("too late");
      },
    },
  });
  const held = outcome(outbox.send(text("held"), { hold: true }));
  assertEquals(failures.length, 1);
  lost();
  const next = opened();
  await settled();
  assertEquals([held.now, held.times], ["done", 1]);
  assertEquals([socket.texts, next.texts], [["held"], []]);
});

test("scenario 45: Outbox does not call a frame sent that a layer gave to a dead socket", async () => {
  const layers: Transformer[] = [
    { transform: (frame, controller) => controller.enqueue(frame) },
    {
      async transform(frame, controller) {
        await undefined;
        controller.enqueue(frame);
      },
    },
  ];
  for (const layer of layers) {
    const { outbox, opened, lost, clock, failures } = bench();
    const socket = opened({ layers: layer });
    socket.alive = false;
    const fenced = outcome(outbox.send(text("fenced")));
    const held = outcome(outbox.send(text("held"), { hold: true }));
    await settled();
    assertEquals([fenced.now, held.now, failures.length], ["pending", "pending", 0]);
    lost();
    const next = opened({ layers: layer });
    await settled();
    assertEquals([fenced.now, held.now, next.texts], ["stale_session", "done", ["held"]]);
    assertEquals([outbox.sent, outbox.waiting, clock.timers], [1, 0, 0]);
  }
});

test("Outbox ignores what a layer of an old session sends or fails with late", async () => {
  const { outbox, opened, failures } = bench();
  let late = () => {};
  const socket = opened({
    layers: {
      transform: (frame, controller) =>
        new Promise<void>((resolve) => {
          late = () => {
            controller.enqueue(frame);
            controller.error(new Error("late"));
            resolve();
          };
        }),
    },
  });
  const fenced = outcome(outbox.send(text("old")));
  const next = opened();
  late();
  await settled();
  assertEquals([socket.texts, next.texts, fenced.now], [[], [], "stale_session"]);
  assertEquals([failures.length, outbox.waiting], [0, 0]);
  await outbox.send(text("new"));
  assertEquals(next.texts, ["new"]);
});

test("Outbox flushes the layers at every session's end, and sends nothing of it", async () => {
  const { outbox, opened, lost, failures } = bench();
  let flushed = 0;
  const layers: Transformer = {
    transform: (frame, controller) => controller.enqueue(frame),
    flush(controller) {
      flushed++;
      controller.enqueue(text("last words"));
      controller.error(new Error("ignored"));
      throw new Error("ignored too");
    },
  };
  const socket = opened({ layers });
  await outbox.send(text("a"));
  lost();
  lost();
  opened({ layers });
  outbox.end(over);
  assertEquals([flushed, socket.texts, failures.length], [2, ["a"], 0]);
});

test("Outbox counts a frame that a layer swallows as handed over", async () => {
  const { outbox, opened } = bench();
  const socket = opened({ layers: { transform: () => {} } });
  await outbox.send(text("swallowed"));
  assertEquals([socket.texts, outbox.waiting, outbox.sent], [[], 0, 0]);
});

test("Outbox survives a layer that loses the session from within", async () => {
  const { outbox, opened, lost } = bench();
  let opens = 0;
  const socket = opened({
    layers: {
      transform(frame, controller) {
        if (++opens === 1) {
          lost();
          opened();
        }
        controller.enqueue(frame);
      },
    },
  });
  const fenced = outcome(outbox.send(text("fenced")));
  await settled();
  assertEquals([fenced.now, fenced.times, socket.texts], ["stale_session", 1, []]);
  const held = outcome(outbox.send(text("held"), { hold: true }));
  await settled();
  assertEquals([held.now, outbox.waiting, outbox.waitingBytes], ["done", 0, 0]);
});

test("Outbox admit() waits for room and keeps the order", async () => {
  const { outbox, opened } = bench({ maxWaitingFrames: 2 });
  const { signal } = new AbortController();
  const lost: unknown[] = [];
  const admitted = ["a", "b", "c"].map((data) =>
    outcome(outbox.admit(text(data), signal, (reason) => lost.push(reason)))
  );
  await settled();
  assertEquals(admitted.map(({ now }) => now), ["done", "done", "pending"]);
  const socket = opened();
  await settled();
  assertEquals([admitted[2]!.now, socket.texts], ["done", ["a", "b", "c"]]);
  assertEquals(lost, []);
});

test("Outbox admit() is withdrawn by its signal, before and while it waits", async () => {
  const { outbox } = bench({ maxWaitingFrames: 1 });
  const none = () => {
    throw new Error("nothing of it was lost");
  };
  outbox.send(text("full"), { hold: true }).catch(() => {});
  const controller = new AbortController();
  const waiting = outbox.admit(text("a"), controller.signal, none);
  await settled();
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(() => outbox.admit(text("b"), controller.signal, none), Error, "enough");
  assertEquals(outbox.waiting, 1);
});

test("Outbox admit() tells who was admitted and never sent", async () => {
  const { outbox } = bench({ maxWaitingFrames: 1 });
  const lost: unknown[] = [];
  const { signal } = new AbortController();
  await outbox.admit(text("a"), signal, (reason) => lost.push(reason));
  const waiting = outcome(outbox.admit(text("b"), signal, (reason) => lost.push(reason)));
  outbox.end(over);
  await settled();
  assertEquals([lost, waiting.now], [[over], "closed"]);
});

test("Outbox does not give up a full socket that drained since its last look", async () => {
  const { outbox, opened, clock, failures } = bench({ timeoutMs: 20 });
  const socket = opened();
  socket.bufferedAmount = 5_000;
  const sent = outbox.send(text("x"));
  while (clock.nextAt! < 20) clock.fireNext(20);
  socket.bufferedAmount = 0;
  clock.fireNext(20);
  assertEquals([failures, socket.sent.length], [[], 1]);
  await sent;
});

test("Outbox flush() is true although somebody sends again as soon as the last frame is gone", async () => {
  const { outbox, clock, opened } = bench();
  const socket = opened();
  socket.bufferedAmount = 5_000;
  const sent = outbox.send(text("first"));
  // As one that awaits each send does: before whoever waits for the flush hears of it.
  const again = sent.then(() => {
    socket.bufferedAmount = 5_000;
    return outbox.send(text("second"));
  });
  again.catch(() => {});
  const idle = outbox.flush(60);
  socket.bufferedAmount = 0;
  clock.fireNext(1);
  await settled();
  assertEquals(outbox.waiting, 1, "one waits again");
  assertEquals(await idle, true);
  outbox.end(over);
});

test("Outbox flush() says whether everything was handed over in time", async () => {
  const { outbox, opened, clock } = bench();
  assertEquals(await outbox.flush(100), true, "nothing waits");
  outbox.send(text("held"), { hold: true }).catch(() => {});
  const late = outbox.flush(100);
  clock.fireNext(100);
  assertEquals(await late, false);
  const inTime = outbox.flush(100);
  opened();
  assertEquals(await inTime, true);
  assertEquals(clock.timers, 0);
  opened({ start: false });
  outbox.send(text("never")).catch(() => {});
  const ended = outbox.flush(100);
  outbox.end(over);
  assertEquals(await ended, false, "what was rejected was not flushed");
  assertEquals(clock.timers, 0);
});

test("Outbox end() rejects everything with the error of the end, and stays over", async () => {
  const { outbox, opened, clock } = bench();
  const socket = opened({ start: false });
  const fenced = outcome(outbox.send(text("fenced")));
  const held = outcome(outbox.send(text("held"), { hold: true }));
  outbox.end(over);
  outbox.end(new TransportError("unrecoverable", "another"));
  await settled();
  assertEquals([fenced.now, held.now], ["closed", "closed"]);
  assertStrictEquals(fenced.reason, over);
  assertStrictEquals(held.reason, over);
  assertStrictEquals(await assertRejects(() => outbox.send(text("x"), { hold: true })), over);
  assertStrictEquals(await assertRejects(() => outbox.send(text("x"))), over);
  outbox.start();
  assertEquals([socket.texts, outbox.waiting, clock.timers], [[], 0, 0]);
});

test("Outbox start() without a session does nothing", async () => {
  const { outbox, opened } = bench();
  outbox.start();
  const held = outcome(outbox.send(text("held"), { hold: true }));
  const socket = opened({ start: false });
  await settled();
  assertEquals([held.now, socket.texts], ["pending", []]);
});

test("Outbox lets no later send overtake one that waits for the socket to drain", async () => {
  const { outbox, opened, clock } = bench();
  const socket = opened();
  socket.bufferedAmount = 5_000;
  const all = [outbox.send(text("a"))];
  socket.bufferedAmount = 0; // nobody has looked yet
  all.push(outbox.send(text("b")));
  await Promise.all(all);
  assertEquals(socket.texts, ["a", "b"]);
  assertEquals(clock.timers, 0);
});

test("Outbox counts the time without progress anew for each time that the socket is full", async () => {
  const { outbox, opened, clock, failures } = bench({ timeoutMs: 1_000 });
  const socket = opened();
  for (let i = 0; i < 3; i++) {
    socket.bufferedAmount = 5_000;
    const sent = outbox.send(text("x"));
    const until = clock.now() + 600;
    while (clock.now() < until) clock.fireNext(10);
    socket.bufferedAmount = 0;
    clock.fireNext(10);
    await sent;
  }
  assertEquals(failures.length, 0);
});

test("Outbox looks in each turn at a socket that drained between two looks, and no longer than a millisecond", async () => {
  const { outbox, opened, clock } = bench({ highWaterMarkBytes: 1_000 });
  const socket = opened();
  const fill = () => {
    socket.bufferedAmount = 5_000;
    return outbox.send(text("x"));
  };
  const first = fill();
  // One timer for the next look, one for the bound.
  assertEquals([clock.turns, clock.timers], [0, 2], "nothing is known of it yet");
  socket.bufferedAmount = 100;
  clock.fireNext(1);
  await first;
  for (let i = 0; i < 3; i++) {
    const next = fill();
    socket.bufferedAmount = 600;
    assertEquals([clock.runTurns(), clock.turns], [1, 1], "more than half is left");
    socket.bufferedAmount = 400;
    assertEquals([clock.runTurns(), clock.turns, clock.timers], [1, 0, 0]);
    await next;
  }
  const stalled = outcome(fill());
  assertEquals([clock.runTurns(), clock.turns], [1, 1]);
  clock.fireNext(1);
  assertEquals([clock.runTurns(), clock.turns], [1, 0], "a socket that stalls costs no turns");
  socket.bufferedAmount = 400;
  clock.fireNext(10);
  await settled();
  assertEquals(stalled.now, "done");
  const slow = fill();
  assertEquals(clock.turns, 0, "it is slow now");
  socket.bufferedAmount = 0;
  clock.fireNext(1);
  await slow;
  void fill();
  const lookers = clock.turns;
  opened();
  assertEquals([lookers, clock.runTurns(), clock.turns], [1, 1, 0], "the next session is another");
});

test("Outbox looks at a full socket in so many turns, and no more while time stands still", async () => {
  const { outbox, opened, clock } = bench({ highWaterMarkBytes: 1_000 });
  const socket = opened();
  for (let i = 0; i < 2; i++) {
    socket.bufferedAmount = 5_000;
    const sent = outbox.send(text("x"));
    let turns = 0;
    while (turns < 10_000 && clock.runTurns() > 0) turns++;
    assertEquals([turns, clock.timers], [i === 0 ? 0 : 256, 2]);
    socket.bufferedAmount = 0;
    clock.fireNext(1);
    await sent;
  }
});

test("Outbox sets no more timers for however many sends wait for a token or a full socket", async () => {
  const waits: (readonly [number, Parameters<typeof sendRateLimit>[0] | undefined])[] = [[
    5_000,
    undefined,
  ], [0, {
    limit: 1,
    windowMs: 10_000,
  }]];
  for (const [held, limit] of waits) {
    const { outbox, opened, clock } = bench(limit ? { gate: sendRateLimit(limit) } : {});
    let set = 0;
    const { setTimer } = clock;
    clock.setTimer = (callback, delayMs) => {
      set++;
      return setTimer.call(clock, callback, delayMs);
    };
    const socket = opened();
    if (held === 0) await outbox.send(text("the token"));
    socket.bufferedAmount = held;
    const sends = Array.from({ length: 100 }, () => outbox.send(text("x"), { hold: true }));
    assertEquals(set, held === 0 ? 1 : 2, "that of the next look, and the bound of a full socket");
    sends.forEach((each) => each.catch(() => {}));
    outbox.end(over);
  }
});

test("Outbox reports a session's failing layer once, however often it fails", () => {
  const { outbox, opened, failures } = bench();
  opened({
    layers: {
      transform(_frame, controller) {
        controller.error(new Error("first"));
        controller.terminate();
        throw new Error("second");
      },
    },
  });
  outcome(outbox.send(text("a")));
  assertEquals(failures.map(({ error }) => (error.cause as Error).message), ["first"]);
});

test("Outbox spends no token on a control frame", async () => {
  const { outbox, opened } = bench({ gate: sendRateLimit({ limit: 1, windowMs: 60_000 }) });
  const socket = opened();
  for (let i = 0; i < 5; i++) outbox.sendAside({ type: "ping", data: new Uint8Array(0) }, 1);
  await outbox.send(text("a"));
  assertEquals(socket.sent.length, 6);
});

test("Outbox gives up a dead socket in time although more and more is sent to it", () => {
  for (const layers of [undefined, passing]) {
    const { outbox, opened, clock, failures } = bench({ timeoutMs: 1_000 });
    opened(layers === undefined ? {} : { layers }).alive = false;
    for (let ms = 0; ms < 1_500 && failures.length === 0; ms += 100) {
      outcome(outbox.send(text("x")));
      if (!clock.fireNext(100)) clock.skip(100);
    }
    assertEquals([failures.map(({ error }) => error.code), clock.now()], [["send_timeout"], 1_000]);
  }
});
