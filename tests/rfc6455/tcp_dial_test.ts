import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { TransportError } from "../../src/contract/errors.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";
import { test } from "../support/harness.ts";
import { frame, OPCODE } from "../support/raw/frames.ts";
import { MockTcp, settled } from "./mock_transport.ts";

async function failure(outcome: Promise<unknown>): Promise<TransportError> {
  return await assertRejects(() => outcome, TransportError);
}

test("tcpLeaf() declares what it can, which is everything", () => {
  assertEquals(new MockTcp({ maxMessageBytes: 5 }).leaf.capabilities, {
    headers: true,
    handshakeStatus: "exact",
    ping: true,
    seePing: true,
    terminate: true,
    maxMessageBytes: 5,
    wireDials: 1,
    recvAxis: false,
  });
});

test("tcpLeaf() opens once the server proved that it read the request", async () => {
  const tcp = new MockTcp();
  const { link, outcome } = await tcp.dial({ protocols: ["a", "b"], headers: { "x-key": "1" } });
  assertEquals(link.address, { host: "server.test", port: 80 });
  const request = String.fromCharCode(...link.writes[0]!);
  assert(request.startsWith("GET /feed HTTP/1.1\r\nHost: server.test\r\n"));
  assert(request.includes("\r\nx-key: 1\r\n"));
  link.accept(undefined, ["Sec-WebSocket-Protocol: b"]);
  assertEquals((await outcome).protocol, "b");
  assertEquals(link.destroyed, false);
});

test("tcpLeaf() speaks TLS with the host's name, or with the one it was told", async () => {
  const { link } = await new MockTcp().dial({ url: "wss://[::1]/x" });
  assertEquals(link.address, { host: "::1", port: 443, tls: { serverName: "::1", ca: [] } });
  const tls = { ca: "PEM", serverName: "gateway", cert: "C", key: "K" };
  const { link: other } = await new MockTcp({ tls }).dial({ url: "wss://10.0.0.1:5000/" });
  assertEquals(other.address, { host: "10.0.0.1", port: 5000, tls: { ...tls, ca: ["PEM"] } });
});

test("tcpLeaf() tells status and Retry-After of a refusal and destroys the socket", async () => {
  const { link, outcome } = await new MockTcp().dial();
  link.receive("HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\nbody");
  const error = await failure(outcome);
  assertEquals([error.code, error.kind], ["connect_failed", "throttled"]);
  assertEquals(error.end, {
    code: 1006,
    reason: "",
    clean: false,
    origin: "handshake",
    status: 429,
    retryAfterMs: 7_000,
  });
  assert(link.destroyed);
});

test("tcpLeaf() refuses a server that insists on an extension, and says so", async () => {
  const { link, outcome } = await new MockTcp().dial();
  link.accept(undefined, ["Sec-WebSocket-Extensions: permessage-deflate"]);
  const error = await failure(outcome);
  assertEquals(error.code, "protocol_error");
  assert(error.message.includes("extension that was not offered"));
  assert(link.destroyed);
});

test("tcpLeaf() gives up at once on what is not HTTP, and on a head over its limit", async () => {
  for (const bytes of ["SSH-2.0\r\n", `HTTP/1.1 200 x\r\nX: ${"y".repeat(300)}`]) {
    const { link, outcome } = await new MockTcp({ maxHeadBytes: 256 }).dial();
    link.receive(bytes);
    assertEquals((await failure(outcome)).code, "protocol_error");
    assert(link.destroyed);
  }
});

test("tcpLeaf() fails when the connection cannot be made, or ends before the answer", async () => {
  const cause = new Error("ECONNREFUSED");
  const refusing = new MockTcp();
  refusing.refuse = cause;
  const handshake = { url: new URL("ws://h/?secret=1"), protocols: [], headers: new Headers() };
  const { signal } = new AbortController();
  const error = await failure(refusing.leaf.connect(handshake, { signal }));
  assertEquals([error.code, error.end?.origin], ["connect_failed", "network"]);
  assertStrictEquals(error.cause, cause);
  assert(!error.message.includes("secret"));

  const { link, outcome } = await new MockTcp().dial();
  link.receive("HTTP/1.1 101 x\r\n");
  link.over();
  assertEquals((await failure(outcome)).end?.origin, "network");
  assert(link.destroyed);
});

test("tcpLeaf() tells a certificate that is not trusted from a host that is not there", async () => {
  const causes = [
    [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    [{ name: "InvalidData" }, "InvalidData"],
    [{}, "no connection to the host"],
  ] as const;
  for (const [told, why] of causes) {
    const tcp = new MockTcp();
    tcp.refuse = Object.assign(new Error("certificate of secret.test"), told);
    const handshake = { url: new URL("wss://h/"), protocols: [], headers: new Headers() };
    const { signal } = new AbortController();
    const error = await failure(tcp.leaf.connect(handshake, { signal }));
    assertEquals(error.message, `Cannot connect: ${why}`);
  }
});

test("tcpLeaf() calls it unsupported when the platform denies the network", async () => {
  const denials = [
    Object.assign(new Error("Requires net access"), { name: "NotCapable" }),
    Object.assign(new Error("Access to this API has been restricted"), {
      code: "ERR_ACCESS_DENIED",
    }),
  ];
  for (const denial of denials) {
    const tcp = new MockTcp();
    tcp.refuse = denial;
    const handshake = { url: new URL("ws://h/"), protocols: [], headers: new Headers() };
    const outcome = tcp.leaf.connect(handshake, { signal: new AbortController().signal });
    assertEquals((await failure(outcome)).code, "unsupported");
  }
});

test("tcpLeaf() abandons the dial on abort, whatever it waits for", async () => {
  const reason = new Error("deadline");
  const steps: ((controller: AbortController) => Promise<[MockTcp, Promise<unknown>]>)[] = [
    async (controller) => {
      const tcp = new MockTcp();
      const { outcome } = await tcp.dial({}, controller.signal);
      controller.abort(reason);
      return [tcp, outcome];
    },
    (controller) => {
      const tcp = new MockTcp();
      const handshake = { url: new URL("ws://h/"), protocols: [], headers: new Headers() };
      const outcome = tcp.leaf.connect(handshake, { signal: controller.signal });
      controller.abort(reason); // in the dial's own tick
      return Promise.resolve([tcp, outcome]);
    },
    async (controller) => {
      const tcp = new MockTcp({ proxy: { url: "http://proxy:3128" } });
      const { outcome } = await tcp.dial({ url: "wss://h/" }, controller.signal);
      controller.abort(reason);
      return [tcp, outcome];
    },
    async (controller) => {
      const tcp = new MockTcp();
      const { link, outcome } = await tcp.dial({}, controller.signal);
      link.receive("HTTP/1.1 10");
      controller.abort(reason);
      link.receive("1 x\r\n\r\n"); // too late
      return [tcp, outcome];
    },
  ];
  for (const step of steps) {
    const [tcp, outcome] = await step(new AbortController());
    assertStrictEquals(await outcome.then(() => "opened", (error) => error), reason);
    assert(tcp.links.every(({ destroyed }) => destroyed));
    assertEquals([tcp.clock.turns, tcp.clock.timers], [0, 0]);
  }
});

test("tcpLeaf() does nothing when the signal has aborted before", async () => {
  const tcp = new MockTcp();
  const handshake = { url: new URL("ws://h/"), protocols: [], headers: new Headers() };
  const reason = new Error("never mind");
  const outcome = tcp.leaf.connect(handshake, { signal: AbortSignal.abort(reason) });
  assertStrictEquals(await outcome.catch((error) => error), reason);
  assertEquals(tcp.links.length, 0);
});

test("tcpLeaf() leaves the session alone when the dial's signal aborts later", async () => {
  const tcp = new MockTcp();
  const controller = new AbortController();
  const { link, outcome } = await tcp.dial({}, controller.signal);
  link.accept();
  const session = await outcome;
  controller.abort(new Error("later"));
  await settled();
  session.send({ type: "text", data: "still here" });
  await settled();
  assertEquals(link.frames().length, 1);
});

test("tcpLeaf() refuses before any I/O what the transport cannot do", async () => {
  const handshake = { url: new URL("wss://h/"), protocols: [], headers: new Headers() };
  const { signal } = new AbortController();
  const plain = new MockTcp({}, { tls: false });
  assertEquals((await failure(plain.leaf.connect(handshake, { signal }))).code, "unsupported");
  const proxied = new MockTcp({ proxy: { url: "http://p" } }, { secure: false });
  assertEquals((await failure(proxied.leaf.connect(handshake, { signal }))).code, "unsupported");
  assertThrows(() => new MockTcp({ tls: { ca: "x" } }, { tls: false }), TransportError);
  assertEquals(plain.links.length + proxied.links.length, 0);
});

test("tcpLeaf() reports every bad option together", () => {
  const bad = {
    maxMessageBytes: 0,
    maxHeadBytes: 10,
    batch: "yes",
    tls: { cert: "only", ca: [1], sni: "x" },
    proxy: { url: "https://p" },
    nagle: true,
  } as unknown as TcpOptions;
  const error = assertThrows(() => new MockTcp(bad), TransportError);
  assertEquals(error.code, "invalid_options");
  assertEquals(
    error.problems.map(({ path }) => path).sort(),
    [
      "batch",
      "maxHeadBytes",
      "maxMessageBytes",
      "proxy.url",
      "tcp.nagle",
      "tls",
      "tls.ca[0]",
      "tls.sni",
    ],
  );
});

test("tcpLeaf() refuses a proxy whose user is not percent-encoded, and headers that are none, without showing them", () => {
  const proxies = [
    [{ url: "http://secret%zz@proxy.test" }, "proxy.url"],
    [{ url: "http://proxy.test", headers: { "x-key": "secret\n2" } }, "proxy.headers"],
  ] as const;
  for (const [proxy, path] of proxies) {
    const error = assertThrows(() => new MockTcp({ proxy }), TransportError);
    assertEquals(error.problems.map((problem) => problem.path), [path]);
    assert(!error.message.includes("secret"), error.message);
  }
});

test("tcpLeaf() asks the proxy for a tunnel and then speaks through it", async () => {
  const tcp = new MockTcp({
    proxy: { url: "http://us%20er:pw@proxy.test:3128", headers: { "x-team": "7" } },
  });
  const { link, outcome } = await tcp.dial({ url: "ws://[::1]:81/feed" });
  assertEquals(link.address, { host: "proxy.test", port: 3128 });
  assertEquals(link.text().split("\r\n"), [
    "CONNECT [::1]:81 HTTP/1.1",
    "Host: [::1]:81",
    `proxy-authorization: Basic ${btoa("us er:pw")}`,
    "x-team: 7",
    "",
    "",
  ]);
  link.receive("HTTP/1.1 200 Connection established\r\n\r\n");
  await settled();
  link.accept(frame(OPCODE.text, "hi"));
  const reader = (await outcome).readable.getReader();
  assertEquals((await reader.read()).value, { type: "text", data: "hi" });
});

test("tcpLeaf() begins TLS in the tunnel, with the target's name and not the proxy's", async () => {
  const tcp = new MockTcp({ proxy: { url: "http://proxy.test" } });
  const { link, outcome } = await tcp.dial({ url: "wss://target.test/" });
  assertEquals(link.address.tls, undefined);
  link.receive("HTTP/1.1 200 OK\r\n\r\n");
  await settled();
  const secured = tcp.links[1]!;
  assertEquals(secured.secured, { serverName: "target.test", ca: [] });
  secured.accept();
  assertEquals((await outcome).protocol, "");
});

test("tcpLeaf() tells the status with which a proxy refuses, and what it does wrong", async () => {
  const refused = await new MockTcp({ proxy: { url: "http://p" } }).dial();
  refused.link.receive("HTTP/1.1 407 Who are you\r\nRetry-After: 1\r\n\r\n");
  const error = await failure(refused.outcome);
  assertEquals([error.kind, error.end?.status, error.end?.retryAfterMs], ["auth", 407, 1_000]);

  const early = await new MockTcp({ proxy: { url: "http://p" } }).dial();
  early.link.receive("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 x\r\n");
  assertEquals((await failure(early.outcome)).code, "protocol_error");
  assert(refused.link.destroyed && early.link.destroyed);
});
