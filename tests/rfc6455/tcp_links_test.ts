/**
 * Links over real sockets that are full, and the memory that passes over them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { bunTransport } from "../../src/runtime/tcp_bun.ts";
import { nodeTransport } from "../../src/runtime/tcp_node.ts";
import { resolveTcpOptions } from "../../src/runtime/tcp_options.ts";
import type { TcpSeams } from "../../src/runtime/tcp_seams.ts";
import { TcpSession } from "../../src/runtime/tcp_session.ts";
import type { ByteLink } from "../../src/runtime/tcp_transport.ts";
import { platform, test } from "../support/harness.ts";
import { CA_CERTIFICATE, startRawServer } from "../support/raw_server.ts";
import { hostTcp } from "./host_tcp.ts";
import { StillClock } from "./mock_transport.ts";

const tcp = await hostTcp();

for (const secure of [false, true]) {
  test(`tcp() sends all, unchanged and in order, to a server that reads late, over ${secure ? "wss:" : "ws:"}`, async () => {
    // Several in a slab, one in memory of its own, and a slab that is given away while it has room.
    const lengths = [100, 16_384, 70_000, 40_000, 30_000];
    const text = (i: number) => String(i).padEnd(lengths[i % 5]!, "abcdefghijklmnopqrstuvwxyz");
    let sent = Infinity;
    let got = 0;
    const done = Promise.withResolvers<void>();
    const accepted = Promise.withResolvers<() => void>();
    const server = await startRawServer({
      secure,
      onPeer(peer) {
        peer.accept();
        peer.stopReading();
        peer.onText = (data) => {
          if (data !== text(got)) return done.reject(new Error(`message ${got} is another`));
          if (++got === sent) done.resolve();
        };
        accepted.resolve(() => peer.resumeReading());
      },
    });
    try {
      const leaf = tcp({ tls: { ca: CA_CERTIFICATE } });
      const { signal } = new AbortController();
      const handshake = { url: new URL(server.url), protocols: [], headers: new Headers() };
      const session = await leaf.connect(handshake, { signal });
      const readOn = await accepted.promise;
      let i = 0;
      // Until the system takes no more, and then some: more than any buffer of a socket.
      for (; i < 600; i++) session.send({ type: "text", data: text(i) });
      await Promise.resolve();
      assert(session.bufferedAmount > 1_000_000, `${session.bufferedAmount} bytes are buffered`);
      sent = i;
      readOn();
      await done.promise;
      session.abandon();
    } finally {
      await server.close();
    }
  });
}

test("nodeTransport() gives plain bytes on a link to a proxy, whose slices are copies", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("hello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const seen: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  const link = await nodeTransport().connect(
    { host: "127.0.0.1", port, tunnel: { serverName: "server.test", ca: [] } },
    {
      bytes: (chunk) => seen.push(chunk.constructor.name, String.fromCharCode(...chunk)),
      drained() {},
      ended: () => ended.resolve(),
    },
    new AbortController().signal,
  );
  await ended.promise;
  link.destroy();
  server.close();
  await once(server, "close");
  assertEquals(seen, ["Uint8Array", "hello"]);
});

test("bunTransport() takes over Bun's own socket, over ws: and wss:, and Node's nowhere", async () => {
  const kinds: string[] = [];
  for (const secure of [false, true]) {
    const server = await startRawServer({ secure, onPeer: (peer) => peer.hang() });
    try {
      const tls = { serverName: "localhost", ca: [CA_CERTIFICATE] };
      const link = await bunTransport().connect(
        { host: "127.0.0.1", port: server.port, ...secure ? { tls } : {} },
        { bytes() {}, drained() {}, ended() {} },
        new AbortController().signal,
      );
      kinds.push(link.constructor.name);
      link.destroy();
    } finally {
      await server.close();
    }
  }
  const kind = platform === "bun" ? "BunLink" : "NodeLink";
  assertEquals(kinds, [kind, kind]);
});

/** What became of the memory of the first of two messages. */
function memoryAfter(bufferedBytes: number, seams: Partial<TcpSeams>): "kept" | "used again" {
  const written: Uint8Array[] = [];
  const link: ByteLink = {
    bufferedBytes,
    write: (chunks) => void written.push(...chunks),
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  };
  const session = new TcpSession(link, "", resolveTcpOptions({}), {
    clock: new StillClock(),
    fillRandom: (bytes) => void crypto.getRandomValues(bytes),
    ...seams,
  });
  // Pings that a server sent are answered within the call.
  const ping = (letter: number) => new Uint8Array([0x89, 1, letter]);
  session.receiver.bytes(ping(0x61));
  const before = written[0]!.slice();
  session.receiver.bytes(ping(0x62));
  const kept = written[0]!.every((byte, i) => byte === before[i]);
  assertEquals([written.length, written[0]!.buffer === written[1]!.buffer], [2, true]);
  assertEquals(kept, written[0]!.byteOffset !== written[1]!.byteOffset);
  session.abandon();
  return kept ? "kept" : "used again";
}

test("TcpSession uses memory again that its link does not hold, where writes release it", () => {
  assertEquals(memoryAfter(0, { releasesWrites: true }), "used again");
  assertEquals(memoryAfter(1, { releasesWrites: true }), "kept");
  assertEquals(memoryAfter(0, {}), "kept");
});
