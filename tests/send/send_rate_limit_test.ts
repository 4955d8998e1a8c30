/**
 * The send rate limit, alone as a TransformStream and in front of a socket.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import type { FrameLayer } from "../../src/contract/session.ts";
import { gateOf, sendRateLimit } from "../../src/send/send_rate_limit.ts";
import { ManualClock } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { bench, fullest, settled, text, textOf } from "./bench.ts";

/** A layer as the only stage of a stream; `arrivals` are the times at which frames came out. */
function piped(layer: FrameLayer, clock = new ManualClock()) {
  const abort = new AbortController();
  const context = {
    epoch: 1,
    clock,
    signal: abort.signal,
    send: () => {},
    report: () => {},
  };
  const { readable, writable } = new TransformStream(
    layer(context),
    undefined,
    new CountQueuingStrategy({ highWaterMark: 1_000 }),
  );
  const writer = writable.getWriter();
  const arrivals: { readonly at: number; readonly frame: Frame }[] = [];
  const reading = (async () => {
    for await (const frame of readable) arrivals.push({ at: clock.now(), frame });
  })();
  reading.catch(() => {});
  return { clock, abort, writer, arrivals, reading };
}

/** Lets `ms` pass, timer by timer. */
async function pass(clock: ManualClock, ms: number, rounds = 20): Promise<void> {
  const until = clock.now() + ms;
  await settled(rounds);
  while (clock.fireNext(until - clock.now())) await settled(rounds);
  clock.skip(until - clock.now());
}

test("sendRateLimit() alone lets the burst through and delays the frame after it", async () => {
  const { clock, writer, arrivals, reading } = piped(sendRateLimit({ limit: 3, windowMs: 100 }));
  for (let i = 0; i < 7; i++) void writer.write(text(`${i}`));
  await pass(clock, 99, 200);
  assertEquals(arrivals.map(({ at }) => at), [0, 0, 0]);
  await pass(clock, 400, 200);
  assertEquals(arrivals.map(({ at }) => at), [0, 0, 0, 101, 101, 101, 202]);
  assertEquals(arrivals.map(({ frame }) => textOf(frame)), ["0", "1", "2", "3", "4", "5", "6"]);
  await writer.close();
  await reading;
  assertEquals(clock.timers, 0);
});

test("sendRateLimit() neither delays nor counts control frames", async () => {
  const { clock, writer, arrivals } = piped(sendRateLimit({ limit: 1, windowMs: 100 }));
  const ping: Frame = { type: "ping", data: new Uint8Array(0) };
  for (let i = 0; i < 5; i++) void writer.write(ping);
  void writer.write(text("a"));
  void writer.write(ping);
  await settled(200);
  assertEquals(arrivals.length, 7);
  void writer.write(text("b"));
  await pass(clock, 200, 200);
  assertEquals(arrivals.at(-1)?.at, 101);
});

test("sendRateLimit() alone ends at the session's end and leaves no timer", async () => {
  const { clock, abort, writer, reading } = piped(sendRateLimit({ limit: 1, windowMs: 100 }));
  await writer.write(text("a"));
  const waiting = writer.write(text("b"));
  await settled(200);
  assertEquals(clock.timers, 1);
  abort.abort(new Error("session over"));
  await assertRejects(() => waiting, Error, "session over");
  await assertRejects(() => reading, Error, "session over");
  assertEquals(clock.timers, 0);
});

test("sendRateLimit() shared by two sessions is one limit, also when both see the token at once", async () => {
  // The look at the gate and the spend were two microtasks apart: both sessions passed on one token.
  const clock = new ManualClock();
  const layer = sendRateLimit({ limit: 1, windowMs: 100 });
  const one = piped(layer, clock);
  const two = piped(layer, clock);
  for (let i = 0; i < 4; i++) {
    void one.writer.write(text("one"));
    void two.writer.write(text("two"));
  }
  await pass(clock, 2_000, 200);
  const all = [...one.arrivals, ...two.arrivals].map(({ at }) => at).sort((a, b) => a - b);
  assertEquals(all, [0, 101, 202, 303, 404, 505, 606, 707]);
});

test("sendRateLimit() reserve, slack and spacing make the window that they say", async () => {
  const { clock, writer, arrivals } = piped(
    sendRateLimit({ limit: 5, windowMs: 1_000, reserve: 2, slackMs: 300, spacingMs: 50 }),
  );
  for (let i = 0; i < 9; i++) void writer.write(text(`${i}`));
  await pass(clock, 5_000, 200);
  const times = arrivals.map(({ at }) => at);
  assertEquals(times, [0, 50, 100, 1_301, 1_351, 1_401, 2_602, 2_652, 2_702]);
  assertEquals(fullest(times, 1_300), 3);
});

test("sendRateLimit() refuses options with every problem named", () => {
  const error = assertThrows(
    () => sendRateLimit({ limit: 0, windowMs: -1, reserve: -1, slackMs: NaN, spacingMs: -5 }),
    TransportError,
  );
  assert(isTransportError(error, "invalid_options"));
  assertEquals(error.problems.map(({ path }) => path), [
    "limit",
    "windowMs",
    "reserve",
    "slackMs",
    "spacingMs",
  ]);
  assertThrows(() => sendRateLimit({ limit: 3, windowMs: 1, reserve: 3 }), TransportError);
  assertThrows(() => sendRateLimit({ windowMs: 1 } as never), TransportError, "limit");
  assertThrows(() => sendRateLimit({ limit: 1 } as never), TransportError, "windowMs");
  assertThrows(() => sendRateLimit({ limit: 1, windowMs: 1, burst: 2 } as never), TransportError);
  sendRateLimit({ limit: 3, windowMs: 1, reserve: 2, slackMs: 0, spacingMs: 0 });
});

test("gateOf() knows the layers of sendRateLimit() and no others", () => {
  assert(gateOf(sendRateLimit({ limit: 1, windowMs: 1 })) !== undefined);
  assertEquals(gateOf(() => ({})), undefined);
  assertEquals(gateOf(undefined), undefined);
});

test("sendRateLimit() in the outbox is exact in every closed window, whatever the application does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        limit: fc.integer({ min: 2, max: 5 }),
        windowMs: fc.integer({ min: 10, max: 60 }),
        reserve: fc.integer({ min: 0, max: 1 }),
        slackMs: fc.integer({ min: 0, max: 20 }),
        spacingMs: fc.integer({ min: 0, max: 8 }),
      }),
      fc.array(
        fc.record({
          dt: fc.integer({ min: 0, max: 30 }),
          frames: fc.integer({ min: 0, max: 6 }),
          abort: fc.boolean(),
          lose: fc.boolean(),
        }),
        { maxLength: 25, size: "max" },
      ),
      async (limits, steps) => {
        const { outbox, clock, sockets, opened } = bench({ gate: sendRateLimit(limits) });
        opened();
        for (const { dt, frames, abort, lose } of steps) {
          for (let i = 0; i < frames; i++) {
            const controller = new AbortController();
            outbox.send(text("x"), { signal: controller.signal, hold: i % 2 === 0 }).catch(
              () => {},
            );
            if (abort && i % 3 === 0) controller.abort();
          }
          if (lose) opened(); // the window outlives the session
          await pass(clock, dt);
        }
        await pass(clock, 10_000);
        const times = sockets.flatMap(({ sent }) => sent.map(({ at }) => at)).sort((a, b) => a - b);
        const { limit, reserve, windowMs, slackMs, spacingMs } = limits;
        assert(fullest(times, windowMs + slackMs) <= limit - reserve);
        for (let i = 1; i < times.length; i++) assert(times[i]! - times[i - 1]! >= spacingMs);
        assertEquals(outbox.waiting, 0);
      },
    ),
    { numRuns: 150 },
  );
});

test("scenario 46: sendRateLimit() costs nothing for a send that is aborted while it waits", async () => {
  const { outbox, clock, sockets, opened } = bench({
    gate: sendRateLimit({ limit: 1, windowMs: 100 }),
  });
  opened();
  await outbox.send(text("first"));
  const controllers = Array.from({ length: 10 }, () => new AbortController());
  const aborted = controllers.map(({ signal }) => outbox.send(text("aborted"), { signal }));
  const last = outbox.send(text("last"));
  assertEquals(outbox.waiting, 11);
  for (const controller of controllers) controller.abort(new Error("no longer"));
  for (const promise of aborted) await assertRejects(() => promise, Error, "no longer");
  assertEquals([outbox.waiting, outbox.waitingBytes], [1, 4]);
  await pass(clock, 100);
  assertEquals(sockets[0]!.sent.length, 1);
  await pass(clock, 1);
  await last;
  assertEquals(sockets[0]!.sent.map(({ at }) => at), [0, 101], "ten aborted sends took no token");
  assertEquals(clock.timers, 0);
});

test("scenario 44: sendRateLimit() reserve leaves room for what the platform sends by itself", async () => {
  const { outbox, clock, sockets, opened } = bench({
    gate: sendRateLimit({ limit: 5, windowMs: 1_000, reserve: 2 }),
  });
  opened();
  for (let i = 0; i < 30; i++) outbox.send(text("x")).catch(() => {});
  await pass(clock, 5_000);
  const sends = sockets[0]!.sent.map(({ at }) => at);
  const pongs = Array.from({ length: 5 }, (_, i) => i * 1_001 + 500).flatMap((at) => [at, at]);
  assertEquals(fullest(sends, 1_000), 3);
  assertEquals(fullest([...sends, ...pongs], 1_000), 5);
});

test("sendRateLimit() lets a ping pass frames that wait for tokens", async () => {
  const { outbox, clock, sockets, opened } = bench({
    gate: sendRateLimit({ limit: 1, windowMs: 60_000 }),
  });
  opened();
  for (let i = 0; i < 3; i++) outbox.sendFirst(text(`login ${i}`), 1).catch(() => {});
  outbox.sendAside({ type: "ping", data: new Uint8Array(0) }, 1);
  await pass(clock, 0);
  assertEquals(sockets[0]!.sent.map(({ frame }) => frame.type), ["text", "ping"]);
  assertEquals(outbox.waiting, 2);
});
