/**
 * What a reading of the socket in a worker with bad intent found.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, type WsConnection } from "../../mod.ts";
import { web } from "../../src/runtime/web.ts";
import { ManualClock, MockConnector, type MockDial } from "../../src/testing/mod.ts";
import { BatchQueue } from "../../src/worker/batch_queue.ts";
import { WorkerChannel } from "../../src/worker/channel.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { SocketHost } from "../../src/worker/socket_host.ts";
import { WorkerSession, type WorkerSessionOptions } from "../../src/worker/worker_session.ts";
import { test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";
import { LinkedWorker } from "../worker/linked_worker.ts";
import { workerOf } from "../worker/make_worker.ts";

/** Lets what is under way arrive. */
async function settled(): Promise<void> {
  for (let round = 0; round < 50; round++) await null;
}

interface Raw {
  readonly worker: LinkedWorker;
  readonly socket: MockDial;
  readonly connection: WsConnection;
}

/** A raw session over a worker. */
async function raw(): Promise<Raw> {
  const leaf = new MockConnector();
  const worker = new LinkedWorker({ connector: leaf, clock: new ManualClock() });
  const connector = workerConnector(() => worker, { capabilities: leaf.capabilities });
  const { signal } = new AbortController();
  const url = new URL("ws://venue.example/");
  const opening = connector.connect({ url, protocols: [], headers: new Headers() }, { signal });
  await settled();
  const socket = leaf.next()!;
  socket.open();
  return { worker, socket, connection: await opening };
}

/** A session whose worker says what the test says. */
function told(watch?: WorkerSessionOptions["watch"]) {
  let ended = 0;
  let say: (message: unknown) => void = () => {};
  const channel = new WorkerChannel({
    postMessage() {},
    terminate: () => void ended++,
    on: (type, listener) => void (type === "message" && (say = listener)),
  }, { message: (message) => session.take(message), gone: () => session.gone() });
  const session: WorkerSession = new WorkerSession({
    channel,
    protocol: "",
    ping: false,
    ...watch === undefined ? {} : { watch },
  });
  return { session, say: (message: unknown) => say(message), ended: () => ended };
}

const nothingNew = {
  type: "batch",
  droppedFrames: 0,
  droppedBytes: 0,
  frames: [],
  reports: [],
  taken: 0,
  buffered: 0,
} as const;

// Node has one buffer for all empty messages, and the first that crossed took it away: the next one threw, and the worker ended.
test(
  "a session in a worker outlives empty messages",
  { only: ["deno", "node", "bun"] },
  async () => {
    const server = await startRawServer({
      onPeer(peer) {
        peer.accept();
        for (let i = 0; i < 3; i++) peer.sendBinary(new Uint8Array(0));
        peer.sendText("done");
      },
    });
    const connector = workerConnector(workerOf("host_web.ts"));
    const feed = await connect(server.url, { maxAttempts: 1, runtime: { ...web(), connector } });
    const seen: unknown[] = [];
    for await (const { type, data, epoch } of feed) {
      seen.push([epoch, type === "text" ? data : data.byteLength]);
      if (type === "text") break;
    }
    assertEquals(seen, [[1, 0], [1, 0], [1, 0], [1, "done"]]);
    await feed.control.shutdown();
    await server.close();
  },
);

// The same with any leaf that has one.
test("a leaf in a worker may give the same empty buffer for every empty frame", async () => {
  const { socket, connection } = await raw();
  const heard: number[] = [];
  connection.attach!({
    frame: (frame) => void (frame.type === "binary" && heard.push(frame.data.byteLength)),
    dropped: () => {},
    end: () => {},
  });
  const empty = new ArrayBuffer(0);
  for (let i = 0; i < 5; i++) socket.receive(empty);
  await settled();
  assertEquals(heard, [0, 0, 0, 0, 0]);
});

// The heartbeat runs in the worker: with one that had exited (which Deno and browsers tell nobody), or was stuck, nobody noticed anything any more.
test("WorkerSession ends when its worker has said nothing for long", async () => {
  const clock = new ManualClock();
  const { session, say, ended } = told({ clock, everyMs: 1_000 });
  for (let i = 0; i < 5; i++) {
    clock.fireNext(1_000);
    say(nothingNew);
  }
  // A thread that was blocked hears of its timers first.
  clock.skip(60_000);
  clock.fireNext(0);
  say(nothingNew);
  clock.fireNext(1_000);
  assertEquals([ended(), clock.timers], [0, 1]);
  clock.fireNext(1_000);
  clock.fireNext(1_000);
  assertEquals([ended(), clock.timers], [1, 0]);
  assertEquals(await session.closed, { code: 1006, reason: "", clean: false, origin: "local" });
});

// Its other half.
test("SocketHost with a heartbeat says something now and then, by credit, until the end", async () => {
  const clock = new ManualClock();
  const connector = new MockConnector();
  const said: string[] = [];
  const host = new SocketHost({ post: ({ type }) => void said.push(type), connector, clock });
  host.receive({
    type: "dial",
    url: "ws://venue.example/",
    protocols: [],
    headers: [],
    seePing: false,
    maxMessageBytes: 1_000,
    axis: {
      liveness: { staleAfterMs: 10_000 },
      buffer: { maxFrames: 10, maxBytes: 100, overflow: "dropOldest" },
    },
  });
  const socket = connector.next()!;
  socket.open();
  await settled();
  said.length = 0;
  while (clock.now() < 60_000 && clock.fireNext(10_000)) socket.receiveControl("ping");
  assertEquals(said, ["batch", "batch"]);
  host.receive({ type: "ack" });
  assertEquals(said.length, 3);
  socket.end();
  await settled();
  assertEquals(clock.timers, 0);
});

// The rest of the batch went to a sink that had been told the end; one that attached late was told it twice.
test("WorkerSession tells a sink that throws the end once, and nothing after it", async () => {
  for (const early of [false, true]) {
    const { worker, socket, connection } = await raw();
    const heard: string[] = [];
    const attach = () =>
      connection.attach!({
        frame: (frame) => {
          heard.push(String(frame.type === "text" && frame.data));
          if (heard.length === 3) throw new Error("A broken sink");
        },
        dropped: () => {},
        end: () => void heard.push("end"),
      });
    if (!early) attach();
    worker.block();
    // One each in the two batches that there is credit for, then three in one.
    for (const data of ["1", "2", "3", "4", "5"]) socket.receive(data);
    worker.unblock();
    await settled();
    if (early) attach();
    assertEquals(heard, ["1", "2", "3", "end"], `early: ${early}`);
    assertEquals((await connection.closed).origin, "local");
  }
});

// Each turn with a send is answered, and every answer was kept for whoever would attach.
test("WorkerSession that only sends gathers nothing", () => {
  let reads = 0;
  const { session, say } = told();
  const answer = {
    ...nothingNew,
    get frames() {
      reads++;
      return [];
    },
  };
  for (let i = 0; i < 100; i++) say(answer);
  const before = reads;
  session.attach({ frame: () => {}, dropped: () => {}, end: () => {} });
  assertEquals(reads - before, 0);
  session.abandon();
});

// A read of it waited for ever.
test("WorkerSession.readable that is made after abandon() ends", async () => {
  const { connection } = await raw();
  connection.abandon();
  assertEquals((await connection.readable.getReader().read()).done, true);
});

// Pings took the place of data, and with "fail" one that did not fit lost the frames behind it.
test("BatchQueue loses no data frame to a ping that does not fit", () => {
  const ping = { type: "ping", data: new Uint8Array(0) } as const;
  for (const overflow of ["fail", "dropOldest"] as const) {
    const queue = new BatchQueue({ maxFrames: 2, maxBytes: 100, overflow });
    for (const data of ["1", "2"]) queue.push({ type: "text", data });
    queue.push(ping);
    assertEquals(queue.take().frames.length, 2, overflow);
    queue.push({ type: "text", data: "3" });
    assertEquals(queue.take(), {
      droppedFrames: 0,
      droppedBytes: 0,
      frames: [{ type: "text", data: "3" }],
    }, overflow);
  }
});
