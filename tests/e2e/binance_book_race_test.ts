// A snapshot that was under way when its book was lost.
import { assertEquals, assertGreater } from "@std/assert";
import { binanceBooks } from "../../examples/adapters/binance_book.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { type RawPeer, startRawServer } from "../support/raw_server.ts";
import { Signal } from "./support.ts";

const diff = (u: number) =>
  JSON.stringify({ data: { e: "depthUpdate", s: "A", U: u, u, b: [["1.0", `${u}.0`]], a: [] } });

test("binanceBooks() takes no book back to a snapshot that is older than it", async () => {
  const mock = mockRuntime();
  const signal = new Signal();
  const asked: RawPeer[] = [];
  const rest = await startRawServer({
    onPeer(peer) {
      asked.push(peer);
      signal.ring();
    },
  });
  const answer = (at: number, lastUpdateId: number) =>
    asked[at]!.refuse(200, {}, JSON.stringify({ lastUpdateId, bids: [], asks: [] }));
  const ids: number[] = [];
  const resyncs: string[] = [];
  const { feed, done } = binanceBooks({
    symbols: ["A"],
    restUrl: rest.httpUrl.replace(/\/$/, ""),
    spacingMs: 1,
    connection: { runtime: mock.runtime },
    onBook(_, { id }) {
      ids.push(id);
      signal.ring();
    },
    onResync(_, why) {
      resyncs.push(why);
      signal.ring();
    },
  });
  try {
    const first = await mock.dial();
    first.open();
    first.receive(diff(1));
    await mock.settle();
    await signal.until(() => asked.length === 1);
    first.end({ code: 1006 });
    const second = await mock.dial();
    second.open();
    second.receive(diff(2));
    await mock.settle();
    await signal.until(() => resyncs.length === 2);
    answer(0, 2); // for session 1, but the book is lost again by now
    await signal.until(() => asked.length === 2);
    second.receive(diff(3));
    second.receive(diff(4));
    await mock.settle();
    const before = ids.length;
    answer(1, 3); // made before update 4 came
    await signal.until(() => ids.length > before);
    second.receive(diff(5));
    await mock.settle();
    await signal.until(() => ids.includes(5) || resyncs.length > 2);
    assertEquals(resyncs, ["session 1", "session 2"]);
    assertEquals(ids, ids.toSorted((a, b) => a - b));
  } finally {
    await feed.control.shutdown();
    await done;
    await rest.close();
  }
});

test("binanceBooks() keeps its new session when the old one's shutdown is read late", async () => {
  const mock = mockRuntime();
  const rest = await startRawServer({
    onPeer: (peer) => peer.refuse(200, {}, '{"lastUpdateId":1,"bids":[],"asks":[]}'),
  });
  const signal = new Signal();
  let release: () => void = () => {};
  let blocked = false;
  const { feed, books, done } = binanceBooks({
    symbols: ["A"],
    restUrl: rest.httpUrl.replace(/\/$/, ""),
    spacingMs: 1,
    connection: { runtime: mock.runtime },
    onBook(_, { id }) {
      signal.ring();
      if (id !== 2) return;
      blocked = true;
      return new Promise((resolve) => release = resolve);
    },
  });
  try {
    const first = await mock.dial();
    first.open();
    first.receive(diff(1));
    await mock.settle();
    await signal.until(() => books.get("A")!.live);
    first.receive(diff(2)); // the desk is slow
    first.receive('{"data":{"e":"serverShutdown"}}');
    await mock.settle();
    first.end({ code: 1001 });
    const second = await mock.dial();
    second.open();
    await mock.settle();
    await signal.until(() => blocked);
    release();
    await mock.settle();
    assertEquals([feed.lifecycle.value.epoch, feed.lifecycle.value.up], [2, true]);
  } finally {
    release();
    await feed.control.shutdown();
    await done;
    await rest.close();
  }
});

test("binanceBooks() keeps its pace when Retry-After is a date", async () => {
  const mock = mockRuntime();
  const signal = new Signal();
  const atMs: number[] = [];
  const rest = await startRawServer({
    onPeer(peer) {
      atMs.push(performance.now());
      if (atMs.length === 1) peer.refuse(503, { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" });
      signal.ring();
    },
  });
  const { feed, done } = binanceBooks({
    symbols: ["A"],
    restUrl: rest.httpUrl.replace(/\/$/, ""),
    spacingMs: 100,
    connection: { runtime: mock.runtime },
  });
  try {
    const dial = await mock.dial();
    dial.open();
    dial.receive(diff(1));
    await mock.settle();
    await signal.until(() => atMs.length === 2);
    assertGreater(atMs[1]! - atMs[0]!, 90);
  } finally {
    await feed.control.shutdown();
    await done;
    await rest.close();
  }
});
