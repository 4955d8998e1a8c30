// A callback that throws while a snapshot is taken.
import { assertRejects } from "@std/assert";
import { binanceBooks } from "../../examples/adapters/binance_book.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";

test("binanceBooks() rejects done when onBook throws, at a snapshot as at a diff", async () => {
  const mock = mockRuntime();
  const rest = await startRawServer({
    onPeer: (peer) => peer.refuse(200, {}, '{"lastUpdateId":1,"bids":[],"asks":[]}'),
  });
  const { feed, done } = binanceBooks({
    symbols: ["A"],
    restUrl: rest.httpUrl.replace(/\/$/, ""),
    connection: { runtime: mock.runtime },
    onBook() {
      throw new Error("the desk failed");
    },
  });
  try {
    const dial = await mock.dial();
    dial.open();
    dial.receive('{"data":{"e":"depthUpdate","s":"A","U":1,"u":1,"b":[],"a":[]}}');
    await mock.settle();
    await assertRejects(() => done, Error, "the desk failed");
  } finally {
    await feed.control.shutdown();
    await rest.close();
  }
});
