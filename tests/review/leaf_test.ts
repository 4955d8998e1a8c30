/**
 * What a reading of the leaves with bad intent found, over a socket that is a plain object.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { open, type WsConnection } from "../../mod.ts";
import { deno } from "../../src/runtime/deno.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { executor } from "../../src/runtime/executor.ts";
import { webSocketLeaf } from "../../src/runtime/web_socket.ts";
import { ws } from "../../src/runtime/ws.ts";
import { WorkerChannel } from "../../src/worker/channel.ts";
import { WorkerSession } from "../../src/worker/worker_session.ts";
import { platform, test } from "../support/harness.ts";

/** A socket as platforms have it, as far as the pump uses it. Its peer never answers a close frame. */
class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  protocol = "";
  binaryType = "blob";
  readonly closes: unknown[][] = [];
  onopen: ((event: object) => void) | null = null;
  readonly #listeners: Set<(event: object) => void> = new Set();
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: object) => void) | null = null;

  close(...args: unknown[]): void {
    this.closes.push(args);
    this.readyState = 2;
  }

  send(): void {}

  addEventListener(type: string, listener: (event: object) => void): void {
    assertEquals(type, "message");
    this.#listeners.add(listener);
  }

  removeEventListener(_type: string, listener: (event: object) => void): void {
    this.#listeners.delete(listener);
  }

  opens(): void {
    this.readyState = 1;
    this.onopen!({});
  }

  get listening(): number {
    return this.#listeners.size;
  }

  receives(data: unknown): void {
    for (const listener of [...this.#listeners]) listener({ data });
  }
}

const capabilities = {
  headers: false,
  handshakeStatus: "none",
  ping: false,
  seePing: false,
  terminate: false,
  maxMessageBytes: 1_000,
  wireDials: 1,
  recvAxis: false,
} as const;

function fakeLeaf(made: (socket: FakeSocket) => void) {
  return webSocketLeaf({
    name: "fake",
    capabilities,
    dial: () => {
      const socket = new FakeSocket();
      made(socket);
      return { socket: socket as unknown as WebSocket };
    },
  });
}

async function session(): Promise<[FakeSocket, WsConnection]> {
  let socket: FakeSocket | undefined;
  const opening = fakeLeaf((made) => socket = made).connect(
    { url: new URL("ws://venue.example/"), protocols: [], headers: new Headers() },
    { signal: new AbortController().signal },
  );
  socket!.opens();
  return [socket!, await opening];
}

// abandon() closed the stream that was being cancelled, which throws: the socket stayed open and attached.
test("WebSocketSession.readable that is cancelled lets go of the socket", async () => {
  const [socket, connection] = await session();
  await connection.readable.cancel();
  assertEquals(socket.closes.length, 1);
});

// The same while a reader waits.
test("WebSocketSession.readable whose reader cancels lets go of the socket, and the read ends", async () => {
  const [socket, connection] = await session();
  const reader = connection.readable.getReader();
  const reading = reader.read();
  await reader.cancel();
  assertEquals(socket.closes.length, 1);
  assertEquals((await reading).done, true);
});

// The same in the session of a worker's socket.
test("WorkerSession.readable that is cancelled ends the worker", async () => {
  let ended = 0;
  const worker = { postMessage() {}, on() {}, terminate: () => ended++ };
  const channel = new WorkerChannel(worker, { message() {}, gone() {} });
  const connection = new WorkerSession({ channel, protocol: "", ping: false });
  await connection.readable.cancel();
  await connection.closed;
  assertEquals(ended, 1);
});

// Nothing bounded what a raw session keeps for a reader that does not read.
test("WebSocketSession.readable that nobody reads ends its session instead of growing for ever", async () => {
  const [socket, connection] = await session();
  const { readable } = connection;
  for (let i = 0; i < 70_000; i++) socket.receives("x");
  const end = await connection.closed;
  assertEquals([end.code, end.clean], [1006, false]);
  assertEquals(socket.closes.length, 1);
  assert(!readable.locked);
});

// Node (22 to 26) and npm ws have one buffer for all empty messages: where it was transferred to another thread, the next message threw.
test("WebSocketSession gives every empty message a buffer of its own", async () => {
  const [socket, connection] = await session();
  const buffers: ArrayBuffer[] = [];
  connection.attach!({
    frame: (frame) => void (frame.type === "binary" && buffers.push(frame.data.buffer)),
    dropped() {},
    end() {},
  });
  const shared = new ArrayBuffer(0);
  socket.receives(shared);
  structuredClone(buffers[0], { transfer: [buffers[0]!] });
  socket.receives(shared);
  assertEquals(new Set([shared, ...buffers]).size, 3);
});

// A stream that was made when nothing would come any more did not end.
for (const [what, end] of [["failed", "x".repeat(1_001)], ["was let go of", undefined]] as const) {
  test(`WebSocketSession.readable of a session that ${what} ends`, async () => {
    const [socket, connection] = await session();
    if (end === undefined) connection.abandon();
    else socket.receives(end);
    assertEquals((await connection.readable.getReader().read()).done, true);
  });
}

// The socket, which may live for long, kept the sink and with it the connection.
test("WebSocketSession listens no more for a sink that threw, or came when all was over", async () => {
  for (const first of ["1", "x".repeat(1_001)]) {
    const [socket, connection] = await session();
    socket.receives(first);
    let ends = 0;
    connection.attach!({
      frame() {
        throw new Error("A broken sink");
      },
      text() {},
      dropped() {},
      end: () => void ends++,
    });
    assertEquals([socket.listening, ends], [0, 1]);
  }
});

// Deno answers a refused wss: handshake with a second connection unless HTTP/2 is off, which a client of the user's own may not have turned off.
test("deno() counts two connections per failing dial with a client that it did not make", () => {
  assertEquals(deno().connector.capabilities.wireDials, 1);
  assertEquals(deno({ client: {} }).connector.capabilities.wireDials, 2);
});

// Headers among the package's options were dropped without a word, and a payload limit made the capability a lie.
test("ws() refuses options of the package that it sets itself", () => {
  class Never {
    constructor() {
      throw new Error("never called");
    }
    on(): void {}
    ping(): void {}
    terminate(): void {}
  }
  for (const name of ["headers", "maxPayload"]) {
    const error = assertThrows(() => ws(Never, { options: { [name]: { secret: 1 } } }), TypeError);
    assert(error.message.includes(name), error.message);
  }
});

interface V8Module {
  setFlagsFromString(flags: string): void;
}

interface VmModule {
  runInNewContext(code: string): unknown;
}

async function collector(): Promise<() => void> {
  const [v8Name, vmName] = ["node:v8", "node:vm"];
  const v8 = await import(v8Name!) as V8Module;
  const vm = await import(vmName!) as VmModule;
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => systemClock.turn(resolve));
  }
}

/** A connection whose peer never answers its close frame, with a frame that nobody read. Only the platform still knows the socket. */
async function finished(sockets: FakeSocket[]): Promise<WeakRef<ArrayBuffer>> {
  const connector = fakeLeaf((socket) => sockets.push(socket));
  const runtime = { connector, clock: systemClock, spawn: executor(), random: Math.random };
  const feed = open("ws://venue.example/", { runtime, shutdownTimeoutMs: 1 });
  await turns(2);
  sockets[0]!.opens();
  await feed.ready;
  const payload = new ArrayBuffer(512);
  sockets[0]!.receives(payload);
  assertEquals(feed.stats().buffered, 1);
  await feed.control.shutdown();
  assertEquals(feed.stats().zombies, 1);
  return new WeakRef(payload);
}

// What was told of the socket's end held the whole connection, its buffer included, for as long as the platform kept the socket.
test("a zombie socket does not keep its connection's memory", {
  // JavaScriptCore takes whatever looks like a pointer on the stack for one: what is left there by chance is never collected.
  only: ["deno", "node"],
}, async () => {
  const collect = await collector();
  const sockets: FakeSocket[] = [];
  const payload = await finished(sockets);
  for (let i = 0; i < 20 && payload.deref() !== undefined; i++) {
    await turns(5);
    collect();
  }
  assertEquals(payload.deref(), undefined, `still held on ${platform}`);
  assertEquals(sockets.length, 1);
});
