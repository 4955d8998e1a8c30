/**
 * The adapter of docs/guide.md, told a story by the mock platform.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Tickers, type Update } from "../../examples/guide/tickers.ts";
import type { ConnectionOptions } from "../../mod.ts";
import { type MockRuntime, mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

interface Reading {
  readonly mock: MockRuntime;
  readonly tickers: Tickers;
  readonly seen: Update[];
  readonly ended: Promise<void>;
}

function reading(options: ConnectionOptions = {}): Reading {
  const mock = mockRuntime();
  const tickers = new Tickers("ws://venue", ["BTC"], { runtime: mock.runtime, ...options });
  const seen: Update[] = [];
  const ended = (async () => {
    for await (const update of tickers) seen.push(update);
  })();
  ended.catch(() => {});
  return { mock, tickers, seen, ended };
}

const price = (value: number) => JSON.stringify({ symbol: "BTC", price: value });

async function subscribed({ mock }: Reading) {
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  assertEquals(dial.sent, ['{"op":"subscribe","symbols":["BTC"]}']);
  dial.receive('{"op":"subscribed"}');
  await mock.settle();
  return dial;
}

test("Tickers subscribes again in every session and tells the gap between two", async () => {
  const it = reading();
  const first = await subscribed(it);
  first.receive(price(1));
  await it.mock.settle();
  first.end({ code: 1012 });
  const second = await subscribed(it);
  second.receive(price(2));
  await it.mock.settle();
  await it.tickers.feed.control.shutdown();
  await it.ended;
  assertEquals(it.seen, [
    { type: "price", symbol: "BTC", price: 1 },
    { type: "gap", why: "new session" },
    { type: "price", symbol: "BTC", price: 2 },
  ]);
});

test("Tickers does not take the answer to a probe for that to its subscribe", async () => {
  const it = reading();
  const dial = await it.mock.dial();
  dial.open();
  await it.mock.advance(6_000);
  assertEquals(dial.sent.at(-1), '{"op":"ping"}');
  dial.receive('{"op":"pong"}');
  await it.mock.settle();
  assertEquals(it.tickers.feed.lifecycle.value.phase, "connecting");
  await it.tickers.feed.control.shutdown();
  await it.ended;
});

test("Tickers tells a gap where the reader was too slow", async () => {
  const it = reading({ buffer: { maxFrames: 2 } });
  const dial = await subscribed(it);
  for (let value = 1; value <= 5; value++) dial.receive(price(value));
  await it.mock.settle();
  await it.tickers.feed.control.shutdown();
  await it.ended;
  assertEquals(it.seen.filter(({ type }) => type === "gap").length, 1);
  assertEquals(it.seen.at(-1), { type: "price", symbol: "BTC", price: 5 });
});

test("Tickers.darkForMs() counts from the loss to the answer of the venue", async () => {
  const it = reading();
  const now = () => it.tickers.darkForMs(it.mock.clock.now());
  await it.mock.advance(1_000);
  assertEquals(now(), 1_000);
  const dial = await subscribed(it);
  assertEquals(now(), 0);
  dial.end();
  await it.mock.settle();
  await it.mock.advance(400);
  assertEquals(now(), 400);
  await it.tickers.feed.control.shutdown();
});

test("Tickers ends as unrecoverable when the venue refuses the subscription", async () => {
  const it = reading();
  for (let tries = 0; tries < 3; tries++) {
    const dial = await it.mock.dial();
    dial.open();
    await it.mock.settle();
    dial.receive('{"op":"refused"}');
    await it.mock.settle();
  }
  await assertRejects(() => it.ended, Error, "Gave up: permanent failure (auth_rejected)");
  assert(it.tickers.feed.lifecycle.ended);
});
