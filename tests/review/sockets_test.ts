/**
 * What a reading of the stack with bad intent found, over real sockets of this runtime.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { frame, OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";
import { test } from "../support/harness.ts";
import { Feed } from "../faults/feed.ts";

// The frames that came with the answer of the handshake were read before the start hook was called.
test("onSession.next() sees a greeting in the same segment as the handshake's answer", async () => {
  const server = await startRawServer({
    onPeer: (peer) => peer.accept({ extra: frame(OPCODE.text, "welcome") }),
  });
  const greetings: unknown[] = [];
  const feed = new Feed(server.url, {
    startTimeoutMs: 5_000,
    onSession: async ({ next }) => {
      greetings.push((await next(() => true)).data);
    },
  });
  try {
    await feed.connection.ready;
    assertEquals(greetings, ["welcome"]);
    assertEquals(feed.connection.stats().received, 1);
  } finally {
    await feed.end();
    await server.close();
  }
});

// On Bun terminate() and on Node destroy() are called on a socket that has not opened: the server must see it go.
test("open() that gives up a dial which hangs lets go of its TCP connection", async () => {
  let arrived: (peer: RawPeer) => void = () => {};
  // On a busy machine a dial may be given up before the server has heard of it; then it is the next one.
  const first = new Promise<RawPeer>((resolve) => arrived = resolve);
  const server = await startRawServer({
    onPeer: (peer) => {
      peer.hang();
      arrived(peer);
    },
  });
  const feed = new Feed(server.url, { connectTimeoutMs: 100 });
  try {
    await feed.until(() => feed.traced("failure").length > 0);
    assertEquals(feed.traced("failure")[0]!.error.code, "connect_timeout");
    await (await first).closed;
  } finally {
    await feed.end();
    await server.close();
  }
});

// A protocol ping without a payload, where the platform can send one.
test("the probe without a frame is a protocol ping that the server answers", {
  only: ["bun"],
}, async () => {
  const server = await startRawServer({ onPeer: (peer) => peer.accept() });
  const feed = new Feed(server.url, {
    liveness: { staleAfterMs: 400, deadAfterMs: 800, probe: { afterMs: 50 } },
  });
  try {
    await feed.connection.ready;
    await feed.until(() =>
      feed.traced("probe").length >= 2 && feed.connection.stats().roundTripMs !== undefined
    );
    assertEquals(feed.traced("stale").length, 0);
  } finally {
    await feed.end();
    await server.close();
  }
});
