// Readers that are fast, slow, absent or leave, over real sockets (scenarios 31, 32, 37, 38, 39, 40).
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { SessionStart } from "../../mod.ts";
import { platform, test } from "../support/harness.ts";
import { frame, joined, message, OPCODE, startRawServer } from "../support/raw_server.ts";
import { startPeer } from "./child.ts";
import { assertBalanced, Feed, textsOf, withFeed } from "./feed.ts";
import { eachLeaf, type LeafUnderFault } from "./each_leaf.ts";

eachLeaf.test("frames() loses nothing of 3,000 frames in one read (scenario 31)", async (leaf) => {
  const { child, url } = await startPeer();
  await withFeed(child, leaf.feed(url).read(), async (feed) => {
    await child.until(({ event }) => event === "open");
    child.tell("burst", { count: 3_000 });
    await feed.until(() => feed.frames.length === 3_000);
    assertEquals(feed.connection.stats().totalLagged, 0);
    assertEquals(textsOf(feed.frames), Array.from({ length: 3_000 }, (_, i) => `burst ${i}`));
  });
});

test("batches() loses nothing of 3,000 frames in one read (scenario 31)", async () => {
  const { child, url } = await startPeer();
  await withFeed(child, new Feed(url), async (feed) => {
    await child.until(({ event }) => event === "open");
    child.tell("burst", { count: 3_000 });
    const texts: string[] = [];
    for await (const batch of feed.connection.batches({ preventCancel: true })) {
      texts.push(...textsOf(batch));
      if (texts.length === 3_000) break;
    }
    assertEquals(feed.connection.stats().totalLagged, 0);
    assertEquals(texts, Array.from({ length: 3_000 }, (_, i) => `burst ${i}`));
  });
});

eachLeaf.test(
  "a reader that never reads a million frames finds the newest, and all are counted (scenario 32)",
  {
    timeoutMs: 60_000,
  },
  async (leaf) => {
    const total = 1_000_000;
    const maxFrames = 10_000;
    const { child, url } = await startPeer();
    await withFeed(child, leaf.feed(url, { buffer: { maxFrames } }), async (feed) => {
      const { connection } = feed;
      await child.until(({ event }) => event === "open");
      child.tell("flood", { count: total });
      await connection.lifecycle.waitFor(({ totalLagged }) => totalLagged === total - maxFrames);
      const { received, buffered, totalLagged, delivered } = connection.stats();
      assertEquals({ received, buffered, totalLagged, delivered }, {
        received: total,
        buffered: maxFrames,
        totalLagged: total - maxFrames,
        delivered: 0,
      });
      assertBalanced(connection);
      // What the heap makes of it is for the soak test: garbage is collected when it is.
      assertEquals(connection.stats().bufferedBytes, maxFrames * "flood 999999".length);
      let next = total - maxFrames;
      for await (const { data, seq } of connection.frames({ preventCancel: true })) {
        assertEquals(data, `flood ${next}`);
        assertEquals(seq, ++next);
        if (next === total) break;
      }
      assertEquals(connection.stats().buffered, 0);
      assertEquals(connection.lifecycle.value.epoch, 1);
    });
  },
);

const LEAVES = {
  async throws(feed: Feed) {
    const failing = async () => {
      for await (const _ of feed.connection) throw new RangeError("the consumer fails");
    };
    await assertRejects(failing, RangeError, "the consumer fails");
  },
  async breaks(feed: Feed) {
    for await (const _ of feed.connection) break;
  },
  async cancels(feed: Feed) {
    const reader = feed.connection.readable.getReader();
    await reader.read();
    await reader.cancel();
  },
  async "cancels batches"(feed: Feed) {
    for await (const _ of feed.connection.batches({ maxFrames: 3 })) break;
  },
};

for (const [how, leave] of Object.entries(LEAVES)) {
  test(`a reader that ${how} ends the connection, and every frame is accounted for (scenario 37)`, async () => {
    let closed = { code: 0 };
    const server = await startRawServer({
      async onPeer(peer) {
        peer.accept();
        peer.onClose = (code) => closed = { code };
        await peer.flood(2_000, (i) => `${i}`);
      },
    });
    await withFeed(server, new Feed(server.url), async (feed) => {
      await leave(feed);
      await feed.connection.lifecycle.waitFor(({ phase }) => phase === "closed");
      await feed.connection.control.shutdown();
      assertEquals(closed, { code: 1000 });
      const { received, delivered, buffered, totalDiscarded } = feed.connection.stats();
      assertBalanced(feed.connection);
      assertEquals(buffered, 0);
      assertEquals(totalDiscarded, received - delivered);
      assertEquals(feed.connection.lifecycle.value.totalDiscarded, totalDiscarded);
    });
  });
}

test("a reader that lets go of the lock reads on where it was (scenario 38)", async () => {
  const server = await startRawServer({
    async onPeer(peer) {
      peer.accept();
      await peer.flood(300, (i) => `${i}`);
    },
  });
  await withFeed(server, new Feed(server.url), async (feed) => {
    const { readable } = feed.connection;
    const seqs: number[] = [];
    while (seqs.length < 150) {
      const reader = readable.getReader();
      seqs.push((await reader.read()).value!.seq);
      // A read that is under way when the lock is let go of must not lose a frame.
      if (seqs.length % 3 === 0) void reader.read().catch(() => {});
      reader.releaseLock();
      if (seqs.length % 50 !== 0) continue;
      for await (const { seq } of feed.connection.frames({ preventCancel: true })) {
        seqs.push(seq);
        break;
      }
    }
    assertBalanced(feed.connection);
    assertEquals(feed.connection.stats().totalLagged, 0);
    for (let i = 1; i < seqs.length; i++) assert(seqs[i]! > seqs[i - 1]!, `${seqs[i]} is later`);
  });
});

test("readable.tee() with a branch that nobody reads holds nothing up (scenario 38)", async () => {
  const server = await startRawServer({
    async onPeer(peer) {
      peer.accept();
      await peer.flood(20_000, (i) => `${i}`);
    },
  });
  await withFeed(server, new Feed(server.url), async (feed) => {
    const [live, dead] = feed.connection.readable.tee();
    const reader = live.getReader();
    for (let i = 0; i < 20_000; i++) assertEquals((await reader.read()).value?.data, `${i}`);
    assertEquals(feed.connection.stats().totalLagged, 0);
    // The connection is cancelled when both branches are.
    await Promise.all([reader.cancel(), dead.cancel()]);
    await feed.connection.lifecycle.waitFor(({ phase }) => phase === "closed");
  });
});

eachLeaf.test("text, binary and fragments keep their order, both ways (scenario 39)", async (leaf) => {
  const taken: string[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      peer.onText = (text) => taken.push(text);
      peer.onBinary = (bytes) => taken.push(`[${bytes.join()}]`);
      peer.sendRaw(joined([
        frame(OPCODE.text, "first"),
        frame(OPCODE.binary, new Uint8Array([1, 2])),
        message(OPCODE.text, "in three parts", { fragments: 3 }),
        frame(OPCODE.text, "", { fin: false }),
        frame(OPCODE.ping, "between"),
        frame(OPCODE.continuation, ""),
        message(OPCODE.binary, new Uint8Array([3, 4, 5, 6]), { fragments: 2 }),
        frame(OPCODE.binary),
        frame(OPCODE.text, "last"),
      ]));
    },
  });
  const expected = ["first", "[1,2]", "in three parts", "", "[3,4,5,6]", "[]", "last"];
  await withFeed(server, leaf.feed(server.url).read(), async (feed) => {
    await feed.until(() => feed.frames.length === expected.length);
    assertEquals(textsOf(feed.frames), expected);
    const { connection } = feed;
    // A Blob would have to be read first, and would come after what is sent behind it.
    const blob = new Blob(["x"]) as unknown as string;
    const sends = [
      connection.send("one"),
      connection.send(new Uint8Array([7, 8])),
      connection.send(new Uint8Array([9, 10]).buffer),
      connection.send(new DataView(new Uint8Array([0, 11, 12]).buffer, 1, 2)),
      connection.send("two"),
    ];
    await assertRejects(() => connection.send(blob), TypeError);
    await Promise.all(sends);
    await connection.control.shutdown();
    assertEquals(taken, ["one", "[7,8]", "[9,10]", "[11,12]", "two"]);
  });
});

// What the platform does with frames behind its own Close is its own affair: Deno hands them over.
const deliveredBy = ({ isTcp }: LeafUnderFault) => isTcp || platform === "deno";

eachLeaf.test(
  (leaf) =>
    `frames after shutdown() are counted as discarded${
      deliveredBy(leaf) ? "" : ", unless the platform drops them first"
    } (scenario 40)`,
  async (leaf) => {
    const delivers = deliveredBy(leaf);
    const server = await startRawServer({
      onPeer(peer) {
        peer.accept();
        peer.sendText("before");
        peer.onClose = () => {
          for (let i = 0; i < 3; i++) peer.sendText(`late ${i}`);
        };
      },
    });
    const onSession = async ({ next }: SessionStart) => void await next(() => true);
    await withFeed(server, leaf.feed(server.url, { onSession }), async (feed) => {
      await feed.up();
      await feed.connection.control.shutdown({ timeoutMs: 5_000 });
      const { received, buffered, totalDiscarded } = feed.connection.stats();
      assertEquals({ received, buffered, totalDiscarded }, {
        received: delivers ? 4 : 1,
        buffered: 1,
        totalDiscarded: delivers ? 3 : 0,
      });
      feed.read();
      await feed.end();
      assertEquals(textsOf(feed.frames), ["before"]);
    });
  },
);

eachLeaf.test("frames of an abandoned socket are not observed (scenario 40)", async (leaf) => {
  const { child, url } = await startPeer();
  let late = 0;
  const feed = leaf.feed(`${url}ignore-close`, {
    recv: [({ signal }) => ({
      transform(frame, controller) {
        if (signal.aborted) late++;
        controller.enqueue(frame);
      },
    })],
  }).read();
  await withFeed(child, feed, async () => {
    // Of the client, too: while it dials, forceReconnect() has nothing to do.
    await feed.up();
    await child.until(({ event, n }) => event === "open" && n === 0);
    feed.connection.control.forceReconnect();
    await feed.up(2);
    await child.until(({ event, n }) => event === "open" && n === 1);
    for (let i = 0; i < 5; i++) child.tell("text", { n: 0, data: `from the grave ${i}` });
    child.tell("text", { n: 1, data: "alive" });
    await feed.until(() => feed.frames.length === 1);
    assertEquals(textsOf(feed.frames), ["alive"]);
    assertEquals(late, 0);
    assertEquals(feed.connection.stats().received, 1);
  });
});
