/**
 * What goes wrong in other clients must not go wrong here. Each test stands for one defect, seen by running the named version against a real
 * server on Node 22, 24, Deno and Bun in November 2026; here it is played over the mock platform. The name says whose it is.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  attemptBudget,
  defaultClassify,
  type Failure,
  isTransportError,
  type SessionEnd,
} from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { assertBalanced, bench, codeOf, fullest, outcome, reading } from "./bench.ts";

const liveness = { staleAfterMs: 10_000, deadAfterMs: 20_000 };
const hang = () => new Promise<never>(() => {});

test("partysocket 1.3.0 P2, rews 4.1.0 W1, atproto 0.2.1: a hung url function does not wedge the first connect or a later one", async () => {
  let asked = 0;
  const it = bench({ url: () => ++asked % 2 === 1 ? hang() : "ws://venue.example/" });
  const dial = await it.up();
  assertEquals([it.dialTimes.length, it.now.attempts], [1, 2]);
  dial.end({ code: 1006 });
  await it.mock.advance(1_100);
  it.feed.control.forceReconnect();
  await it.up();
  assertEquals([it.now.epoch, it.now.attempts], [2, 4]);
  await it.close();
});

test("atproto 0.2.1 A7: shutdown is heard while the url function, auth or dial hangs", async () => {
  for (const hanging of [{ url: hang }, { auth: hang }, {}]) {
    const it = bench(hanging);
    await it.mock.advance(100);
    const closing = outcome(it.feed.control.shutdown());
    await it.mock.settle();
    assertEquals([closing.state, it.now.phase, it.mock.clock.timers], ["done", "closed", 0]);
    await it.close();
  }
});

test("partysocket 1.3.0 P3, mock-socket: a dropped connection or refused dial shows 1006, never 1000, and a policy sees it so", async () => {
  const seen: (SessionEnd | undefined)[] = [];
  const it = bench({
    classify: (failure: Failure) => {
      seen.push(failure.end);
      return failure.end?.code === 1000 ? { verdict: "permanent" } : { verdict: "transient" };
    },
  });
  (await it.mock.dial()).fail();
  (await it.mock.dial()).fail({ status: 401 });
  (await it.up()).end();
  await it.up();
  assertEquals(seen.map((end) => [end?.code, end?.clean, end?.origin]), [
    [1006, false, "handshake"],
    [1006, false, "handshake"],
    [1006, false, "network"],
  ]);
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("partysocket 1.3.0: clean and reason of an end are those of the server", async () => {
  const it = bench();
  (await it.up()).end({ code: 4002, reason: "too slow" });
  await it.mock.settle();
  assertEquals(it.now.error?.end, {
    code: 4002,
    reason: "too slow",
    clean: true,
    origin: "server",
  });
  await it.close();
});

test("partysocket 1.3.0 P4: what waited is sent after the login, not before", async () => {
  const it = bench({ onSession: (session) => session.send("LOGIN") });
  for (let i = 0; i < 3; i++) void it.feed.send(`q${i}`, { hold: true });
  const dial = await it.up();
  assertEquals(dial.sent, ["LOGIN", "q0", "q1", "q2"]);
  await it.close();
});

test("partysocket 1.3.0 P4, rews 4.1.0: a queue that overflows says so to the one whose frame it was", async () => {
  const it = bench({ send: { maxWaitingFrames: 2 } });
  void it.feed.send("a", { hold: true });
  void it.feed.send("b", { hold: true });
  const error = await assertRejects(() => it.feed.send("c", { hold: true }));
  assertEquals(codeOf(error), "queue_full");
  await it.close();
});

test("partysocket 1.3.0 P9: an unsendable item fails alone; open is reported and nothing is sent twice", async () => {
  const it = bench();
  const bad = outcome(it.feed.send({ toString: () => "bad" } as never, { hold: true }));
  const good = outcome(it.feed.send("good", { hold: true }));
  const first = await it.up();
  first.end({ code: 1006 });
  const second = await it.up();
  assertEquals([bad.state, good.state], ["failed", "done"]);
  assertEquals([first.sent, second.sent, it.now.phase], [["good"], [], "resumed"]);
  await it.close();
});

test("partysocket 1.3.0 P6, ccxt 4.5.84 C2: a half-open session is found out, and its waiting sends reject", async () => {
  const it = bench({ liveness });
  const dial = await it.up();
  dial.bufferedAmount = 2_000_000; // the peer does not read
  const sends = Array.from({ length: 5 }, () => outcome(it.feed.send("order")));
  await it.mock.advance(23_000);
  assert(dial.abandoned);
  assert(sends.every(({ value }) => codeOf(value) === "stale_session"));
  await it.up();
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("RWS 4.4.0 R1, websocket-ts 2.3.0 T4: a url function that throws or rejects is a failed dial, not the end", async () => {
  let asked = 0;
  const it = bench({
    url: () => {
      asked++;
      if (asked === 1) throw new Error("sync");
      if (asked === 2) return Promise.reject(new Error("async"));
      return "ws://venue.example/";
    },
  });
  (await it.up()).end({ code: 1006 });
  await it.up();
  assertEquals([it.now.epoch, asked], [2, 4]);
  await it.close();
});

test("RWS 4.4.0 R2, d-fischer D3: giving up is told to everybody, and asking for more afterwards is harmless", async () => {
  const it = bench({ maxAttempts: 2 });
  const ready = outcome(it.feed.ready);
  const { ended } = reading(it.feed);
  for (let i = 0; i < 2; i++) (await it.mock.dial()).fail();
  await it.mock.settle();
  it.feed.control.forceReconnect();
  await it.mock.advance(60_000);
  assertEquals([codeOf(ready.value), codeOf(await ended), it.now.exhausted], [
    "exhausted",
    "exhausted",
    true,
  ]);
  assertEquals(it.dialTimes.length, 2);
  // A new connection of the same kind is not in the way of the old one.
  const again = bench({ on: it.mock });
  await again.up();
  await again.close();
  await it.close();
});

test("RWS 4.4.0 R3, rpc-websockets 10.0.1 RP2, binance 3.6.5 BC5: a shutdown in the backoff is final", async () => {
  const it = bench();
  (await it.mock.dial()).fail();
  await it.mock.settle();
  const closing = outcome(it.feed.control.shutdown());
  await it.mock.settle();
  it.feed.control.forceReconnect();
  await it.mock.advance(600_000);
  assertEquals([closing.state, it.now.phase, it.dialTimes.length], ["done", "closed", 1]);
  await it.close();
});

test("rews 4.1.0 W2, nats-core 3.4.0 N1b: a reconnect never waits for the native close of a silent peer", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  it.feed.control.forceReconnect();
  await it.mock.settle();
  assertEquals([it.dialTimes.length, dial.abandoned], [2, true]);
  await it.up();
  assertEquals([it.now.epoch, it.feed.stats().zombies], [2, 1]);
  await it.close();
});

test("nats-core 3.4.0 N1b: stale is followed by a reconnect, in bounded time, with bytes stuck in the socket", async () => {
  const it = bench({ liveness, mock: { answersClose: false } });
  const dial = await it.up();
  dial.bufferedAmount = 50_000_000;
  void it.feed.send("stuck");
  await it.mock.advance(24_000);
  await it.up();
  assert(it.seen.some(({ phase }) => phase === "stale"));
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("rews 4.1.0 W5, it-ws I2: shutdown of a silent peer settles and lets go of the socket", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  const closing = outcome(it.feed.control.shutdown());
  await it.mock.advance(2_000);
  assertEquals([closing.state, dial.abandoned, it.feed.lifecycle.ended], ["done", true, true]);
  await it.close();
});

test("rews 4.1.0, effect 4.1.0 E1, rxjs 7.8.2 X6: a send after the end, or while closing, rejects", async () => {
  const it = bench({ mock: { answersClose: false } });
  const dial = await it.up();
  void it.feed.control.shutdown();
  await it.mock.settle();
  assertEquals(codeOf(await assertRejects(() => it.feed.send("while closing"))), "closed");
  await it.mock.advance(2_000);
  assertEquals(codeOf(await assertRejects(() => it.feed.send("x", { hold: true }))), "closed");
  assertEquals(dial.sent, []);
  await it.close();
  // The native socket has closed, and nobody but the platform knows.
  const other = bench();
  const socket = await other.up();
  socket.end({ code: 1006 });
  const late = outcome(other.feed.send("into the void"));
  await other.mock.settle();
  assertEquals([late.state, socket.sent], ["failed", []]);
  await other.close();
});

test("websocket-ts 2.3.0 T1, mock-socket: binary is bytes in every session", async () => {
  const it = bench();
  const { frames } = reading(it.feed);
  for (let i = 0; i < 3; i++) {
    const dial = await it.up();
    dial.receive(new Uint8Array([i, 255]));
    await it.feed.send(new Uint8Array([i]));
    assert(dial.sent[0] instanceof Uint8Array && dial.sent[0][0] === i);
    assertEquals(dial.bufferedAmount, 0);
    dial.end({ code: 1006 });
    await it.mock.settle();
  }
  assert(frames.every(({ data }) => data instanceof Uint8Array && data[1] === 255));
  assertEquals(frames.length, 3);
  await it.close();
});

test("websocket-ts 2.3.0 T3: a reconnect without backoff heeds the budget and maxAttempts all the same", async () => {
  const it = bench({
    attemptBudget: attemptBudget({ attempts: 5, windowMs: 10_000 }),
    maxAttempts: 12,
  });
  for (let ms = 0; ms < 60_000 && !it.feed.lifecycle.ended; ms += 20) {
    it.feed.control.forceReconnect();
    await it.mock.advance(20);
    it.mock.connector.next()?.fail();
  }
  assertEquals([it.now.exhausted, it.dialTimes.length], [true, 12]);
  assertEquals(fullest(it.dialTimes, 10_000), 5);
  await it.close();
});

test("websocket-ts T2, sockette S2, rxjs X5, graphql-ws 6.4.2 G1, nats-core N2, atproto A1, siebly SB2, binance BC3: a hung upgrade times out by default, first or later", async () => {
  const it = bench();
  for (let i = 0; i < 3; i++) {
    const hung = await it.mock.dial();
    await it.mock.advance(10_000);
    assert(hung.aborted);
  }
  (await it.up()).end({ code: 1006 });
  const hung = await it.mock.dial();
  await it.mock.advance(10_000);
  assert(hung.aborted);
  await it.up();
  assertEquals(it.now.phase, "resumed");
  await it.close();
});

test("sockette S1, rxjs X1, rpc-websockets RP3: a clean close by the server is an outage like any other", async () => {
  for (const code of [1000, 1001, 1012]) {
    const it = bench();
    (await it.up()).end({ code });
    await it.up();
    assertEquals([it.now.phase, it.now.epoch], ["resumed", 2], String(code));
    await it.close();
  }
});

test("robust-websocket B1, graphql-ws G3: a policy that delegates retries for ever, and HTTP 503 is retried", async () => {
  const it = bench({ classify: (failure) => defaultClassify(failure) });
  for (let i = 0; i < 50; i++) (await it.mock.dial()).fail({ status: 503 });
  await it.up();
  assertEquals([it.now.phase, it.now.attempts], ["connected", 51]);
  await it.close();
});

test("robust-websocket B2: a dial that timed out is ended, not only reported", async () => {
  const it = bench({ connectTimeoutMs: 500, deaf: true });
  const dial = await it.mock.dial();
  await it.mock.advance(500);
  assertEquals(codeOf(it.now.error), "connect_timeout");
  dial.open();
  await it.mock.settle();
  assert(dial.abandoned);
  await it.close();
});

test("d-fischer D1, nats-core N3: a send while down is refused or held, never dropped, and never changed", async () => {
  const it = bench();
  const odd = "a\r\nb\0c\n";
  assertEquals(codeOf(await assertRejects(() => it.feed.send(odd))), "not_connected");
  const held = outcome(it.feed.send(odd, { hold: true }));
  const dial = await it.up();
  assertEquals([held.state, dial.sent], ["done", [odd]]);
  await it.close();
});

test("d-fischer D2: a reconnect in the backoff with a slow handshake leaves one socket, and one copy of each frame", async () => {
  const it = bench();
  const { frames } = reading(it.feed);
  (await it.mock.dial()).fail();
  await it.mock.settle();
  it.feed.control.forceReconnect();
  await it.mock.settle();
  await it.mock.advance(3_000); // the old retry timer would have fired meanwhile
  assertEquals(it.dialTimes.length, 2);
  const { dials } = it.mock.connector;
  const dial = await it.up();
  for (const other of dials) if (other !== dial) assert(other.aborted || other === dials[0]);
  dial.receive("tick");
  await it.mock.settle();
  assertEquals(frames.length, 1);
  await it.close();
  assert(dial.closing !== undefined, "and none survives the shutdown");
});

test("rxjs 7.8.2 X2: a frame that is no JSON is the reader's business, and drops nothing", async () => {
  const it = bench();
  const { frames } = reading(it.feed);
  const dial = await it.up();
  for (const data of ["{}", "not json", "", "{}"]) dial.receive(data);
  await it.mock.settle();
  assertEquals([frames.length, it.now.epoch, it.now.phase], [4, 1, "connected"]);
  await it.close();
});

test("graphql-ws 6.4.2 G5: a keepalive that is not answered has consequences", async () => {
  const it = bench({ liveness: { ...liveness, probe: { afterMs: 3_000 } } });
  const dial = await it.up();
  await it.mock.advance(23_000);
  assert(dial.sentFrames.some(({ type }) => type === "ping"));
  assert(dial.abandoned);
  await it.close();
});

test("nats-core 3.4.0: an error after the connect is reported", async () => {
  const it = bench();
  (await it.up()).end({ code: 1011, reason: "internal" });
  await it.mock.settle();
  assertEquals([codeOf(it.now.error), it.now.error?.end?.code], ["session_lost", 1011]);
  await it.close();
});

test("effect 4.1.0, rxjs 7.8.2: a reader that does not read costs bounded memory, by default", async () => {
  const it = bench();
  const dial = await it.up();
  const payload = "x".repeat(10_000);
  for (let i = 0; i < 5_000; i++) dial.receive(payload);
  const { bufferedBytes, totalLagged } = it.feed.stats();
  assert(bufferedBytes <= 16_777_216 && totalLagged > 3_000);
  assertBalanced(it.feed);
  await it.close();
});

test("atproto 0.2.1 A3: reconnecting does not depend on the reader", async () => {
  const it = bench();
  const iterator = it.feed[Symbol.asyncIterator]();
  const first = await it.up();
  first.receive("a");
  await iterator.next(); // the consumer is busy from here on
  const lostAt = it.mock.clock.now();
  first.end({ code: 1006 });
  await it.up();
  assert(it.mock.clock.now() - lostAt <= 1_000);
  await it.close();
});

test("atproto 0.2.1 A6: what was received before the session died is still delivered", async () => {
  const it = bench({ liveness });
  const dial = await it.up();
  for (let i = 0; i < 10; i++) dial.receive(`${i}`);
  await it.mock.advance(25_000);
  assert(dial.abandoned);
  const { frames } = reading(it.feed);
  await it.mock.settle();
  assertEquals(frames.map(({ data }) => data), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  await it.close();
});

test("atproto 0.2.1 A5: accept-then-1008 backs off instead of looping once a second", async () => {
  const it = bench();
  let loops = 0;
  while (it.mock.clock.now() < 600_000) {
    (await it.up()).end({ code: 1008 });
    loops++;
  }
  assert(loops <= 60, `${loops} loops in ten minutes`);
  await it.close();
});

test("it-ws I1, ccxt 4.5.84 C3: frames before the first read and between reads are kept", async () => {
  const it = bench();
  const dial = await it.mock.dial();
  dial.open();
  for (let i = 0; i < 3; i++) dial.receive(`greeting ${i}`);
  await it.mock.settle();
  const iterator = it.feed.frames({ preventCancel: true });
  assertEquals((await iterator.next()).value?.data, "greeting 0");
  await iterator.return!();
  dial.receive("between");
  const { frames } = reading(it.feed);
  await it.mock.settle();
  assertEquals(frames.map(({ data }) => data), ["greeting 1", "greeting 2", "between"]);
  await it.close();
});

test("rpc-websockets 10.0.1 RP1: whoever waits for an answer in a session hears of its end", async () => {
  let waiting = outcome(Promise.resolve());
  const it = bench({
    onSession: (session) => {
      waiting = outcome(session.next(() => false));
    },
  });
  (await it.up()).end({ code: 1006 });
  await it.mock.settle();
  assertEquals([waiting.state, codeOf(waiting.value)], ["failed", "session_lost"]);
  await it.close();
});

test("siebly SB1: refused credentials end in minutes, not in a loop that gets the address banned", async () => {
  const it = bench();
  while (!it.feed.lifecycle.ended) {
    (await it.mock.dial()).fail({ status: 401 }), await it.mock.settle();
  }
  assertEquals([it.now.phase, it.dialTimes.length], ["unrecoverable", 3]);
  await it.close();
});

test("siebly SB3: late events of an old socket do not touch the new session", async () => {
  const it = bench({ mock: { answersClose: false } });
  const old = await it.up();
  it.feed.control.forceReconnect();
  const dial = await it.up();
  old.end({ code: 1006 });
  old.receive("from the old socket");
  await it.mock.settle();
  assertEquals([it.now.phase, it.now.epoch, dial.abandoned], ["resumed", 2, false]);
  assertEquals([it.feed.stats().received, it.feed.stats().zombies], [0, 0]);
  await it.close();
});

test("binance 3.6.5 BC1, BC4: after a renewal, or a renewal that failed, losses and renewals go on", async () => {
  const it = bench({ renewAfterMs: 60_000, liveness: { staleAfterMs: 1e9 } });
  await it.up();
  (await it.mock.dial()).fail(); // the first renewal fails
  const renewed = await it.up();
  assertEquals(it.now.epoch, 2);
  renewed.end({ code: 1006 });
  await it.up();
  assertEquals(it.now.epoch, 3);
  const again = await it.up(); // by the next renewal
  assertEquals([it.now.epoch, again.abandoned], [4, false]);
  assertEquals(it.delays().length, 2, "one for the failed renewal, one for the loss");
  await it.close();
});

test("binance 3.6.5 BC2, RWS R1: a failed dial that nobody listens to harms nobody", async () => {
  const it = bench({ maxAttempts: 1 });
  void it.feed.ready;
  (await it.mock.dial()).fail();
  await it.mock.settle();
  assertEquals(it.now.exhausted, true);
  await it.close();
});

test("ccxt 4.5.84 C1: a timed-out dial sends no close code at all, and connect() settles", async () => {
  const it = bench({ maxAttempts: 1 });
  const ready = outcome(it.feed.ready);
  const dial = await it.mock.dial();
  await it.mock.advance(10_000);
  assertEquals([dial.closing, dial.aborted, ready.state], [undefined, true, "failed"]);
  assert(isTransportError(ready.value, "exhausted"));
  await it.close();
});

test("mock-socket: the kit models hung, half-open and refused peers, pings, and no time of its own", async () => {
  const mock = mockRuntime();
  const it = bench({ on: mock });
  const dial = await mock.dial();
  assertEquals([mock.clock.now(), dial.bufferedAmount], [0, 0]);
  dial.open();
  await mock.settle();
  dial.receiveControl("ping");
  await it.feed.send(new Uint8Array([1]));
  assert(dial.sent[0] instanceof Uint8Array);
  assertEquals(mock.clock.now(), 0);
  await it.close();
});

test("cockatiel: a backoff delay is abortable", async () => {
  const controller = new AbortController();
  const it = bench({ signal: controller.signal, backoff: { minDelayMs: 30_000 } });
  (await it.mock.dial()).fail();
  await it.mock.settle();
  assertEquals(it.mock.clock.timers, 1);
  controller.abort();
  await it.mock.settle();
  assertEquals([it.now.phase, it.mock.clock.timers], ["closed", 0]);
  await it.close();
});
