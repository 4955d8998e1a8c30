// The tcp leaf under the whole stack: a flood that a reader keeps up with, and round trips without Nagle's algorithm.
import { assert, assertEquals } from "@std/assert";
import { connect, type ConnectionOptions, type ReconnectingConnection } from "../../mod.ts";
import { nativeRuntime, platformTcp } from "../faults/leaves.ts";
import { test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";

function overTcp(url: string, options: ConnectionOptions = {}): Promise<ReconnectingConnection> {
  return connect(url, { ...options, runtime: { ...nativeRuntime, connector: platformTcp() } });
}

test("tcp() drops nothing of a flood of 300,000 frames of 52 bytes with a ring of 4,096", async () => {
  const frames = 300_000;
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      void peer.flood(frames, (i) => `${i}`.padEnd(52, "."));
    },
  });
  const feed = await overTcp(server.url, { buffer: { maxFrames: 4_096 } });
  try {
    let next = 0;
    for await (const frame of feed) {
      assert(frame.type === "text" && frame.data.startsWith(`${next}.`), `frame ${next}`);
      if (++next === frames) break;
    }
    assertEquals(feed.stats().totalLagged, 0);
    assertEquals(feed.stats().delivered, frames);
  } finally {
    await feed.control.shutdown();
    await server.close();
  }
});

test("tcp() makes round trips of 1,025 to 16,384 bytes without waiting for an acknowledgement", async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      peer.onText = (text) => peer.sendText(text);
    },
  });
  const feed = await overTcp(server.url);
  const frames = feed.frames();
  try {
    for (const bytes of [1_025, 4_096, 16_384]) {
      const message = "x".repeat(bytes);
      const times: number[] = [];
      for (let trip = 0; trip < 50; trip++) {
        const started = performance.now();
        await feed.send(message);
        const { value } = await frames.next();
        assertEquals(value?.data, message);
        times.push(performance.now() - started);
      }
      // A delayed acknowledgement costs each trip some 40 ms; a busy machine costs some of them more.
      const quickest = Math.min(...times);
      assert(quickest < 5, `the quickest of ${times.length} trips took ${quickest} ms`);
    }
  } finally {
    await feed.control.shutdown();
    await server.close();
  }
});
