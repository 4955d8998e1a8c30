import { assert, assertEquals, assertThrows } from "@std/assert";
import { handshakeOf, wireHandshake } from "../../src/contract/handshake.ts";
import {
  base64,
  handshakeKey,
  handshakeRequest,
  tunnelRequest,
} from "../../src/rfc6455/handshake_request.ts";
import { acceptOf, judgeResponse } from "../../src/rfc6455/handshake_response.ts";
import { HttpHeadReader } from "../../src/rfc6455/http_head.ts";
import { retryAfterMs } from "../../src/rfc6455/retry_after.ts";
import { sha1 } from "../../src/rfc6455/sha1.ts";
import { test } from "../support/harness.ts";
import { cut, randomCuts, seeded } from "./reading.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const asText = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

function headOf(pieces: readonly Uint8Array[], maxBytes = 16_384) {
  const reader = new HttpHeadReader(maxBytes);
  for (const [i, piece] of pieces.entries()) {
    const outcome = reader.push(piece);
    if (outcome === undefined) continue;
    if ("failure" in outcome) return outcome;
    // What the reader was not given any more belongs to the rest.
    const later = pieces.slice(i + 1).flatMap((each) => [...each]);
    return { ...outcome, rest: new Uint8Array([...outcome.rest, ...later]) };
  }
  return undefined;
}

function judge(lines: readonly string[], protocols: readonly string[] = []) {
  const head = headOf([latin1([...lines, "", ""].join("\r\n"))]);
  assert(head && !("failure" in head), "not a head");
  return judgeResponse(head, { key: KEY, protocols, wallNowMs: 0 });
}

const accepted = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];
const without = (name: string) => accepted.filter((line) => !line.startsWith(name));

test("sha1() gives the digests of FIPS 180", () => {
  for (
    const [text, digest] of [
      ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
      ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
      [
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
      ],
      ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
    ] as const
  ) {
    assertEquals(hex(sha1(latin1(text))), digest);
  }
});

test("sha1() agrees with the platform at every length around a block", async () => {
  for (let length = 50; length < 135; length++) {
    const bytes = new Uint8Array(length).map((_, i) => i * 7);
    assertEquals(sha1(bytes), new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)));
  }
});

test("acceptOf() gives the value of section 1.3", () => {
  assertEquals(acceptOf(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("handshakeKey() is 16 random bytes in base64", () => {
  const key = handshakeKey((bytes) => void crypto.getRandomValues(bytes));
  assertEquals(atob(key).length, 16);
  assert(key !== handshakeKey((bytes) => void crypto.getRandomValues(bytes)));
});

test("handshakeRequest() writes what section 4.1 demands", () => {
  const handshake = wireHandshake(
    handshakeOf({
      url: "ws://user:p%40ss@Example.com:8080/a b/c?q=1 2",
      protocols: ["one", "two"],
      headers: { "X-Key": "v" },
    }),
    { name: "tcp", headers: true },
  );
  const lines = asText(handshakeRequest(handshake, KEY)).split("\r\n");
  assertEquals(lines, [
    "GET /a%20b/c?q=1%202 HTTP/1.1",
    "Host: example.com:8080",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: one, two",
    `authorization: Basic ${base64(latin1("user:p@ss"))}`,
    "x-key: v",
    "",
    "",
  ]);
});

test("handshakeRequest() names an IPv6 host in brackets and leaves the scheme's own port out", () => {
  const of = (url: string) => asText(handshakeRequest(handshakeOf({ url }), KEY)).split("\r\n")[1];
  assertEquals(of("ws://[::1]:81/"), "Host: [::1]:81");
  assertEquals(of("ws://example.com:80/"), "Host: example.com");
  assertEquals(of("wss://example.com:443/"), "Host: example.com");
});

/** A `Headers` that does not check, as a broken platform or a hostile caller could hand in. */
function unchecked(name: string, value: string): Headers {
  return { [Symbol.iterator]: () => [[name, value]][Symbol.iterator]() } as unknown as Headers;
}

test("handshakeRequest() refuses whatever would inject a header or a request", () => {
  const base = handshakeOf({ url: "ws://h/" });
  const bad: [string, string][] = [
    ["x", "a\r\nInjected: 1"],
    ["x", "a\nb"],
    ["x", "a\rb"],
    ["x", "a\0b"],
    ["x", "snow \u2603"],
    ["x y", "a"],
    ["x:", "a"],
    ["", "a"],
    ["x\r\nInjected", "a"],
    ["host", "other"],
    ["sec-websocket-key", "k"],
  ];
  for (const [name, value] of bad) {
    const handshake = { ...base, headers: unchecked(name, value) };
    assertThrows(() => handshakeRequest(handshake, KEY), TypeError);
  }
  assertThrows(
    () => handshakeRequest({ ...base, protocols: ["a\r\nInjected: 1"] }, KEY),
    TypeError,
  );
  const url = { pathname: "/a b", search: "", host: "h" } as URL;
  assertThrows(() => handshakeRequest({ ...base, url }, KEY), TypeError);
});

test("tunnelRequest() asks for host and port and carries the proxy's headers", () => {
  const headers = new Headers({ "proxy-authorization": "Basic eA==" });
  assertEquals(asText(tunnelRequest("[::1]:443", headers)).split("\r\n"), [
    "CONNECT [::1]:443 HTTP/1.1",
    "Host: [::1]:443",
    "proxy-authorization: Basic eA==",
    "",
    "",
  ]);
  assertThrows(() => tunnelRequest("h:1 HTTP/1.1\r\nX: y", new Headers()), TypeError);
});

test("judgeResponse() accepts the answer of section 1.3, whatever the case of names and tokens", () => {
  assertEquals(judge(accepted), { type: "accepted", protocol: "" });
  assertEquals(
    judge([
      "HTTP/1.1 101",
      "uPGRADE:   WebSocket  ",
      "CONNECTION: keep-alive, UPGRADE",
      "sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]),
    { type: "accepted", protocol: "" },
  );
});

test("judgeResponse() refuses an answer without Upgrade: websocket", () => {
  assertEquals(judge(without("Upgrade")).type, "invalid");
  assertEquals(judge([...without("Upgrade"), "Upgrade: h2c"]).type, "invalid");
});

test("judgeResponse() refuses an answer without Connection: Upgrade", () => {
  assertEquals(judge(without("Connection")).type, "invalid");
  assertEquals(judge([...without("Connection"), "Connection: upgraded"]).type, "invalid");
});

test("judgeResponse() refuses a wrong, absent or repeated accept hash", () => {
  const name = "Sec-WebSocket-Accept";
  assertEquals(judge(without(name)).type, "invalid");
  assertEquals(judge([...without(name), `${name}: ${acceptOf("other")}`]).type, "invalid");
  assertEquals(judge([...accepted, accepted.at(-1)!]).type, "invalid");
});

test("judgeResponse() refuses an extension, because none was offered", () => {
  const answer = judge([...accepted, "Sec-WebSocket-Extensions: permessage-deflate"]);
  assertEquals(answer, {
    type: "invalid",
    reason: "answer has an extension that was not offered",
    status: 101,
  });
});

test("judgeResponse() takes only a subprotocol that was offered, exactly one if some were", () => {
  const chose = (name: string) => [...accepted, `Sec-WebSocket-Protocol: ${name}`];
  assertEquals(judge(chose("b"), ["a", "b"]), { type: "accepted", protocol: "b" });
  assertEquals(judge(chose("c"), ["a", "b"]).type, "invalid");
  assertEquals(judge(chose("A"), ["a"]).type, "invalid");
  assertEquals(judge(chose("a")).type, "invalid");
  assertEquals(judge(accepted, ["a"]).type, "invalid");
  assertEquals(judge([...chose("a"), "Sec-WebSocket-Protocol: a"], ["a"]).type, "invalid");
});

test("judgeResponse() refuses 101 in HTTP/1.0", () => {
  assertEquals(judge(["HTTP/1.0 101 x", ...accepted.slice(1)]).type, "invalid");
});

test("judgeResponse() gives status and Retry-After of a refusal", () => {
  for (const status of [200, 302, 401, 403, 404, 503]) {
    assertEquals(judge([`HTTP/1.1 ${status} x`]), {
      type: "refused",
      reason: `server answered ${status}`,
      status,
    });
  }
  const answer = judge(["HTTP/1.1 429 Too Many", "Retry-After: 7"]);
  assertEquals(answer.type === "refused" && answer.retryAfterMs, 7_000);
});

test("retryAfterMs() reads seconds and dates, and nothing else", () => {
  const now = Date.UTC(2026, 10, 22, 10, 0, 0);
  assertEquals(retryAfterMs("0", now), 0);
  assertEquals(retryAfterMs("120", now), 120_000);
  assertEquals(retryAfterMs("Sun, 22 Nov 2026 10:00:30 GMT", now), 30_000);
  assertEquals(retryAfterMs("Sun, 22 Nov 2026 09:59:00 GMT", now), 0);
  for (
    const bad of [
      "",
      "-1",
      "1.5",
      "1e3",
      "soon",
      "22 Nov 2026",
      "9999999999999",
      "Sun, 22 ovD 2026 10:00:30 GMT",
    ]
  ) {
    assertEquals(retryAfterMs(bad, now), undefined);
  }
  assertEquals(retryAfterMs(undefined, now), undefined);
});

test("retryAfterMs() agrees with the platform's calendar over four centuries", () => {
  for (let day = 0; day < 146_097; day += 37) {
    const at = Date.UTC(1970, 0, 1) + day * 86_400_000 + 12_345_000;
    assertEquals(retryAfterMs(new Date(at).toUTCString(), 0), at);
  }
});

test("HttpHeadReader gives the head and what is behind it, wherever the bytes are cut", () => {
  const bytes = latin1(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
      accepted.join("\r\n") + "\r\nX-A: 1\r\nx-a: \t2 \r\nX-Latin: \xe9\r\n\r\n\x81\x01a",
  );
  const whole = headOf([bytes]);
  assert(whole && !("failure" in whole));
  assertEquals([whole.status, whole.minor, asText(whole.rest)], [101, 1, "\x81\x01a"]);
  assertEquals(whole.headers.get("x-a"), ["1", "2"]);
  assertEquals(whole.headers.get("x-latin"), ["\xe9"]);
  for (let at = 0; at <= bytes.length; at++) assertEquals(headOf(cut(bytes, [at])), whole);
  const positions = Array.from({ length: bytes.length }, (_, i) => i);
  assertEquals(headOf(cut(bytes, positions)), whole);
});

test("HttpHeadReader refuses what is not a response head", () => {
  const bad = [
    "SSH-2.0-OpenSSH\r\n",
    "HTTP/2 200\r\n\r\n",
    "\x15\x03\x01\x00\x02\x02",
    "HTTP/1.1 20 x\r\n\r\n",
    "HTTP/1.1 099 x\r\n\r\n",
    "HTTP/1.1  200 x\r\n\r\n",
    "HTTP/1.2 101 x\r\n\r\n",
    "HTTP/1.1 200 x\r\nA\r\n\r\n",
    "HTTP/1.1 200 x\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 x\r\nA: b\r\n folded\r\n\r\n",
    "HTTP/1.1 200 x\r\nA: b\nC: d\r\n\r\n",
    "HTTP/1.1 200 x\r\nA: b\rC: d\r\n\r\n",
    "HTTP/1.1 200 x\r\nA: \0\r\n\r\n",
    "HTTP/1.1 100 x\r\n\r\nBAD",
  ];
  for (const text of bad) {
    const outcome = headOf([latin1(text)]);
    assert(outcome && "failure" in outcome, JSON.stringify(text));
    const bytewise = headOf(cut(latin1(text), Array.from({ length: text.length }, (_, i) => i)));
    assertEquals(bytewise, outcome, JSON.stringify(text));
  }
});

test("HttpHeadReader refuses a head over its limit, interim heads included, and takes one within it", () => {
  const line = `X: ${"y".repeat(100)}\r\n`;
  const head = `HTTP/1.1 200 x\r\n${line}\r\n`;
  const body = "z".repeat(1_000);
  const fits = headOf([latin1(head + body)], head.length);
  assert(fits && !("failure" in fits));
  assertEquals(fits.rest.length, body.length);
  for (const text of [head + body, "HTTP/1.1 103 x\r\n\r\n".repeat(50)]) {
    for (const pieces of [[latin1(text)], cut(latin1(text), [5, 9, 30])]) {
      const outcome = headOf(pieces, head.length - 1);
      assert(outcome && "failure" in outcome);
    }
  }
});

test("HttpHeadReader and judgeResponse() survive random bytes and random damage", () => {
  const base = latin1(accepted.join("\r\n") + "\r\n\r\n\x81\x01a");
  let heads = 0;
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = seeded(seed);
    const bytes = seed % 3 === 0
      ? new Uint8Array(random(400)).map(() => random(256))
      : base.slice();
    const hits = random(4);
    for (let i = 0; i < hits && bytes.length > 0; i++) bytes[random(bytes.length)] = random(256);
    const whole = headOf([bytes], 300);
    const pieces = cut(bytes, randomCuts(random, bytes.length));
    assertEquals(headOf(pieces, 300), whole, `seed ${seed}`);
    if (whole && !("failure" in whole)) {
      heads++;
      judgeResponse(whole, { key: KEY, protocols: [], wallNowMs: 0 });
    }
  }
  assert(heads > 100, "the damage left nothing to judge");
});
