// What the venue refuses, and what it does not.
import { assertEquals } from "@std/assert";
import { coinbaseLevel2, type CoinbaseOptions } from "../../examples/adapters/coinbase_level2.ts";
import { type MockDial, mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

const CAP = "too many L2 streams requested in a single session";
const ack = '{"channel":"subscriptions","events":[{}]}';

const snapshot = (product_id: string, sequence_num: number) =>
  JSON.stringify({
    channel: "l2_data",
    sequence_num,
    events: [{
      type: "snapshot",
      product_id,
      updates: [{ side: "bid", price_level: "1.00", new_quantity: "1" }],
    }],
  });
const error = (message: string) => JSON.stringify({ type: "error", message });

/** The products of every level2 subscribe that was sent. */
function asked(dial: MockDial): string[][] {
  return dial.sent.map((text) => JSON.parse(text as string))
    .filter(({ type, channel }) => type === "subscribe" && channel === "level2")
    .map(({ product_ids }) => product_ids);
}

function start(options: Partial<CoinbaseOptions> = {}) {
  const mock = mockRuntime();
  const refused: (readonly string[])[] = [];
  const adapter = coinbaseLevel2({
    products: ["A", "B"],
    onRefused: (products) => refused.push(products),
    ...options,
    connection: { runtime: mock.runtime },
  });
  const session = async (): Promise<MockDial> => {
    const dial = await mock.dial();
    dial.open();
    await mock.advance(1_000); // the preset's pace of sends
    return dial;
  };
  const end = async () => {
    await adapter.feed.control.shutdown();
    await adapter.done;
  };
  return { ...adapter, mock, refused, session, end };
}

test("coinbaseLevel2() gives up no product that was accepted, when another is refused during a resync", async () => {
  const { mock, books, refused, add, session, end } = start();
  try {
    const dial = await session();
    dial.receive(ack);
    dial.receive(snapshot("A", 0));
    dial.receive(snapshot("B", 1));
    await mock.advance(1_000);
    assertEquals([...books.keys()], ["A", "B"]);
    const added = add("C");
    await mock.advance(1_000);
    await added;
    dial.receive(snapshot("A", 7)); // a hole: both books are asked for anew
    dial.receive(error(CAP)); // the answer to C
    await mock.advance(2_000);
    assertEquals(refused, [["C"]]);
    assertEquals(asked(dial).at(-1)?.slice(0, 2), ["A", "B"]);
  } finally {
    await end();
  }
});

test("coinbaseLevel2() asks again, with backoff, when a subscribe was only too early", async () => {
  const { mock, feed, refused, session, end } = start();
  try {
    const dial = await session();
    dial.receive(ack);
    dial.receive(error("rate limit exceeded"));
    await mock.settle();
    assertEquals([refused, feed.lifecycle.value.up], [[], false]);
    const next = await session();
    next.receive(ack);
    next.receive(snapshot("A", 0));
    await mock.settle();
    assertEquals([asked(next), feed.lifecycle.value.up], [[["A", "B"]], true]);
  } finally {
    await end();
  }
});
