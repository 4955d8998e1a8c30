// Sessions that end over real sockets: cleanly, abruptly, with nonsense, for ever (scenarios 8, 9, 10, 47).
import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { defaultClassify, isTransportError, TransportError } from "../../mod.ts";
import { test } from "../support/harness.ts";
import { frame, OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";
import { Feed, textsOf, withFeed } from "./feed.ts";
import { eachLeaf } from "./each_leaf.ts";

interface Ending {
  readonly name: string;
  readonly does: (peer: RawPeer) => void;
  readonly code: number;
  readonly clean: boolean;
  /** What the leaf over TCP says of it, where platforms only say that the session has gone. */
  readonly says?: number;
}

const closes = (code: number | undefined): Ending => ({
  name: `a Close with ${code ?? "no code"}`,
  does: (peer) => peer.close(code, code === undefined ? "" : "reason"),
  code: code ?? 1005,
  clean: true,
});

const breaks = (name: string, does: (peer: RawPeer) => void, says = 1006): Ending => ({
  name,
  does,
  code: 1006,
  clean: false,
  says,
});

const ENDINGS: readonly Ending[] = [
  closes(1000),
  closes(1001),
  closes(1011),
  closes(1012),
  closes(1013),
  closes(4999),
  closes(undefined),
  breaks("FIN without a Close", (peer) => peer.fin()),
  breaks("a reset", (peer) => peer.reset()),
  breaks("an end within a frame", (peer) => {
    peer.sendRaw(frame(OPCODE.text, "cut", { claimedBytes: 100 }));
    peer.fin();
  }),
  breaks("an unknown opcode", (peer) => peer.sendFrame(3, "x"), 1002),
  breaks("a reserved bit", (peer) => peer.sendFrame(OPCODE.text, "x", { rsv: 2 }), 1002),
  breaks("a fragmented Ping", (peer) => peer.sendFrame(OPCODE.ping, "x", { fin: false }), 1002),
  breaks(
    "text that is not UTF-8",
    (peer) => peer.sendFrame(OPCODE.text, new Uint8Array([0x61, 0xff, 0x62])),
    1007,
  ),
  breaks("a Close and then a reset", (peer) => {
    // Two ends within one segment, and the socket's own end behind them: one edge all the same.
    peer.sendRaw(frame(OPCODE.close, new Uint8Array([0x03, 0xe9])));
    peer.reset();
  }),
];

eachLeaf.test("a session that ends, however it does, is one down edge (scenario 8)", async (leaf) => {
  let sessions = 0;
  const server = await startRawServer({
    onPeer(peer) {
      const ending = ENDINGS[sessions++];
      peer.accept();
      peer.sendText(`session ${sessions}`);
      // The client has the session when it answers.
      peer.onText = () => ending?.does(peer);
    },
  });
  const feed = leaf.feed(server.url, {
    // The last ones are all poison, which in a row would be taken for a permanent failure.
    classify: () => ({ verdict: "transient" }),
    onSession: async ({ send }) => await send("begin"),
  }).read();
  await withFeed(server, feed, async () => {
    await feed.up(ENDINGS.length + 1);
    await feed.until(() => feed.frames.length === ENDINGS.length + 1);
    const downs = feed.traced("down");
    assertEquals(downs.map(({ epoch }) => epoch), ENDINGS.map((_, i) => i + 1));
    for (const [i, { end, firstSeq, lastSeq }] of downs.entries()) {
      const { name, code: native, clean, says = native } = ENDINGS[i]!;
      const code = leaf.isTcp ? says : native;
      if (name !== "a Close and then a reset") {
        assertEquals([name, end.code, end.clean], [name, code, clean]);
      } else {
        // Which of the two arrives is the kernel's business.
        assert([1001, 1006].includes(end.code), `${name}: ${end.code}`);
      }
      assertEquals([firstSeq, lastSeq], [i + 1, i + 1], name);
    }
    assertEquals(
      textsOf(feed.frames),
      [...ENDINGS, undefined].map((_, i) => `session ${i + 1}`),
    );
    assertEquals(server.counters.handshakes, ENDINGS.length + 1);
  });
});

test("classify() that calls a close permanent ends the dialling (scenario 9)", async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      peer.close(4003, "no such account");
    },
  });
  const feed = new Feed(server.url, {
    permanentRetries: 0,
    classify: (failure) =>
      failure.end?.code === 4003 ? { verdict: "permanent" } : defaultClassify(failure),
  });
  await withFeed(server, feed, async () => {
    await assertRejects(
      () => feed.connection.lifecycle.waitFor(() => false),
      TransportError,
      "permanent failure",
    );
    const { phase, up, error } = feed.connection.lifecycle.value;
    assertEquals([phase, up], ["unrecoverable", false]);
    assert(isTransportError(error, "unrecoverable") && error.end?.code === 4003, "it says why");
    feed.connection.control.forceReconnect();
    await assertRejects(() => feed.connection.send("x"), TransportError);
    assertEquals(server.counters.handshakes, 1);
    assertEquals(feed.clock.live, 0, "nothing waits to dial");
  });
});

test("classify() with a minimal delay is obeyed, forceReconnect() included (scenario 10)", async () => {
  const arrivals: number[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      arrivals.push(performance.now());
      peer.accept();
      if (arrivals.length === 1) peer.close(1013, "try again later");
    },
  });
  const feed = new Feed(server.url, {
    classify: () => ({ verdict: "transient", minDelayMs: 300 }),
  });
  await withFeed(server, feed, async () => {
    await feed.until(() => feed.traced("retry").length === 1);
    feed.connection.control.forceReconnect();
    await feed.up(2);
    assertGreaterOrEqual(arrivals[1]! - arrivals[0]!, 299);
  });
});

eachLeaf.test("send() rejects whenever there is no session to send in (scenario 47)", async (leaf) => {
  let requests = 0;
  const taken: string[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      if (++requests === 1) return peer.refuse(503);
      peer.accept();
      peer.onText = (text) => taken.push(text);
    },
  });
  const feed = leaf.feed(server.url, { backoff: { minDelayMs: 60_000, maxDelayMs: 60_000 } });
  await withFeed(server, feed, async () => {
    const { connection } = feed;
    const refused = (code: string) => async () => {
      const error = await connection.send("lost").then(() => undefined, (reason) => reason);
      assert(isTransportError(error), "it rejects");
      assertEquals(error.code, code);
    };
    await refused("not_connected")();
    await feed.until(() => feed.traced("retry").length === 1);
    await refused("not_connected")();
    connection.control.forceReconnect();
    await feed.up();
    const peer = await server.accepted();
    await connection.send("taken");
    const got = new Promise<void>((resolve) => peer.onClose = () => resolve());
    // In the turn of the loss, and in every later one.
    peer.close(1001, "restart");
    await feed.until(() => feed.traced("down").length === 1);
    await refused("not_connected")();
    await got;
    connection.control.forceReconnect();
    await feed.up(2);
    const closing = connection.control.shutdown();
    await Promise.resolve();
    await refused("closed")();
    await closing;
    await refused("closed")();
    assertEquals(taken, ["taken"]);
  });
});
