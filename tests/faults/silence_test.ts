// Peers that fall silent, and threads that do (scenarios 20, 23, 24, 26, 27).
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Frame, FrameLayer } from "../../mod.ts";
import { isTransportError } from "../../mod.ts";
import { platform, test } from "../support/harness.ts";
import { type RawPeer, startRawServer } from "../support/raw_server.ts";
import { startPeer } from "./child.ts";
import { Feed, textsOf, withFeed } from "./feed.ts";
import { eachLeaf } from "./each_leaf.ts";

eachLeaf.test("a peer that falls silent is stale, then abandoned within its bound (scenario 20)", async (leaf) => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      if (server.counters.handshakes === 1) peer.stopWriting();
    },
  });
  const liveness = { staleAfterMs: 150, deadAfterMs: 400 };
  await withFeed(server, leaf.feed(server.url, { liveness }), async (feed) => {
    await feed.up();
    // The bounds count from the session's open, which is a little before that is traced.
    const dialledAt = feed.traced("dial")[0]!.atMs;
    await feed.up(2);
    const [stale] = feed.traced("stale");
    const [down] = feed.traced("down");
    assert(stale!.atMs - dialledAt >= 149, "not before its bound");
    assert(down!.atMs - dialledAt >= 399, "not dead before its bound");
    assert(down!.atMs - dialledAt < 3_000, "nor without one");
    const { error } = feed.traced("failure")[0]!;
    assert(isTransportError(error, "session_lost"), `it is ${error.code}`);
    assert(feed.connection.lifecycle.value.stales >= 1, "it was stale first");
  });
});

eachLeaf.test("a peer that was stopped and continues is not heard any more (scenario 23)", {
  timeoutMs: 30_000,
}, async (leaf) => {
  const first = await startPeer();
  const second = await startPeer();
  let dials = 0;
  const url = () => ++dials === 1 ? `${first.url}?tick=50` : `${second.url}?tick=50`;
  const feed = leaf.feed(url, { liveness: { staleAfterMs: 500, deadAfterMs: 1_000 } }).read();
  const texts = () => textsOf(feed.frames).filter((text) => !text.startsWith("tick"));
  await withFeed(first.child, feed, async () => {
    await feed.up();
    await first.child.until(({ event }) => event === "open");
    first.child.tell("text", { data: "alive" });
    await feed.until(() => texts().length === 1);
    first.child.kill("SIGSTOP");
    // It does this as the first thing when it goes on: a session from the grave.
    first.child.tell("text", { data: "from the grave" });
    await feed.up(2);
    first.child.kill("SIGCONT");
    await first.child.until(({ event, what }) => event === "done" && what === "text");
    await first.child.until(({ event }) => event === "end");
    await second.child.until(({ event }) => event === "open");
    second.child.tell("text", { data: "from the second" });
    await feed.until(() => texts().length === 2);
    assertEquals(texts(), ["alive", "from the second"]);
    assertEquals(feed.connection.lifecycle.value.epoch, 2);
    await feed.end();
    await second.child.close();
  });
});

test("a probe that is answered late heals the session it was sent in (scenario 24)", async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
    },
  });
  const liveness = {
    staleAfterMs: 200,
    deadAfterMs: 10_000,
    probe: { afterMs: 100, frame: () => "are you there" },
  };
  await withFeed(server, new Feed(server.url, { liveness }).read(), async (feed) => {
    const peer = await server.accepted();
    const asked = new Promise<string>((resolve) => peer.onText = resolve);
    await feed.connection.lifecycle.waitFor(({ phase }) => phase === "stale");
    assertEquals(await asked, "are you there");
    assertEquals(feed.connection.lifecycle.value.up, false);
    peer.sendText("yes");
    await feed.up();
    const { epoch, stales, phase, attempts } = feed.connection.lifecycle.value;
    assertEquals({ epoch, stales, phase, attempts }, {
      epoch: 1,
      stales: 1,
      phase: "connected",
      attempts: 1,
    });
    assertEquals(feed.traced("alive").length, 1);
    await feed.until(() => feed.frames.length === 1);
  });
});

eachLeaf.test(
  "a flood of pings keeps neither silence from being noticed nor memory (scenario 26)",
  {
    timeoutMs: 30_000,
  },
  async (leaf) => {
    const { child, url } = await startPeer();
    const liveness = {
      staleAfterMs: 250,
      deadAfterMs: 60_000,
      isLife: (frame: Frame) => frame.type === "text",
    };
    await withFeed(child, leaf.feed(url, { liveness }), async (feed) => {
      await feed.up();
      await child.until(({ event }) => event === "open");
      const pings = 300_000;
      child.tell("ping-flood", { count: pings });
      await feed.connection.lifecycle.waitFor(({ phase }) => phase === "stale");
      await child.until(({ event, what }) => event === "done" && what === "ping-flood");
      const { received, buffered } = feed.connection.stats();
      assertEquals({ received, buffered }, { received: 0, buffered: 0 });
      // Nothing but data heals it, and it does.
      child.tell("text", { data: "data" });
      await feed.up();
      assertEquals(feed.connection.lifecycle.value.epoch, 1);
      await feed.connection.control.shutdown();
      const end = await child.until(({ event }) => event === "end");
      // What was to be answered was so before the Close went out: no pong is kept anywhere. Platforms answer each
      // ping; the leaf over TCP only the newest when its pongs do not get away (RFC 6455 section 5.5.3).
      if (!leaf.isTcp) return assertEquals(end.pongs, pings);
      const pongs = Number(end.pongs);
      assert(pongs > 0 && pongs <= pings, `${pongs} pongs`);
      assertEquals(feed.sessions[0]!.bufferedAmount, 0);
    });
  },
);

/** Holds the thread, as a computation would. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

eachLeaf.test("a stalled thread does not make a stale session, in the reader (scenario 27)", async (leaf) => {
  const { child, url } = await startPeer();
  const liveness = { staleAfterMs: 700, deadAfterMs: 1_400 };
  await withFeed(child, leaf.feed(`${url}?tick=20`, { liveness }), async (feed) => {
    let frames = 0;
    for await (const _ of feed.connection.frames({ preventCancel: true })) {
      if (++frames === 5) block(1_500);
      if (frames === 120) break;
    }
    const { stales, epoch, totalLagged } = feed.connection.lifecycle.value;
    assertEquals({ stales, epoch, totalLagged }, { stales: 0, epoch: 1, totalLagged: 0 });
  });
});

test("a stalled thread does not make a stale session, in a recv layer (scenario 27)", async () => {
  const { child, url } = await startPeer();
  let seen = 0;
  const stalls: FrameLayer = () => ({
    transform(frame, controller) {
      if (++seen === 5) block(1_500);
      controller.enqueue(frame);
    },
  });
  const liveness = { staleAfterMs: 700, deadAfterMs: 1_400 };
  const feed = new Feed(`${url}?tick=20`, { liveness, recv: [stalls] }).read();
  await withFeed(child, feed, async () => {
    await feed.until(() => feed.frames.length >= 120);
    const { stales, epoch } = feed.connection.lifecycle.value;
    assertEquals({ stales, epoch }, { stales: 0, epoch: 1 });
  });
});

eachLeaf.test("a protocol ping as the probe keeps an idle session up (scenario 24)", async (leaf) => {
  if (!leaf.connector.capabilities.ping) {
    // Of the platforms' own leaves only Bun's can; with the others such a probe is refused.
    assert(!leaf.isTcp && platform !== "bun");
    assertThrows(() => leaf.feed("ws://127.0.0.1/", { liveness: { probe: { afterMs: 100 } } }));
    return;
  }
  let pings = 0;
  let enough = () => {};
  const many = new Promise<void>((resolve) => enough = resolve);
  const server = await startRawServer({
    onPeer(peer: RawPeer) {
      peer.accept();
      peer.onPing = () => ++pings === 5 && enough();
    },
  });
  const liveness = { staleAfterMs: 600, deadAfterMs: 1_200, probe: { afterMs: 100 } };
  await withFeed(server, leaf.feed(server.url, { liveness }), async (feed) => {
    await feed.up();
    await many;
    const { epoch, stales } = feed.connection.lifecycle.value;
    assertEquals({ epoch, stales }, { epoch: 1, stales: 0 });
    assertEquals(feed.traced("failure"), []);
  });
});

eachLeaf.test("a peer that only pings is life to a leaf that sees pings, and silent to others (scenario 24)", async (leaf) => {
  const { seePing } = leaf.connector.capabilities;
  assert(seePing || !leaf.isTcp);
  let stop = () => {};
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      const timer = setInterval(() => peer.ping("here"), 40);
      stop = () => clearInterval(timer);
      void peer.closed.then(stop);
    },
  });
  const liveness = { staleAfterMs: 400, deadAfterMs: 60_000 };
  await withFeed(server, leaf.feed(server.url, { liveness }), async (feed) => {
    const peer = await server.accepted();
    await feed.up();
    if (seePing) {
      // Twice the time after which silence is noticed.
      let pongs = 0;
      await new Promise<void>((resolve) => peer.onPong = () => ++pongs === 20 && resolve());
      const { phase, stales } = feed.connection.lifecycle.value;
      assertEquals({ phase, stales }, { phase: "connected", stales: 0 });
      stop();
    }
    await feed.connection.lifecycle.waitFor(({ phase }) => phase === "stale");
    assertEquals(feed.connection.stats().received, 0, "pings are not data");
  });
});
