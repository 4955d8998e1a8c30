// What the order stream makes of answers and reports that cross.
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { type Order, orderStream } from "../../examples/adapters/order_stream.ts";
import { type MockDial, type MockRuntime, mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

const report = (orderId: number, status: string, executed: number) =>
  JSON.stringify({ event: { e: "executionReport", i: orderId, X: status, z: String(executed) } });

type Open = { orderId: number; status: string; executedQty: string };

/** A stream whose REST side the test answers. */
function start(mock: MockRuntime) {
  const asked: PromiseWithResolvers<Open[]>[] = [];
  const heard: Order[] = [];
  let ending = false;
  const adapter = orderStream({
    openOrders() {
      asked.push(Promise.withResolvers<Open[]>());
      if (ending) asked.at(-1)!.resolve([]);
      return asked.at(-1)!.promise;
    },
    signed: () => ({}),
    askAgainMs: 1,
    onOrder: (order) => heard.push(order),
    connection: { runtime: mock.runtime },
  });
  /** A session that has subscribed. */
  const session = async (): Promise<MockDial> => {
    const dial = await mock.dial();
    dial.open();
    await mock.advance(1_500); // the preset's pace of sends
    const { id } = JSON.parse(dial.sent[0] as string);
    dial.receive(JSON.stringify({ id, status: 200 }));
    await mock.settle();
    return dial;
  };
  const end = async () => {
    ending = true;
    for (const one of asked) one.resolve([]);
    const over = adapter.feed.control.shutdown();
    await mock.advance(3_000);
    await over;
    await adapter.done.catch(() => {});
  };
  return { ...adapter, asked, heard, session, end };
}

test("orderStream() hears of a fill that was reported while the open orders were asked for", async () => {
  const mock = mockRuntime();
  const { orders, asked, session, end } = start(mock);
  try {
    const first = await session();
    asked[0]!.resolve([{ orderId: 1, status: "NEW", executedQty: "0" }]);
    await mock.settle();
    first.end({ code: 1006 });
    const second = await session();
    second.receive(report(1, "PARTIALLY_FILLED", 2));
    second.receive(report(1, "FILLED", 5));
    await mock.settle();
    asked[1]!.resolve([]); // it is filled, so it is not open
    await mock.settle();
    assertEquals(orders.get(1), { orderId: 1, status: "FILLED", executed: 5 });
  } finally {
    await end();
  }
});

test("orderStream() leaves an order that is over as it is, however it ended", async () => {
  const mock = mockRuntime();
  const { orders, asked, heard, session, end } = start(mock);
  try {
    const first = await session();
    asked[0]!.resolve([]);
    await mock.settle();
    const ends = ["FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"];
    ends.forEach((status, at) => first.receive(report(at, status, 0)));
    await mock.settle();
    first.end({ code: 1006 });
    await session();
    asked[1]!.resolve([]);
    await mock.settle();
    assertEquals([...orders.values()].map(({ status }) => status), ends);
    assertEquals(heard.length, ends.length);
  } finally {
    await end();
  }
});

test("orderStream() takes an order back that an answer did not list yet", async () => {
  const mock = mockRuntime();
  const { orders, asked, session, end } = start(mock);
  try {
    const first = await session();
    asked[0]!.resolve([]);
    await mock.settle();
    first.receive(report(1, "NEW", 0));
    await mock.settle();
    for (const open of [[], [{ orderId: 1, status: "NEW", executedQty: "0" }]]) {
      mock.connector.dials.at(-1)!.end({ code: 1006 });
      await session();
      asked.at(-1)!.resolve(open);
      await mock.settle();
      assertEquals(orders.get(1)!.status, open.length === 0 ? "GONE" : "NEW");
    }
  } finally {
    await end();
  }
});

test("orderStream() does not spend its dials while the open orders cannot be had", async () => {
  const mock = mockRuntime();
  const { feed, asked, session, end } = start(mock);
  try {
    // A REST side that is away for ten sessions.
    for (let failures = 0; failures < 10; failures++) {
      if (!feed.lifecycle.value.up) await session();
      asked.at(-1)!.reject(new Error("503"));
      await mock.settle();
    }
    assertLess(feed.lifecycle.value.attempts, 3);
  } finally {
    await end();
  }
});

test("orderStream() dials no sooner than the end of a ban that it is told in the session", async () => {
  const mock = mockRuntime();
  const { feed, end } = start(mock);
  try {
    const dial = await mock.dial();
    dial.open();
    await mock.advance(1_500);
    const { id } = JSON.parse(dial.sent[0] as string);
    const data = { serverTime: 1_000, retryAfter: 121_000 };
    dial.receive(JSON.stringify({ id, status: 418, error: { code: -1003, msg: "", data } }));
    await mock.advance(119_000);
    assertEquals(feed.lifecycle.value.attempts, 1);
    await mock.dial();
  } finally {
    await end();
  }
});

test("orderStream() gives up when the venue refuses its key in the session", async () => {
  const mock = mockRuntime();
  const { feed, done, asked, end } = start(mock);
  const rejected = assertRejects(() => done);
  try {
    for (let tries = 0; tries < 4; tries++) {
      const dial = await mock.dial();
      dial.open();
      await mock.advance(1_500);
      const { id } = JSON.parse(dial.sent[0] as string);
      dial.receive(JSON.stringify({ id, status: 401, error: { code: -2015, msg: "" } }));
      await mock.settle();
      for (const one of asked) one.resolve([]);
    }
    await mock.settle();
    assertEquals(feed.lifecycle.value.phase, "unrecoverable");
    await rejected;
  } finally {
    await end();
  }
});

test("orderStream() keeps its new session when the end of the old one's events is read late", async () => {
  const mock = mockRuntime();
  const { feed, asked, session, end } = start(mock);
  try {
    const first = await session();
    first.receive('{"event":{"e":"eventStreamTerminated"}}'); // waits behind the reconcile
    first.end({ code: 1001 });
    await session();
    asked[0]!.resolve([]);
    await mock.settle();
    assertEquals([feed.lifecycle.value.epoch, feed.lifecycle.value.up], [2, true]);
  } finally {
    await end();
  }
});
