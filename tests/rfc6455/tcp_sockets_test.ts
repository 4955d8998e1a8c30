/**
 * The byte transports over real sockets: TLS, client certificates, proxies, IPv6, streams.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { WsConnection } from "../../src/contract/connection.ts";
import { TransportError } from "../../src/contract/errors.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import { acceptOf } from "../../src/rfc6455/handshake_response.ts";
import { type ByteDuplex, tcpOver } from "../../src/runtime/tcp_stream.ts";
import { test } from "../support/harness.ts";
import { CA_CERTIFICATE, type RawServer, startRawServer } from "../support/raw_server.ts";
import { SERVER_CERTIFICATE, SERVER_KEY } from "../support/tls/certificates.ts";
import { hostTcp } from "./host_tcp.ts";

const tcp = await hostTcp();

function dial(leaf: WsConnector, url: string, signal = new AbortController().signal) {
  return leaf.connect({ url: new URL(url), protocols: [], headers: new Headers() }, { signal });
}

/** Sends text and resolves with what comes back; then closes and waits for the end. */
async function roundTrip(session: WsConnection, data: string): Promise<string> {
  const reader = session.readable.getReader();
  session.send({ type: "text", data });
  const { value } = await reader.read();
  session.close();
  await session.closed;
  assert(value?.type === "text");
  return value.data;
}

async function withEcho(
  options: { readonly secure?: boolean },
  use: (server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await startRawServer({
    ...options,
    onPeer(peer) {
      peer.accept();
      peer.onText = (text) => peer.sendText(text);
    },
  });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function closing(server: Server, sockets: Iterable<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, "close");
}

test("tcp() trusts a private CA that it was given, and nothing that is not vouched for", async () => {
  await withEcho({ secure: true }, async ({ url, counters }) => {
    const session = await dial(tcp({ tls: { ca: CA_CERTIFICATE } }), url);
    assertEquals(await roundTrip(session, "trusted"), "trusted");
    const error = await assertRejects(() => dial(tcp({}), url), TransportError);
    assertEquals([error.code, error.end?.origin], ["connect_failed", "network"]);
    assertEquals(counters.handshakes, 1);
  });
});

test("tcp() checks the name in the certificate, and another one if told so", async () => {
  await withEcho({ secure: true }, async ({ url, counters }) => {
    const wrong = tcp({ tls: { ca: CA_CERTIFICATE, serverName: "elsewhere.test" } });
    const error = await assertRejects(() => dial(wrong, url), TransportError);
    assertEquals(error.code, "connect_failed");
    const named = tcp({ tls: { ca: CA_CERTIFICATE, serverName: "localhost" } });
    assertEquals(await roundTrip(await dial(named, url), "named"), "named");
    assertEquals(counters.handshakes, 1);
  });
});

/** A TLS server that notes what it saw and accepts a WebSocket. */
async function withTlsServer(
  use: (port: number, seen: { name?: unknown; alpn?: unknown; peer?: string }) => Promise<void>,
): Promise<void> {
  const seen: { name?: unknown; alpn?: unknown; peer?: string } = {};
  const sockets = new Set<Socket>();
  const server = createTlsServer({
    cert: SERVER_CERTIFICATE,
    key: SERVER_KEY,
    ca: CA_CERTIFICATE,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2", "http/1.1"],
  }, (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    seen.name = (socket as { servername?: unknown }).servername;
    seen.alpn = socket.alpnProtocol;
    seen.peer = socket.getPeerCertificate()?.subject?.CN?.toString();
    socket.once("data", (head: Uint8Array) => {
      const key = /sec-websocket-key: (\S+)/i.exec(new TextDecoder().decode(head))![1]!;
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      );
    });
  });
  const port = await listening(server, "127.0.0.1");
  try {
    await use(port, seen);
  } finally {
    await closing(server, sockets);
  }
}

test("tcp() says the server's name and http/1.1, and shows no certificate of its own", async () => {
  await withTlsServer(async (port, seen) => {
    const session = await dial(tcp({ tls: { ca: CA_CERTIFICATE } }), `wss://localhost:${port}/`);
    session.abandon();
    assertEquals([seen.name, seen.alpn, seen.peer], ["localhost", "http/1.1", undefined]);
  });
});

test("tcp() shows the client certificate that it was given", async () => {
  await withTlsServer(async (port, seen) => {
    const tls = { ca: CA_CERTIFICATE, cert: SERVER_CERTIFICATE, key: SERVER_KEY };
    const session = await dial(tcp({ tls }), `wss://localhost:${port}/`);
    session.abandon();
    assert(seen.peer !== undefined && seen.peer !== "", "the server saw no certificate");
  });
});

/** A proxy that opens tunnels and notes what it was asked. */
async function withProxy(use: (url: string, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    client.once("data", (head: Uint8Array) => {
      const text = new TextDecoder().decode(head);
      asked.push(text);
      const [, host, port] = /^CONNECT ([^:]+):(\d+) /.exec(text)!;
      const upstream = connect(Number(port), host!, () => {
        client.write("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
      sockets.add(upstream);
      upstream.on("error", () => client.destroy());
      client.on("close", () => upstream.destroy());
    });
  });
  const port = await listening(server, "127.0.0.1");
  try {
    await use(`http://user:pass@127.0.0.1:${port}`, asked);
  } finally {
    await closing(server, sockets);
  }
}

for (const secure of [false, true]) {
  const scheme = secure ? "wss:" : "ws:";
  test(`tcp() goes through an HTTP proxy over ${scheme}`, async () => {
    await withProxy(async (proxy, asked) => {
      await withEcho({ secure }, async ({ url, port }) => {
        const leaf = tcp({ proxy: { url: proxy }, tls: { ca: CA_CERTIFICATE } });
        const long = "through a tunnel ".repeat(10_000);
        assertEquals(await roundTrip(await dial(leaf, url), long), long);
        assertEquals(asked.length, 1);
        assert(asked[0]!.startsWith(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n`));
        assert(asked[0]!.includes(`proxy-authorization: Basic ${btoa("user:pass")}\r\n`));
      });
    });
  });
}

test("tcp() shows its client certificate through a proxy, too", async () => {
  await withProxy(async (proxy) => {
    await withTlsServer(async (port, seen) => {
      const tls = { ca: CA_CERTIFICATE, cert: SERVER_CERTIFICATE, key: SERVER_KEY };
      const leaf = tcp({ proxy: { url: proxy }, tls });
      const session = await dial(leaf, `wss://localhost:${port}/`);
      session.abandon();
      assertEquals(seen.name, "localhost");
      assert(seen.peer !== undefined && seen.peer !== "", "the server saw no certificate");
    });
  });
});

test("tcp() connects over IPv6", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 418 teapot\r\n\r\n"));
  });
  const port = await listening(server, "::1");
  try {
    const outcome = dial(tcp({}), `ws://[::1]:${port}/`);
    const error = await assertRejects(() => outcome, TransportError);
    assertEquals(error.end?.status, 418);
  } finally {
    await closing(server, sockets);
  }
});

test("tcp() gives the socket back when the dial is aborted during TLS", async () => {
  const sockets = new Set<Socket>();
  const taken = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
    taken.resolve(socket);
  });
  const port = await listening(server, "127.0.0.1");
  try {
    const controller = new AbortController();
    const leaf = tcp({ tls: { ca: CA_CERTIFICATE } });
    const outcome = dial(leaf, `wss://127.0.0.1:${port}/`, controller.signal);
    outcome.catch(() => {});
    const socket = await taken.promise;
    const ended = once(socket, "close");
    const reason = new Error("deadline");
    controller.abort(reason);
    assertEquals(await outcome.catch((error) => error), reason);
    await ended; // the server saw it go
  } finally {
    await closing(server, sockets);
  }
});

test("tcp() delivers a flood of small frames in order and without a gap", async () => {
  const server = await startRawServer({
    onPeer(peer) {
      peer.accept();
      void peer.flood(60_000, (i) => `frame ${i}`);
    },
  });
  try {
    for (const batch of [true, false]) {
      const session = await dial(tcp({ batch }), server.url);
      let count = 0;
      const done = Promise.withResolvers<void>();
      session.attach!({
        frame(frame) {
          if (frame.type !== "text" || frame.data !== `frame ${count}`) {
            done.reject(new Error(`frame ${count} is ${JSON.stringify(frame)}`));
          }
          if (++count === 60_000) done.resolve();
        },
        dropped() {},
        end: (end) => done.reject(new Error(`ended: ${JSON.stringify(end)}`)),
      });
      await done.promise;
      session.abandon();
    }
  } finally {
    await server.close();
  }
});

test("tcpOver() runs the leaf over any pair of byte streams", async () => {
  await withEcho({}, async ({ url }) => {
    const opened: ByteDuplex[] = [];
    const leaf = tcpOver(async ({ host, port }) => {
      const socket = connect(port, host);
      await once(socket, "connect");
      const { readable, writable } = Duplex.toWeb(socket) as unknown as ByteDuplex;
      const duplex = { readable, writable, close: () => void socket.destroy() };
      opened.push(duplex);
      return duplex;
    });
    const long = "streamed ".repeat(20_000);
    assertEquals(await roundTrip(await dial(leaf, url), long), long);
    assertEquals(opened.length, 1);
  });
});

test("tcpOver() closes a stream that comes after the abort", async () => {
  const late = Promise.withResolvers<ByteDuplex>();
  const leaf = tcpOver(() => late.promise);
  const controller = new AbortController();
  const outcome = dial(leaf, "ws://h/", controller.signal);
  const reason = new Error("deadline");
  controller.abort(reason);
  assertEquals(await outcome.catch((error) => error), reason);
  const closed = Promise.withResolvers<void>();
  const { readable, writable } = new TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >();
  late.resolve({ readable, writable, close: () => closed.resolve() });
  await closed.promise;
});
