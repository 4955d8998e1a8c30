import { assert, assertEquals } from "@std/assert";
import {
  type Classify,
  connect,
  isTransportError,
  open,
  type ReconnectingConnection,
  type WsConnector,
} from "../../mod.ts";
import { web } from "../../src/runtime/web.ts";
import { workerConnector, type WorkerLike } from "../../src/worker/mod.ts";
import { type Platform, test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";
import { Child } from "../faults/child.ts";
import { workerOf } from "./make_worker.ts";

const only: readonly Platform[] = ["deno", "node", "bun"];
const quick = { backoff: { minDelayMs: 0, maxDelayMs: 1 } } as const;

/** A leaf over real workers, and how many of them were ended. */
function counted(file: string): { readonly connector: WsConnector; readonly ended: () => number } {
  let ended = 0;
  const make = workerOf(file);
  const connector = workerConnector(() => {
    const worker = make();
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      ended++;
      return terminate();
    };
    return worker;
  });
  return { connector, ended: () => ended };
}

async function errorOf(outcome: Promise<unknown>): Promise<unknown> {
  try {
    await outcome;
  } catch (error) {
    return error;
  }
  throw new Error("It connected");
}

test(
  "connect() with a worker that throws at its start fails, and the process lives",
  { only },
  async () => {
    const { connector, ended } = counted("host_throws.ts");
    const failures: unknown[] = [];
    const classify: Classify = ({ error }) => {
      failures.push(error);
      return { verdict: "permanent" };
    };
    const error = await errorOf(
      connect("ws://127.0.0.1:9/", {
        ...quick,
        classify,
        permanentRetries: 0,
        runtime: { ...web(), connector },
      }),
    );
    assert(isTransportError(error, "unrecoverable"), String(error));
    assertEquals(failures.map((it) => isTransportError(it, "connect_failed")), [true]);
    assertEquals(ended(), 1);
  },
);

test("connect() with a worker that never answers ends it at the deadline", { only }, async () => {
  const { connector, ended } = counted("host_silent.ts");
  const codes: string[] = [];
  const error = await errorOf(
    connect("ws://127.0.0.1:9/", {
      ...quick,
      connectTimeoutMs: 200,
      maxAttempts: 2,
      classify: ({ error }) => {
        codes.push(isTransportError(error) ? error.code : String(error));
        return { verdict: "transient" };
      },
      runtime: { ...web(), connector },
    }),
  );
  assert(isTransportError(error, "exhausted"), String(error));
  assertEquals([codes, ended()], [["connect_timeout", "connect_timeout"], 2]);
});

test(
  "a hostile worker file ends its session, again and again, and nothing else",
  { only },
  async () => {
    const { connector, ended } = counted("host_hostile.ts");
    const feed: ReconnectingConnection = open("ws://127.0.0.1:9/", {
      ...quick,
      maxAttempts: 3,
      runtime: { ...web(), connector },
    });
    while (await feed.lifecycle.changed(feed.lifecycle.value.version)) continue;
    assertEquals(feed.lifecycle.value.exhausted, true);
    assertEquals(feed.stats().received, 0);
    assert(ended() >= 3);
  },
);

test(
  "a worker that throws while its session is open ends the session with 1006",
  { only },
  async () => {
    const server = await startRawServer({
      onPeer(peer) {
        peer.accept();
        peer.onText = () => peer.sendText("tick"); // at which the worker throws
      },
    });
    try {
      const { connector } = counted("host_crashes.ts");
      const connection = await connector.connect(
        { url: new URL(server.url), protocols: [], headers: new Headers() },
        { signal: new AbortController().signal },
      );
      connection.send({ type: "text", data: "the session is open" });
      assertEquals(await connection.closed, {
        code: 1006,
        reason: "",
        clean: false,
        origin: "local",
      });
      const peer = await server.accepted();
      await peer.closed;
    } finally {
      await server.close();
    }
  },
);

test("abandon() ends the socket of a live session at the server, at once", { only }, async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      peer.ignoreClose();
    },
  });
  const { connector, ended } = counted("host_web.ts");
  const connection = await connector.connect(
    { url: new URL(server.url), protocols: [], headers: new Headers() },
    { signal: new AbortController().signal },
  );
  const peer = await server.accepted();
  connection.close();
  connection.abandon();
  await peer.closed;
  await connection.closed;
  assertEquals(ended(), 1);
  await server.close();
});

test(
  "a flood over a real worker is delivered or counted, each frame at its place",
  { only },
  async () => {
    const count = 60_000;
    const server = await startRawServer({
      async onPeer(peer) {
        peer.accept();
        await peer.flood(count, (i) => String(i + 1));
        peer.close(1000, "done");
      },
    });
    const { connector } = counted("host_web.ts");
    const feed = await connect(server.url, {
      maxAttempts: 1,
      buffer: { maxFrames: 4_096 },
      runtime: { ...web(), connector },
    });
    let wrong = 0;
    let seen = 0;
    let last = 0;
    for await (const batch of feed.batches()) {
      for (const { data, seq } of batch) {
        if (Number(data) !== seq) wrong++;
        seen++;
        last = seq;
      }
      if (last === count) break;
    }
    const { totalLagged } = feed.lifecycle.value;
    assertEquals({ wrong, all: seen + totalLagged }, { wrong: 0, all: count });
    await feed.control.shutdown();
    await server.close();
  },
);

test(
  "a worker is a Web worker or one of node:worker_threads",
  { only: ["deno", "bun"] },
  async () => {
    const module = "node:worker_threads"; // not a literal: bundlers leave it alone
    const { Worker } = await import(module) as { Worker: new (url: URL) => WorkerLike };
    const server = await startRawServer({
      onPeer(peer) {
        peer.accept();
        peer.onText = (text) => peer.sendText(text);
      },
    });
    const connector = workerConnector(() => new Worker(new URL("host_web.ts", import.meta.url)));
    const feed = await connect(server.url, { runtime: { ...web(), connector } });
    await feed.send("there and back");
    for await (const { data } of feed) {
      assertEquals(data, "there and back");
      break;
    }
    await feed.control.shutdown();
    await server.close();
  },
);

test("a process whose session was in a worker exits after shutdown, though the peer says nothing", {
  only,
}, async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      peer.ignoreClose();
    },
  });
  const child = new Child(new URL("./exit_main.ts", import.meta.url), { args: [server.url] });
  await child.until(({ event }) => event === "down");
  assertEquals(await child.ended, { code: 0, signal: null });
  await server.close();
});
