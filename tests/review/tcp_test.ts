/**
 * What a reading of the tcp leaf with bad intent found.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { WsConnector } from "../../src/contract/connector.ts";
import { TransportError } from "../../src/contract/errors.ts";
import { acceptOf } from "../../src/rfc6455/handshake_response.ts";
import { HttpHeadReader } from "../../src/rfc6455/http_head.ts";
import { type ByteDuplex, tcpOver } from "../../src/runtime/tcp_stream.ts";
import { openSockets } from "../faults/resources.ts";
import { hostTcp } from "../rfc6455/host_tcp.ts";
import { MockTcp, settled } from "../rfc6455/mock_transport.ts";
import { platform, test } from "../support/harness.ts";
import { frame, joined, OPCODE } from "../support/raw/frames.ts";
import { CA_CERTIFICATE, type RawPeer, startRawServer } from "../support/raw_server.ts";
import { SERVER_CERTIFICATE, SERVER_KEY } from "../support/tls/certificates.ts";

const tcp = await hostTcp();
const { ping, pong, text } = OPCODE;

function dial(leaf: WsConnector, url: string, signal = new AbortController().signal) {
  return leaf.connect({ url: new URL(url), protocols: [], headers: new Headers() }, { signal });
}

test("TcpSession answers the latest ping of a read although the socket took all that it answered", async () => {
  const { link, session } = await new MockTcp().open();
  const pings = Array.from({ length: 200 }, (_, i) => frame(ping, `${i}`.padEnd(125)));
  link.receive(joined(pings));
  const answers = link.frames().map(({ payload }) => parseInt(String.fromCharCode(...payload)));
  assertEquals(answers.at(-1), 199);
  session.abandon();
});

test("TcpSession answers a ping that waited with what it was, whatever its taker made of it", async () => {
  const { link, session } = await new MockTcp().open();
  session.attach!({
    frame: (one) => one.type === "ping" && one.data.fill(0),
    dropped() {},
    end() {},
  });
  link.bufferedBytes = 1_000_000;
  link.receive(frame(ping, "abc"));
  link.drain();
  assertEquals(link.frames(), [{ opcode: pong, payload: new TextEncoder().encode("abc") }]);
});

test("TcpSession sends no older pong after a newer one", async () => {
  const { link } = await new MockTcp().open();
  link.bufferedBytes = 20_000;
  link.receive(frame(ping, "1"));
  link.bufferedBytes = 10_000;
  link.receive(frame(ping, "2"));
  link.drain();
  assertEquals(link.frames().map(({ payload }) => String.fromCharCode(...payload)), ["2"]);
});

test(
  "tcp() answers a ping that came while it had 30 KiB unsent",
  { timeoutMs: 20_000 },
  async () => {
    const opened = Promise.withResolvers<RawPeer>();
    const ponged = Promise.withResolvers<void>();
    const server = await startRawServer({
      onPeer(peer) {
        peer.accept();
        peer.stopReading();
        peer.onPong = () => ponged.resolve();
        opened.resolve(peer);
      },
    });
    try {
      const session = await dial(tcp({}), server.url);
      const pinged = Promise.withResolvers<void>();
      session.attach!({ frame: () => pinged.resolve(), dropped() {}, end() {} });
      const peer = await opened.promise;
      const data = "x".repeat(30_000);
      for (let full = 0; full < 20;) {
        session.send({ type: "text", data });
        for (full = 0; full < 20; full++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (session.bufferedAmount === 0) break;
        }
      }
      peer.ping("late");
      await pinged.promise;
      peer.resumeReading();
      await ponged.promise;
      session.abandon();
    } finally {
      await server.close();
    }
  },
);

test("HttpHeadReader takes no time over a line of spaces", () => {
  // With time by the square of their number, it is minutes.
  const head = `HTTP/1.1 101 x\r\na:${" ".repeat(400_000)}\x01\r\n\r\n`;
  const began = performance.now();
  const outcome = new HttpHeadReader(1_000_000).push(new TextEncoder().encode(head));
  assert(performance.now() - began < 5_000, `${performance.now() - began} ms`);
  assertEquals(outcome, { failure: "header line is malformed" });
});

test("tcpLeaf() rejects when the abort comes in the turn of the server's answer", async () => {
  const controller = new AbortController();
  const reason = new Error("deadline");
  const { link, outcome } = await new MockTcp().dial({}, controller.signal);
  link.accept();
  controller.abort(reason);
  assertStrictEquals(await outcome.then(() => "opened", (error) => error), reason);
  assert(link.destroyed);
});

test("tcpLeaf() leaves no listener on the signal when the connection ends before it speaks", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof add>) => (listeners++, add(...args)),
    removeEventListener: (...args: Parameters<typeof remove>) => (listeners--, remove(...args)),
  });
  const proxied = new MockTcp({ proxy: { url: "http://p" } });
  const { link, outcome } = await proxied.dial({}, signal);
  link.receive("HTTP/1.1 200 OK\r\n\r\n");
  link.over();
  await assertRejects(() => outcome, TransportError);
  assertEquals(listeners, 0);
});

test("TcpSession gives a sink that throws on a kept frame one end, and nothing after it", async () => {
  const { link, session } = await new MockTcp().open(joined([frame(text, "a"), frame(text, "b")]));
  const heard: string[] = [];
  session.attach!({
    frame() {
      heard.push("frame");
      throw new Error("a broken sink");
    },
    dropped() {},
    end: () => heard.push("end"),
  });
  assertEquals(heard, ["frame", "end"]);
  assert(link.destroyed);
});

test("TcpSession.writable that is aborted while a write waits for room abandons at once", async () => {
  const { link, session } = await new MockTcp().open();
  const writer = session.writable.getWriter();
  link.bufferedBytes = 2_000_000;
  const write = writer.write({ type: "text", data: "a" });
  write.catch(() => {});
  writer.closed.catch(() => {});
  await settled();
  const aborted = writer.abort();
  await settled();
  assert(link.destroyed);
  await aborted;
});

test("TcpSession.readable that is cancelled lets go of a server that does not answer", async () => {
  const tcp = new MockTcp();
  const { link, session } = await tcp.open();
  await session.readable.cancel();
  tcp.clock.advance(1_000);
  assert(link.destroyed);
});

test("tcpOver() ends a session whose stream's close() throws", async () => {
  const handler = Promise.withResolvers<ByteDuplex>();
  const up = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const down = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  handler.resolve({
    readable: down.readable,
    writable: up.writable,
    close: () => {
      throw new Error("closed already");
    },
  });
  const outcome = dial(tcpOver(() => handler.promise), "ws://h/");
  const writer = down.writable.getWriter();
  await up.readable.getReader().read();
  await writer.write(new TextEncoder().encode("SSH-2.0\r\n"));
  const error = await assertRejects(() => outcome, TransportError);
  assertEquals(error.code, "protocol_error");
});

test("tcpOver() ends a session whose stream is over, although its close() throws", async () => {
  const up = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const down = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const leaf = tcpOver(() => ({
    readable: down.readable,
    writable: up.writable,
    close: () => {
      throw new Error("closed already");
    },
  }));
  const outcome = dial(leaf, "ws://h/");
  const { value } = await up.readable.getReader().read();
  const key = /sec-websocket-key: (\S+)/i.exec(new TextDecoder().decode(value))![1]!;
  const writer = down.writable.getWriter();
  const head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`;
  await writer.write(new TextEncoder().encode(head));
  const session = await outcome;
  await writer.close();
  assertEquals((await session.closed).origin, "network");
});

test("TcpSession.readable that is first used after abandon() just ends", async () => {
  const { session } = await new MockTcp().open(frame(text, "a"));
  session.abandon();
  assertEquals((await session.readable.getReader().read()).done, true);
});

test("tcp() reports options that would throw later, or something else", () => {
  const bytes = new TextEncoder().encode(CA_CERTIFICATE);
  for (
    const [bad, path] of [
      [{ tls: { ca: bytes } }, "tls.ca"],
      [{ tls: { ca: 5 } }, "tls.ca"],
      [{ tls: null }, "tls"],
      [{ maxMessageBytes: 2 ** 30 }, "maxMessageBytes"],
    ] as const
  ) {
    const error = assertThrows(() => tcp(bad as never), TransportError);
    assertEquals(error.problems.map((problem) => problem.path), [path]);
  }
});

test("tcp() checks the name that it was told, also where that is an address and the url's is not", async () => {
  const server = await startRawServer({ secure: true, onPeer: (peer) => peer.accept() });
  try {
    const url = `wss://localhost:${server.port}/`;
    const wrong = tcp({ tls: { ca: CA_CERTIFICATE, serverName: "10.9.8.7" } });
    const outcome = dial(wrong, url);
    outcome.then((session) => session.abandon(), () => {});
    await assertRejects(() => outcome, TransportError);
    const right = tcp({ tls: { ca: CA_CERTIFICATE, serverName: "127.0.0.1" } });
    (await dial(right, url)).abandon();
  } finally {
    await server.close();
  }
});

/** A TCP server that never says anything. */
async function withSilence(
  use: (port: number, taken: Promise<Socket>) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const taken = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    taken.resolve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as AddressInfo).port, taken.promise);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

const late = { timeoutMs: 20_000 };

test("tcp() gives the socket back when a dial is aborted within TLS", late, async () => {
  await withSilence(async (port, taken) => {
    const controller = new AbortController();
    const outcome = dial(tcp({}), `wss://127.0.0.1:${port}/`, controller.signal);
    outcome.catch(() => {});
    const socket = await taken;
    const ended = once(socket, "end");
    await once(socket, "data"); // TLS has begun
    controller.abort(new Error("deadline"));
    await assertRejects(() => outcome);
    await ended;
  });
});

test("tcp() gives the socket back when there is no such server name", late, async () => {
  await withSilence(async (port, taken) => {
    const controller = new AbortController();
    const outcome = dial(
      tcp({ tls: { serverName: "not a name" } }),
      `wss://127.0.0.1:${port}/`,
      controller.signal,
    );
    outcome.catch(() => controller.abort());
    const socket = await taken;
    socket.on("data", () => controller.abort()); // where any name is tried
    await once(socket, "end");
    await assertRejects(() => outcome);
  });
});

for (const secure of [false, true]) {
  const scheme = secure ? "wss:" : "ws:";
  test(`TcpSession.abandon() gives back a socket with bytes that nobody reads, over ${scheme}`, {
    only: ["deno", "node", "bun"],
    timeoutMs: 20_000,
    skip: openSockets() === undefined ? "no /proc to count descriptors in" : undefined,
  }, async () => {
    // The other side of it says nothing while it does not read; the system's table does.
    const server = await startRawServer({ secure, onPeer: (peer) => peer.accept() });
    const sockets: Socket[] = [];
    const relay = createServer((client) => {
      const upstream = connect(server.port, "127.0.0.1");
      for (const socket of [client, upstream]) sockets.push(socket.on("error", () => {}));
      client.pipe(upstream).pipe(client);
    });
    relay.listen(0, "127.0.0.1");
    await once(relay, "listening");
    try {
      const url = new URL(server.url);
      url.port = `${(relay.address() as AddressInfo).port}`;
      const session = await dial(tcp({ tls: { ca: CA_CERTIFICATE } }), url.href);
      const open = openSockets()!;
      sockets[0]!.unpipe().pause();
      for (let i = 0; i < 400; i++) session.send({ type: "text", data: "x".repeat(30_000) });
      // Until the system has what it takes.
      for (let last = -1; last !== session.bufferedAmount;) {
        last = session.bufferedAmount;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert(session.bufferedAmount > 0, "all was read");
      session.abandon();
      for (let i = 0; i < 200 && openSockets()! >= open; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert(openSockets()! < open, `all of ${open} sockets are open`);
    } finally {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await server.close();
    }
  });
}

for (const secure of [false, true]) {
  test(
    `tcp() delivers what the server said before a write failed, over ${secure ? "wss:" : "ws:"}`,
    {
      skip: platform === "node" ? "Node destroys a socket whose write fails" : undefined,
    },
    async () => {
      const opened = Promise.withResolvers<RawPeer>();
      const server = await startRawServer({
        secure,
        onPeer(peer) {
          peer.accept();
          opened.resolve(peer);
        },
      });
      try {
        const session = await dial(tcp({ tls: { ca: CA_CERTIFICATE } }), server.url);
        const heard: string[] = [];
        session.attach!({ frame: ({ type }) => heard.push(type), dropped() {}, end() {} });
        const peer = await opened.promise;
        peer.sendText("last");
        peer.close(4008, "too fast", { endTcp: "never" });
        if (secure) await new Promise<void>((resolve) => setImmediate(resolve));
        peer.destroy();
        for (let i = 0; i < 3; i++) {
          try {
            session.send({ type: "text", data: "x" });
          } catch {
            // It has ended.
          }
          await settled();
        }
        assertEquals([heard, (await session.closed).code], [["text"], 4008]);
      } finally {
        await server.close();
      }
    },
  );
}

test("tcp() with a client certificate reads no further than it can deliver", async () => {
  const opened = Promise.withResolvers<RawPeer>();
  const server = await startRawServer({
    secure: true,
    onPeer(peer) {
      peer.accept();
      opened.resolve(peer);
    },
  });
  try {
    const tls = { ca: CA_CERTIFICATE, cert: SERVER_CERTIFICATE, key: SERVER_KEY };
    const session = await dial(tcp({ tls }), server.url); // whose frames nobody takes
    const peer = await opened.promise;
    let sent = 0;
    const flooded = peer.flood(120_000, (i) => {
      sent = i;
      return "x".repeat(500);
    });
    for (let last = -1; last !== sent;) {
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(sent < 119_000, `all ${sent} frames were read`);
    session.abandon();
    peer.destroy();
    await flooded;
  } finally {
    await server.close();
  }
});
