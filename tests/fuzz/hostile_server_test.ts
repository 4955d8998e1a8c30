// Hostile servers at the leaf of this runtime: nothing crashes the process, everything ends.
import { assert, assertEquals } from "@std/assert";
import { isTransportError } from "../../mod.ts";
import type { SessionEnd } from "../../src/contract/connection.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import { Feed, nativeRuntime, withFeed } from "../faults/feed.ts";
import { test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";
import { beHostile } from "./hostile.ts";

/** A promise that must settle; its failure names the seed. */
function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Never settled: ${what}`)), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function assertFrame(frame: Frame, seed: number): void {
  switch (frame.type) {
    case "text":
      return assert(frame.data.isWellFormed(), `seed ${seed}: text is well-formed`);
    case "binary":
    case "ping":
    case "pong":
      return assert(frame.data instanceof Uint8Array, `seed ${seed}: bytes`);
    default:
      throw new Error(`seed ${seed}: a leaf gave a ${frame.type} frame`);
  }
}

/** Dials, listens until the session has ended, if one came; gives what became of it. */
async function survive(url: string, seed: number): Promise<"refused" | "opened"> {
  const { signal } = new AbortController();
  const dial = nativeRuntime.connector.connect(handshakeOf({ url: `${url}?seed=${seed}` }), {
    signal,
  });
  const opened = await inTime(dial, `the dial of seed ${seed}`).catch((error) => {
    assert(isTransportError(error), `seed ${seed}: ${error}`);
    return undefined;
  });
  if (opened === undefined) return "refused";
  const ends: SessionEnd[] = [];
  opened.attach!({
    frame(frame) {
      assertEquals(ends.length, 0, `seed ${seed}: nothing comes behind the end`);
      assertFrame(frame, seed);
    },
    dropped() {},
    report() {},
    end: (end) => ends.push(end),
  });
  const end = await inTime(opened.closed, `the session of seed ${seed}`);
  assertEquals(ends, [end], `seed ${seed}: one end, the same to everybody`);
  assert(end.code >= 1000 || end.code === 999, `seed ${seed}: code ${end.code}`);
  return "opened";
}

const SEEDS = 400;

test(`a leaf survives ${SEEDS} hostile servers`, { timeoutMs: 60_000 }, async () => {
  const acts: Promise<string>[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      acts.push(beHostile(peer, Number(peer.request.url.searchParams.get("seed"))));
    },
  });
  try {
    const outcomes = { refused: 0, opened: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 10) {
      const batch = Array.from({ length: 10 }, (_, i) => survive(server.url, seed + i));
      for (const outcome of await Promise.all(batch)) outcomes[outcome]++;
    }
    await Promise.all(acts);
    assert(outcomes.refused > SEEDS / 10, `${outcomes.refused} were refused`);
    assert(outcomes.opened > SEEDS / 10, `${outcomes.opened} were opened`);
  } finally {
    await server.close();
  }
});

test("a feed survives 300 hostile sessions and dials, and is well afterwards", {
  timeoutMs: 60_000,
}, async () => {
  let seed = 10_000;
  let hostile = true;
  const acts: Promise<string>[] = [];
  const server = await startRawServer({
    onPeer(peer) {
      if (hostile) return void acts.push(beHostile(peer, seed++));
      peer.accept();
      peer.sendText("well");
    },
  });
  const feed = new Feed(server.url, {
    connectTimeoutMs: 2_000,
    backoff: { minDelayMs: 0, maxDelayMs: 1 },
    classify: () => ({ verdict: "transient" }),
  }).read();
  await withFeed(server, feed, async () => {
    await feed.until(() => feed.traced("failure").length >= 300);
    hostile = false;
    await feed.until(() => feed.frames.at(-1)?.data === "well");
    await Promise.all(acts);
    assert(feed.traced("open").length > 30, "some sessions came");
    assert(feed.traced("failure").some(({ stage }) => stage === "dial"), "some did not");
  });
});
