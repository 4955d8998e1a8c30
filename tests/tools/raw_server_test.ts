import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type FrameOptions,
  message,
  OPCODE,
  type RawPeer,
  type RawServer,
  type RawServerOptions,
  startRawServer,
} from "../support/raw_server.ts";
import { openingRequest, RawClient } from "../support/raw/client.ts";
import { FrameReader } from "../support/raw/frame_reader.ts";
import { frame, joined } from "../support/raw/frames.ts";
import { HeadCollector, parseRequestHead } from "../support/raw/request_head.ts";
import { test } from "../support/harness.ts";

const platforms = ["deno", "node", "bun"] as const;

/** Runs `use` with a server and a client that has sent an opening request. */
async function withPair(
  options: RawServerOptions,
  use: (client: RawClient, server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await startRawServer(options);
  const client = await RawClient.open(server.port, { secure: options.secure ?? false });
  try {
    client.send(openingRequest());
    await use(client, server);
  } finally {
    await client.close();
    await server.close();
  }
}

/** What a client would read of `data`, told by a reader that accepts unmasked frames. */
function clientFrame(opcode: number, data: string | Uint8Array, options: FrameOptions = {}) {
  return frame(opcode, data, { mask: true, ...options });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const endsWith = (tail: Uint8Array) => (all: Uint8Array) =>
  all.length >= tail.length && tail.every((byte, i) => all[all.length - tail.length + i] === byte);

function read(chunks: readonly Uint8Array[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader({
    frame: (opcode, data, fin) => seen.push(`${opcode} ${fin} ${data.length} ${sum(data)}`),
    violation: (rule) => seen.push(rule),
  });
  for (const chunk of chunks) reader.push(chunk);
  return seen;
}

function sum(data: Uint8Array): number {
  let total = 0;
  for (const byte of data) total = (total * 31 + byte) % 1_000_003;
  return total;
}

function payload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7) & 255);
}

test("FrameReader reads the same frames at every cut position", () => {
  const bytes = joined([
    clientFrame(OPCODE.text, ""),
    clientFrame(OPCODE.text, payload(125), { fin: false }),
    clientFrame(OPCODE.ping, "p"),
    clientFrame(OPCODE.continuation, payload(126)),
    clientFrame(OPCODE.close, new Uint8Array([3, 232])),
  ]);
  const whole = read([bytes]);
  assertEquals(whole.length, 5);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(read([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
  }
  assertEquals(read([...bytes].map((byte) => Uint8Array.of(byte))), whole);
});

test("FrameReader reads 64-bit lengths and unmasks every byte", () => {
  for (const length of [65535, 65536, 3_000_001]) {
    const bytes = clientFrame(OPCODE.binary, payload(length));
    const slices: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 4093) slices.push(bytes.subarray(at, at + 4093));
    assertEquals(read(slices), [`2 true ${length} ${sum(payload(length))}`]);
  }
});

test("FrameReader names the rule that a client broke and stops", () => {
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [frame(OPCODE.text, "x"), "masked"],
    [clientFrame(OPCODE.text, "x", { rsv: 4 }), "reserved bit"],
    [clientFrame(3, "x"), "not defined"],
    [clientFrame(11, "x"), "not defined"],
    [clientFrame(OPCODE.ping, payload(126)), "above 125"],
    [clientFrame(OPCODE.ping, "x", { fin: false }), "fragmented control"],
    [clientFrame(OPCODE.continuation, "x"), "continuation of nothing"],
    [clientFrame(OPCODE.text, "x", { lengthField: "16 bit" }), "more bytes than needed"],
    [clientFrame(OPCODE.text, payload(200), { lengthField: "64 bit" }), "more bytes than needed"],
  ];
  for (const [bytes, rule] of cases) {
    const seen = read([bytes, clientFrame(OPCODE.text, "after")]);
    assertEquals(seen.length, 1, rule);
    assert(seen[0]!.includes(rule), `${seen[0]} should name ${rule}`);
  }
  const inside = read([clientFrame(1, "a", { fin: false }), clientFrame(1, "b")]);
  assert(inside[1]!.includes("inside a fragmented one"), inside.join());
});

test("HeadCollector finds the end of a head at every cut position", () => {
  const bytes = new TextEncoder().encode(openingRequest("/a?b=c") + "rest");
  for (let cut = 0; cut < bytes.length - 4; cut++) {
    const collector = new HeadCollector();
    const head = collector.push(bytes.subarray(0, cut)) ?? collector.push(bytes.subarray(cut));
    assert(head !== undefined && head !== "too long", `cut at ${cut}`);
    assertEquals(text(head.rest), "rest");
    assertEquals(parseRequestHead(head.text)?.url.search, "?b=c");
  }
});

test("HeadCollector refuses a head above its limit", () => {
  const collector = new HeadCollector();
  const line = new TextEncoder().encode("x".repeat(40_000));
  assertEquals(collector.push(line), undefined);
  assertEquals(collector.push(line), "too long");
});

test("parseRequestHead() keeps doubled lines and refuses what is no request", () => {
  const head = parseRequestHead(
    "GET /p HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nSec-WebSocket-Protocol: b, c",
  );
  assertEquals(head?.lines.length, 3);
  assertEquals(head?.header("X-a"), "1, 2");
  assertEquals(head?.protocols, ["b", "c"]);
  assertEquals(head?.upgrade, false);
  for (const bad of ["", "GET /p HTTP/2", "GET /p HTTP/1.1\r\nnocolon", "GET /p HTTP/1.1\r\n: x"]) {
    assertEquals(parseRequestHead(bad), undefined, bad);
  }
});

for (const secure of [false, true]) {
  const kind = secure ? "TLS" : "TCP";

  test(`startRawServer() proves the key and sends bytes with the 101 over ${kind}`, {
    only: platforms,
  }, async () => {
    const extra = joined([frame(OPCODE.text, "one"), frame(OPCODE.binary, "two")]);
    const options = {
      secure,
      onPeer: (peer: RawPeer) => peer.accept({ extra, headers: { "X-Name": "value" } }),
    };
    await withPair(options, async (client) => {
      const all = await client.bytes(endsWith(extra));
      assertEquals(client.chunks.length, 1);
      const head = text(all.subarray(0, all.length - extra.length));
      assert(head.startsWith("HTTP/1.1 101 "), head);
      assert(head.includes("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), head);
      assert(head.includes("\r\nX-Name: value\r\n"), head);
    });
  });

  // Deno's node:tls client tells a reset as "end" (2.9.5), so there the client proves nothing.
  test(`RawPeer.reset() sends RST over ${kind}`, {
    only: secure ? ["node", "bun"] : platforms,
  }, async () => {
    await withPair({ secure, onPeer: (peer) => peer.reset() }, async (client) => {
      assertEquals(await client.over, "ECONNRESET");
    });
  });

  // While a FIN of the server's is on the way Node cannot reset; the turns put it there and after.
  for (const turns of [0, 1, 2]) {
    test(`RawPeer.reset() ${turns} turns after fin() lets the server close over ${kind}`, {
      only: platforms,
    }, async () => {
      const onPeer = async (peer: RawPeer) => {
        peer.accept();
        await new Promise((resolve) => setTimeout(resolve, 20));
        peer.fin();
        for (let i = 0; i < turns; i++) await Promise.resolve();
        peer.reset();
      };
      await withPair({ secure, onPeer }, async (client) => {
        await client.over;
      });
    });
  }

  test(`RawPeer.fin() sends FIN without a Close frame over ${kind}`, {
    only: platforms,
  }, async () => {
    const onPeer = (peer: RawPeer) => {
      peer.accept();
      peer.sendText("last");
      peer.fin();
    };
    await withPair({ secure, onPeer }, async (client) => {
      assertEquals(await client.over, "end");
      assert(endsWith(frame(OPCODE.text, "last"))(await client.bytes()));
    });
  });

  test(`RawPeer.flood() sends every message in order over ${kind}`, {
    only: platforms,
  }, async () => {
    const count = 20_000;
    let sent: Promise<number> | undefined;
    const onPeer = (peer: RawPeer) => {
      peer.accept();
      sent = peer.flood(count, (i) => `message ${i}`);
    };
    await withPair({ secure, onPeer }, async (client) => {
      const last = frame(OPCODE.text, `message ${count - 1}`);
      let expected = 0;
      for (let i = 0; i < count; i++) expected += 2 + `message ${i}`.length;
      const all = await client.bytes(endsWith(last));
      const body = all.subarray(all.length - expected);
      assertEquals(await sent, count);
      assertEquals(body.length, expected);
      let at = 0;
      for (let i = 0; i < count; i++) {
        const size = body[at + 1]!;
        assertEquals(text(body.subarray(at + 2, at + 2 + size)), `message ${i}`);
        at += 2 + size;
      }
    });
  });

  test(`RawPeer answers Ping and Close over ${kind}`, { only: platforms }, async () => {
    await withPair({ secure, onPeer: (peer) => peer.accept() }, async (client, server) => {
      const peer = await server.accepted();
      client.send(clientFrame(OPCODE.ping, "beat"));
      await client.bytes(endsWith(frame(OPCODE.pong, "beat")));
      client.send(clientFrame(OPCODE.close, new Uint8Array([0x0f, 0xa1, 0x62])));
      assertEquals(await client.over, "end");
      assert(
        endsWith(frame(OPCODE.close, new Uint8Array([0x0f, 0xa1, 0x62])))(await client.bytes()),
      );
      client.fin();
      assertEquals(await peer.closed, { code: 4001, reason: "b" });
      assertEquals(peer.arrivals.map((a) => a.opcode), [OPCODE.ping, OPCODE.close]);
      assert(peer.arrivals[0]!.atMs <= peer.arrivals[1]!.atMs);
    });
  });
}

test("startRawServer() certificate names localhost and needs its CA", {
  only: platforms,
}, async () => {
  const server = await startRawServer({ secure: true, onPeer: (peer) => peer.accept() });
  try {
    await assertRejects(() => RawClient.open(server.port, { secure: true, ca: false }));
    const client = await RawClient.open(server.port, { secure: true });
    await client.close();
  } finally {
    await server.close();
  }
});

test("startRawServer() keeps frames that come before the handler has accepted", {
  only: platforms,
}, async () => {
  let texts: string[] = [];
  let decide: () => void = () => {};
  const decided = new Promise<void>((resolve) => decide = resolve);
  const onPeer = async (peer: RawPeer) => {
    await decided;
    peer.onText = (data) => {
      texts = [...texts, data];
      peer.sendText(`got ${data}`);
    };
    peer.accept();
  };
  await withPair({ onPeer }, async (client) => {
    client.send(clientFrame(OPCODE.text, "early"));
    decide();
    await client.bytes(endsWith(frame(OPCODE.text, "got early")));
    assertEquals(texts, ["early"]);
  });
});

test("RawPeer joins fragments and reports text that is not UTF-8", {
  only: platforms,
}, async () => {
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    peer.onText = (data) => peer.sendText(data);
    peer.onBinary = (data) => peer.sendBinary(data);
  };
  await withPair({ onPeer }, async (client, server) => {
    const peer = await server.accepted();
    const euro = new TextEncoder().encode("a€b"); // cut inside the euro sign
    client.send(clientFrame(OPCODE.text, euro.subarray(0, 2), { fin: false }));
    client.send(clientFrame(OPCODE.ping, ""));
    client.send(clientFrame(OPCODE.continuation, euro.subarray(2)));
    await client.bytes(endsWith(frame(OPCODE.text, "a€b")));
    client.send(clientFrame(OPCODE.text, new Uint8Array([0xff])));
    await client.over;
    assertEquals(peer.violations, ["text that is not UTF-8 (8.1)"]);
    assert(endsWith(frame(OPCODE.close, new Uint8Array([3, 239])))(await client.bytes()));
  });
});

test("RawPeer.refuse() sends status, headers and body, then FIN", { only: platforms }, async () => {
  const onPeer = (peer: RawPeer) => peer.refuse(429, { "Retry-After": "7" }, "slow down");
  await withPair({ onPeer }, async (client, server) => {
    assertEquals(await client.over, "end");
    const answer = text(await client.bytes());
    assert(answer.startsWith("HTTP/1.1 429 "), answer);
    assert(answer.includes("\r\nRetry-After: 7\r\n"), answer);
    assert(answer.endsWith("\r\n\r\nslow down"), answer);
    assertEquals({ ...server.counters, open: 0 }, { tcp: 1, requests: 1, handshakes: 1, open: 0 });
  });
});

test("RawPeer.close() leaves TCP open when told to", { only: platforms }, async () => {
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    peer.close(1001, "bye", { endTcp: "never" });
    peer.onClose = () => peer.sendRaw(new TextEncoder().encode("still here"));
  };
  await withPair({ onPeer }, async (client) => {
    client.send(clientFrame(OPCODE.close, new Uint8Array([3, 233])));
    await client.bytes(endsWith(new TextEncoder().encode("still here")));
  });
});

test("RawPeer.ignoreClose() gives a Close frame no answer", { only: platforms }, async () => {
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    peer.ignoreClose();
  };
  await withPair({ onPeer }, async (client, server) => {
    await server.accepted();
    client.send(joined([
      clientFrame(OPCODE.close, new Uint8Array([3, 232])),
      clientFrame(OPCODE.ping, "then"),
    ]));
    const all = await client.bytes(endsWith(frame(OPCODE.pong, "then")));
    assertEquals(text(all).split("\r\n\r\n")[1], text(frame(OPCODE.pong, "then")));
  });
});

test("RawPeer.stopWriting() sends nothing more, and still sees the client go", {
  only: platforms,
}, async () => {
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    peer.stopWriting();
    peer.sendText("never");
  };
  await withPair({ onPeer }, async (client, server) => {
    const peer = await server.accepted();
    client.send(clientFrame(OPCODE.ping, "anyone?"));
    client.fin();
    assertEquals((await peer.closed).code, 1006);
    assertEquals(peer.arrivals.length, 1);
    assertEquals(text(await client.bytes()).split("\r\n\r\n")[1], "");
  });
});

test("RawPeer.stopReading() makes the client's bytes wait", { only: platforms }, async () => {
  const block = clientFrame(OPCODE.binary, new Uint8Array(1 << 20));
  let bytes = 0;
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    peer.stopReading();
    peer.onBinary = (data) => {
      bytes += data.length;
      if (bytes === 16 << 20) peer.sendText("all");
    };
  };
  await withPair({ onPeer }, async (client, server) => {
    const peer = await server.accepted();
    for (let i = 0; i < 16; i++) client.send(block);
    // A second connection's round trip proves that the server's loop went on meanwhile.
    const other = await RawClient.open(server.port);
    other.send(openingRequest());
    await server.accepted();
    await other.close();
    assert(bytes < 16 << 20, `${bytes} bytes were read`);
    assert(client.bufferedBytes > 0);
    peer.resumeReading();
    await client.bytes(endsWith(frame(OPCODE.text, "all")));
  });
});

test("RawPeer.sendSlowly() sends slices and ends with the connection", {
  only: platforms,
}, async () => {
  const slow = message(OPCODE.text, "abcdef", { fragments: 3 });
  let done: Promise<void> | undefined;
  const onPeer = (peer: RawPeer) => {
    peer.accept();
    done = peer.sendSlowly(slow, { sliceBytes: 2 })
      .then(() => peer.sendSlowly(new Uint8Array(1000), { everyMs: 1000 }));
  };
  await withPair({ onPeer }, async (client) => {
    await client.bytes((all) => all.length > slow.length && endsWith(new Uint8Array(1))(all));
    assert(client.chunks.length > 2, `${client.chunks.length} chunks`);
  });
  await done; // the pause of a second was cancelled by the server's close()
});

test("RawServer.close() takes back connections in every state", { only: platforms }, async () => {
  const server = await startRawServer({
    onPeer: (peer) => peer.request.url.pathname === "/hang" ? peer.hang() : peer.accept(),
  });
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.open(server.port)));
  clients[1]!.send(openingRequest("/hang"));
  clients[2]!.send(openingRequest());
  await server.accepted();
  await server.close();
  assertEquals(server.counters.open, 0);
  for (const client of clients) {
    await client.over;
    await client.close();
  }
  const again = await startRawServer({ port: server.port, onPeer: (peer) => peer.accept() });
  assertEquals(again.port, server.port);
  await again.close();
});

test("RawServer.close() rejects with what a handler threw", { only: platforms }, async () => {
  const server = await startRawServer({
    onPeer: () => {
      throw new Error("broken handler");
    },
  });
  const client = await RawClient.open(server.port);
  client.send(openingRequest());
  assertEquals(await client.over, "ECONNRESET");
  await client.close();
  await assertRejects(() => server.close(), Error, "broken handler");
});

test("startRawServer() can reset or hold a connection before its first byte", {
  only: platforms,
}, async () => {
  for (const wish of ["reset", "hang"] as const) {
    const server = await startRawServer({ onTcp: () => wish, onPeer: (peer) => peer.accept() });
    const over = await RawClient.open(server.port).then(async (client) => {
      client.send(openingRequest());
      client.fin();
      const over = await client.over;
      await client.close();
      return over;
    }, (error: { code?: string }) => error.code); // the reset may come before "connect"
    assertEquals(over === "ECONNRESET", wish === "reset", over);
    await server.close();
    assertEquals({ ...server.counters }, { tcp: 1, requests: 0, handshakes: 0, open: 0 });
  }
});
