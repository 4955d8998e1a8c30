// A bad network between good ends: every toxic of the proxy, over real sockets (scenario 58).
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { seededRandom } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { startToxicProxy, type ToxicProxy, type Toxics } from "../support/toxic_proxy.ts";
import { Feed, textsOf, withFeed } from "./feed.ts";
import { eachLeaf } from "./each_leaf.ts";

interface Setup {
  readonly up?: Toxics;
  readonly down?: Toxics;
}

/** A server that greets with `count` numbered messages and echoes what it gets, behind a proxy. */
async function behind(
  toxics: Setup,
  count = 0,
): Promise<{ server: RawServer; proxy: ToxicProxy; close(): Promise<void> }> {
  const server = await startRawServer({
    async onPeer(peer) {
      peer.accept();
      peer.onText = (text) => peer.sendText(text);
      await peer.flood(count, (i) => `message ${i}`.padEnd(100));
    },
  });
  const proxy = await startToxicProxy(server.port, toxics);
  const close = async () => {
    await proxy.close();
    await server.close();
  };
  return { server, proxy, close };
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `message ${i}`.padEnd(100));

eachLeaf.test("a feed behind latency and jitter keeps order and loses nothing (scenario 58)", async (leaf) => {
  const random = seededRandom(58);
  const network = await behind({
    up: { latencyMs: () => random() * 40 },
    down: { latencyMs: () => random() * 40 },
  });
  await withFeed(network, leaf.feed(network.proxy.url).read(), async (feed) => {
    await feed.up();
    const texts = numbered(200);
    for (const text of texts) {
      await feed.connection.send(text);
      // One chunk each, so that each has a delay of its own.
      await new Promise<void>((resolve) => feed.clock.turn(resolve));
    }
    await feed.until(() => feed.frames.length === texts.length);
    assertEquals(textsOf(feed.frames), texts);
    assertEquals(feed.connection.lifecycle.value.epoch, 1);
  });
});

test("a feed behind a thin line gets everything, at the speed of the line (scenario 58)", async () => {
  const network = await behind({ down: { bytesPerSecond: 100_000 } }, 1_000);
  await withFeed(network, new Feed(network.proxy.url).read(), async (feed) => {
    const started = performance.now();
    await feed.until(() => feed.frames.length === 1_000);
    // 1,000 frames of 102 bytes at 100 kB per second.
    assertGreaterOrEqual(performance.now() - started, 900);
    assertEquals(textsOf(feed.frames), numbered(1_000));
  });
});

eachLeaf.test("a feed whose bytes come in slices of 1 to 7 gets every frame whole (scenario 58)", async (leaf) => {
  for (const sliceBytes of leaf.isTcp ? [2] : [1, 2, 3, 7]) {
    const toxics = { sliceBytes, sliceEveryMs: 0.1 };
    const network = await behind({ up: toxics, down: toxics }, 5);
    await withFeed(network, leaf.feed(network.proxy.url).read(), async (feed) => {
      await feed.until(() => feed.frames.length === 5);
      assertEquals(textsOf(feed.frames), numbered(5));
      await feed.connection.send("in slices, too");
      await feed.until(() => feed.frames.length === 6);
      assertEquals(textsOf(feed.frames).at(-1), "in slices, too");
      assertEquals(feed.connection.lifecycle.value.epoch, 1);
    });
  }
});

eachLeaf.test("a feed cut off after so many bytes reconnects, and what came is a prefix (scenario 58)", async (leaf) => {
  const network = await behind({ down: { limitBytes: 5_000 } }, 1_000);
  await withFeed(network, leaf.feed(network.proxy.url).read(), async (feed) => {
    await feed.until(() => feed.traced("down").length === 5);
    network.proxy.down = {};
    await feed.until(() => textsOf(feed.frames).at(-1) === numbered(1_000).at(-1));
    const epochs = new Set(feed.frames.map(({ epoch }) => epoch));
    assertGreaterOrEqual(epochs.size, 6);
    for (const epoch of epochs) {
      const texts = textsOf(feed.frames.filter((frame) => frame.epoch === epoch));
      assertEquals(texts, numbered(texts.length), `session ${epoch}`);
    }
    for (const { end } of feed.traced("down").slice(0, 5)) assertEquals(end.code, 1006);
    assertEquals(feed.connection.stats().totalLagged, 0);
  });
});

eachLeaf.test("a dial cut off within the answer to the handshake is one failed dial (scenario 58)", async (leaf) => {
  for (const limitBytes of [1, 20, 60, 100]) {
    const network = await behind({ down: { limitBytes } });
    await withFeed(network, leaf.feed(network.proxy.url), async (feed) => {
      await feed.until(() => feed.traced("failure").length === 2);
      assertEquals(feed.traced("failure")[0]!.error.code, "connect_failed");
      assertEquals(feed.sessions.length, 0);
      network.proxy.down = {};
      await feed.up();
      assertEquals(feed.connection.lifecycle.value.epoch, 1);
    });
  }
});

eachLeaf.test("a feed whose connection is reset, again and again, comes back each time (scenario 58)", async (leaf) => {
  const network = await behind({}, 10);
  await withFeed(network, leaf.feed(network.proxy.url).read(), async (feed) => {
    for (let epoch = 1; epoch <= 20; epoch++) {
      await feed.until(() => feed.frames.filter((frame) => frame.epoch === epoch).length === 10);
      network.proxy.reset();
      await feed.until(() => feed.traced("down").length === epoch);
      assertEquals(feed.traced("down").at(-1)!.end.code, 1006);
    }
    await feed.up(21);
    assertEquals(feed.connection.lifecycle.value.epoch, 21);
  });
});

eachLeaf.test("shutdown() of a feed whose connection closes slowly keeps its bound (scenario 58)", async (leaf) => {
  const network = await behind({ up: { slowCloseMs: 60_000 }, down: { slowCloseMs: 60_000 } });
  await withFeed(network, leaf.feed(network.proxy.url), async (feed) => {
    await feed.up();
    const started = performance.now();
    await feed.connection.control.shutdown({ timeoutMs: 300 });
    assert(performance.now() - started < 3_000, "within the bound");
    assertEquals(feed.connection.lifecycle.value.phase, "closed");
  });
});

eachLeaf.test("a feed in a black hole is stale, then abandoned, and heals when the hole closes (scenario 58)", async (leaf) => {
  const network = await behind({});
  const feed = leaf.feed(network.proxy.url, {
    connectTimeoutMs: 200,
    liveness: {
      staleAfterMs: 300,
      deadAfterMs: 600,
      probe: { afterMs: 150, frame: "are you there" },
    },
  });
  await withFeed(network, feed, async () => {
    await feed.up();
    network.proxy.up = { silent: true };
    network.proxy.down = { silent: true };
    await feed.until(() => feed.traced("down").length === 1);
    assert(feed.traced("stale").length >= 1, "stale comes first");
    await feed.until(() => feed.traced("failure").some(({ stage }) => stage === "dial"));
    network.proxy.up = {};
    network.proxy.down = {};
    await feed.up(2);
    assert(feed.traced("failure").some(({ error }) => error.code === "connect_timeout"));
  });
});
