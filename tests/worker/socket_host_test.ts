import { assert, assertEquals, assertThrows } from "@std/assert";
import { isTransportError } from "../../mod.ts";
import { ManualClock, MockConnector, type MockDial } from "../../src/testing/mod.ts";
import { hostSocket } from "../../src/worker/host.ts";
import type { DialMessage, FromWorker } from "../../src/worker/protocol.ts";
import { SocketHost } from "../../src/worker/socket_host.ts";
import { test } from "../support/harness.ts";

const DIAL: DialMessage = {
  type: "dial",
  url: "ws://venue.example/",
  protocols: [],
  headers: [["x-one", "1"]],
  seePing: false,
  maxMessageBytes: 1_000,
};

interface Hosted {
  readonly host: SocketHost;
  readonly clock: ManualClock;
  readonly said: FromWorker[];
  readonly socket: MockDial;
}

async function settled(): Promise<void> {
  for (let round = 0; round < 50; round++) await null;
}

async function opened(dial: DialMessage = DIAL): Promise<Hosted> {
  const said: FromWorker[] = [];
  const clock = new ManualClock();
  const connector = new MockConnector();
  const host = new SocketHost({ post: (message) => said.push(message), connector, clock });
  host.receive(dial);
  const socket = connector.next();
  if (socket === undefined) throw new Error("It did not dial");
  socket.open();
  await settled();
  said.length = 0;
  return { host, clock, said, socket };
}

const types = (said: readonly FromWorker[]) => said.map(({ type }) => type);

test("hostSocket() refuses to run where there is no main thread to answer", () => {
  const error = assertThrows(() => hostSocket());
  assert(isTransportError(error, "unsupported"), String(error));
});

test("hostSocket() refuses a leaf that has a worker of its own", () => {
  const connector = new MockConnector({ capabilities: { recvAxis: true } });
  assert(isTransportError(assertThrows(() => hostSocket({ connector })), "unsupported"));
});

test("SocketHost dials with url, subprotocols and headers as they were", async () => {
  const { socket } = await opened();
  assertEquals(socket.handshake.url.href, "ws://venue.example/");
  assertEquals([...socket.handshake.headers], [["x-one", "1"]]);
});

test("SocketHost posts at most two batches without an acknowledgement", async () => {
  const { host, socket, said } = await opened();
  for (const data of ["1", "2", "3", "4"]) socket.receive(data);
  assertEquals(said.map((it) => it.type === "batch" && it.frames), [["1"], ["2"]]);
  host.receive({ type: "ack" });
  assertEquals(said.map((it) => it.type === "batch" && it.frames), [["1"], ["2"], ["3", "4"]]);
  // More acknowledgements than batches give no more credit.
  for (let i = 0; i < 9; i++) host.receive({ type: "ack" });
  said.length = 0;
  for (let i = 0; i < 9; i++) socket.receive("x");
  assertEquals(said.length, 2);
});

test("SocketHost tells in each batch what was sent and what the socket holds", async () => {
  const { host, socket, said, clock } = await opened();
  socket.bufferedAmount = 70;
  host.receive({ type: "send", frame: { type: "text", data: "four" } });
  host.receive({ type: "send", frame: { type: "binary", data: new Uint8Array(6) } });
  assertEquals(said, []);
  clock.runTurns();
  assertEquals(said.map((it) => it.type === "batch" && [it.taken, it.buffered]), [[10, 70]]);
  clock.fireNext(10);
  assertEquals(said.length, 1, "there was nothing new");
  socket.bufferedAmount = 0;
  clock.fireNext(10);
  assertEquals(said.map((it) => it.type === "batch" && it.buffered), [70, 0]);
  assertEquals(clock.timers, 0);
});

test("SocketHost shows pings only to a main thread that wants them", async () => {
  const { socket, said } = await opened();
  socket.receiveControl("ping");
  assertEquals(said, []);
  const seeing = await opened({ ...DIAL, seePing: true });
  seeing.socket.receiveControl("pong", Uint8Array.of(1));
  assertEquals(
    seeing.said.map((it) => it.type === "batch" && it.frames),
    [[{ type: "pong", data: Uint8Array.of(1) }]],
  );
});

test("SocketHost ends a session above the limit that the main thread declares", async () => {
  const { socket, said } = await opened();
  socket.receive("x".repeat(1_000));
  assertEquals(types(said), ["batch"]);
  socket.receive("x".repeat(1_001));
  assertEquals(types(said), ["batch", "end"]);
  assertEquals(socket.abandoned, true);
});

for (const nonsense of [null, { type: "send", frame: {} }, DIAL, { type: "abort" }]) {
  test(`SocketHost ends the session when told ${JSON.stringify(nonsense)?.slice(0, 40)}`, async () => {
    const { host, socket, said } = await opened();
    host.receive(nonsense);
    assertEquals([types(said), socket.abandoned], [["end"], true]);
    socket.receive("late");
    host.receive(nonsense);
    assertEquals(types(said), ["end"]);
  });
}

test("SocketHost fails the dial when told what it does not know before", () => {
  const said: FromWorker[] = [];
  const connector = new MockConnector();
  const host = new SocketHost({
    post: (message) => said.push(message),
    connector,
    clock: new ManualClock(),
  });
  host.receive("hello");
  assertEquals(types(said), ["hello", "failed"]);
});

test("SocketHost ends the session when a frame cannot be sent, and not when the socket has ended", async () => {
  const { host, socket, said, clock } = await opened();
  socket.end({ code: 1001 });
  host.receive({ type: "send", frame: { type: "text", data: "late" } });
  host.receive({ type: "close", code: 1000, reason: "" });
  await settled();
  clock.runTurns();
  const end = said.at(-1);
  assertEquals(end?.type === "end" && end.end.code, 1001);
  assertEquals(types(said).filter((type) => type === "end").length, 1);
});

test("SocketHost leaves no timer behind when the session ends", async () => {
  const axis = {
    liveness: { staleAfterMs: 1_000, probe: { afterMs: 100, frame: "ping" } },
    buffer: { maxFrames: 10, maxBytes: 100, overflow: "dropOldest" },
  } as const;
  const { host, socket, clock } = await opened({ ...DIAL, axis });
  socket.bufferedAmount = 5;
  host.receive({ type: "send", frame: { type: "text", data: "x" } });
  clock.runTurns();
  assertEquals(clock.timers, 3);
  socket.end({ code: 1000 });
  await settled();
  assertEquals(clock.timers, 0);
});

test("SocketHost says nothing of the handshake when a leaf throws", async () => {
  const said: FromWorker[] = [];
  const connector = new MockConnector();
  const leaf = {
    capabilities: connector.capabilities,
    connect: () => Promise.reject(new TypeError("ws://venue.example/?key=secret is bad")),
  };
  const host = new SocketHost({
    post: (message) => said.push(message),
    connector: leaf,
    clock: new ManualClock(),
  });
  host.receive(DIAL);
  await settled();
  const failed = said.at(-1);
  assert(failed?.type === "failed");
  assertEquals([failed.code, failed.message.includes("secret")], ["connect_failed", false]);
});

test("SocketHost tells what the handshake was refused for", async () => {
  const said: FromWorker[] = [];
  const connector = new MockConnector();
  const host = new SocketHost({
    post: (message) => said.push(message),
    connector,
    clock: new ManualClock(),
  });
  host.receive({ ...DIAL, headers: [["host", "venue.example"]] });
  await settled();
  const failed = said.at(-1);
  assert(failed?.type === "failed");
  assertEquals(failed.code, "unsupported");
  assert(failed.message.includes("Cannot set header host"), failed.message);
});
