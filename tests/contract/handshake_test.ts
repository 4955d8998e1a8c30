import { assertEquals, assertFalse, assertNotStrictEquals, assertThrows } from "@std/assert";
import { isTransportError } from "../../src/contract/errors.ts";
import {
  checkHandshake,
  checkProtocol,
  type HandshakeInit,
  handshakeOf,
  headersOf,
  redactedUrl,
  wireHandshake,
} from "../../src/contract/handshake.ts";
import { test } from "../support/harness.ts";

const able = { name: "able", headers: true };
const bare = { name: "bare", headers: false };

function refused(init: HandshakeInit): string {
  return assertThrows(() => handshakeOf(init), TypeError).message;
}

test("handshakeOf() turns http and https into ws and wss", () => {
  const cases: [string, string][] = [
    ["http://host/a?b=1", "ws://host/a?b=1"],
    ["https://host", "wss://host/"],
    ["ws://host:8080", "ws://host:8080/"],
    ["wss://host/", "wss://host/"],
  ];
  for (const [url, expected] of cases) assertEquals(handshakeOf({ url }).url.href, expected);
});

test("handshakeOf() copies what it is given, so that one dial cannot change another", () => {
  const init = {
    url: new URL("ws://host/"),
    protocols: ["a"],
    headers: new Headers({ "x-a": "1" }),
  };
  const handshake = handshakeOf(init);
  handshake.url.search = "?token=1";
  handshake.protocols.push("b");
  handshake.headers.set("x-a", "2");
  assertEquals(init.url.href, "ws://host/");
  assertEquals(init.protocols, ["a"]);
  assertEquals(init.headers.get("x-a"), "1");
});

test("handshakeOf() refuses what is not a WebSocket url", () => {
  refused({ url: "host/path" });
  refused({ url: "" });
  refused({ url: "//host" });
  for (const scheme of ["ftp://host", "file:///a", "data:,a", "javascript:0", "wsx://host"]) {
    refused({ url: scheme });
  }
});

test("handshakeOf() refuses a fragment, an empty one too", () => {
  for (const url of ["ws://host/#a", "ws://host/#", "wss://host/?q#", "http://host#x"]) {
    assertEquals(refused({ url }), "Cannot connect: url has a fragment");
  }
  assertEquals(handshakeOf({ url: "ws://host/%23" }).url.pathname, "/%23");
});

test("handshakeOf() refuses a subprotocol that is not a token, and one that is listed twice", () => {
  for (
    const name of ["", " ", "a b", "a,b", "a/b", "a=b", "ä", "a\n", '"a"', "a;b", "(a)", "{a}"]
  ) {
    assertEquals(
      refused({ url: "ws://host", protocols: ["ok", name] }),
      "Cannot connect: subprotocol 2 of 2 is not a token",
    );
  }
  refused({ url: "ws://host", protocols: [7 as unknown as string] });
  assertEquals(
    refused({ url: "ws://host", protocols: ["a", "b", "a"] }),
    "Cannot connect: subprotocol 3 of 3 is listed twice",
  );
  const tokens = ["!#$%&'*+-.^_`|~", "graphql-ws", "v1.json", "A", "a"];
  assertEquals(handshakeOf({ url: "ws://host", protocols: tokens }).protocols, tokens);
});

test("handshakeOf() refuses the headers of the handshake itself, in whatever case", () => {
  const names = [
    "Host",
    "CONNECTION",
    "upgrade",
    "Transfer-Encoding",
    "content-length",
    "Keep-Alive",
    "expect",
    "Sec-WebSocket-Key",
    "sec-websocket-protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Version",
    "sec-websocket-anything",
  ];
  for (const name of names) {
    // A browser's own `Headers` lets in what its `Request` would not.
    const message = refused({ url: "ws://host", headers: [[name, "1"]] });
    assertEquals(
      message,
      `Cannot set header ${name.toLowerCase()}: it belongs to the handshake itself`,
    );
  }
  const allowed = {
    authorization: "Bearer a",
    origin: "https://a",
    cookie: "a=b",
    "sec-fetch": "x",
  };
  const { headers } = handshakeOf({ url: "ws://host", headers: allowed });
  assertEquals(Object.fromEntries(headers), allowed);
});

test("handshakeOf() holds no secret in its errors: url query, userinfo, header values, subprotocols", () => {
  const secret = "s3cret";
  const messages = [
    refused({ url: `ftp://u:${secret}@host/?k=${secret}` }),
    refused({ url: `ws://u:${secret}@host:99999/?k=${secret}` }),
    refused({ url: `ws://u:${secret}@host/?k=${secret}#${secret}` }),
    refused({ url: `not a url ${secret}` }),
    refused({ url: `ws://u:${secret}@host`, headers: { authorization: `Bearer ${secret}` } }),
    refused({ url: "ws://host", headers: { authorization: `Bearer ${secret}\nx` } }),
    refused({ url: "ws://host", headers: [["authorization", `${secret}\u20ac`]] }),
    refused({ url: "ws://host", headers: [["authorization", secret, secret]] as never }),
    refused({ url: "ws://host", protocols: [`base64url.${secret} `] }),
    refused({ url: "ws://host", protocols: [secret, secret] }),
  ];
  for (const message of messages) assertFalse(message.includes(secret), message);
});

test("headersOf() takes every form of headers, and names the one that is not valid", () => {
  const expected = [["x-a", "1, 2"], ["x-b", "3"]];
  const pairs: [string, string][] = [["X-A", "1"], ["x-a", "2"], ["x-b", "3"]];
  assertEquals([...headersOf(pairs)], expected);
  assertEquals([...headersOf(new Headers(pairs))], expected);
  assertEquals([...headersOf({ "x-a": "1, 2", "x-b": "3" })], expected);
  assertEquals([...headersOf(new Map([["x-b", "3"]]) as unknown as HeadersInit)], [["x-b", "3"]]);
  assertEquals([...headersOf(undefined)], []);
  assertEquals(
    assertThrows(() => headersOf({ "x-a": "1", "x b": "2" }), TypeError).message,
    'Cannot set header "x b": name or value is invalid',
  );
});

test("headersOf() gives a copy", () => {
  const headers = new Headers({ "x-a": "1" });
  assertNotStrictEquals(headersOf(headers), headers);
});

test("checkHandshake() catches what an auth source did to a good handshake", () => {
  const changes: ((handshake: ReturnType<typeof handshakeOf>) => void)[] = [
    (handshake) => handshake.headers.set("upgrade", "h2c"),
    (handshake) => handshake.protocols.push("a b"),
    (handshake) => handshake.url.hash = "#a",
    (handshake) => handshake.url = new URL("https://host/"),
    (handshake) => {
      handshake.url.username = "u";
      handshake.headers.set("authorization", "Bearer a");
    },
    (handshake) => {
      handshake.url.password = "p";
      handshake.headers.set("authorization", "Bearer a");
    },
  ];
  for (const change of changes) {
    const handshake = handshakeOf({ url: "ws://host/", protocols: ["a"] });
    checkHandshake(handshake);
    change(handshake);
    assertThrows(() => checkHandshake(handshake), TypeError);
  }
});

test("wireHandshake() turns userinfo of the url into a header", () => {
  const cases: [string, string][] = [
    ["ws://user:pass@host/", "user:pass"],
    ["ws://user@host/", "user:"],
    ["ws://:pass@host/", ":pass"],
    ["ws://us%40er:p%3Ass@host/", "us@er:p:ss"],
    ["ws://j%C3%BCrgen:%E2%82%AC@host/", "jürgen:€"],
  ];
  for (const [url, user] of cases) {
    const wire = wireHandshake(handshakeOf({ url }), able);
    assertEquals(wire.url.href, "ws://host/");
    const [scheme, encoded] = (wire.headers.get("authorization") ?? "").split(" ");
    assertEquals(scheme, "Basic");
    const bytes = Uint8Array.from(atob(encoded ?? ""), (c) => c.charCodeAt(0));
    assertEquals(new TextDecoder().decode(bytes), user);
  }
});

test("wireHandshake() refuses userinfo that is not percent-encoded UTF-8, without showing it", () => {
  for (const url of ["ws://a%zz@host/", "ws://a:%ff@host/", "ws://%@host/"]) {
    const handshake = handshakeOf({ url });
    const { message } = assertThrows(() => wireHandshake(handshake, able), TypeError);
    assertEquals(message, "Cannot connect: the user of the url is not percent-encoded UTF-8");
  }
});

test("wireHandshake() leaves the handshake of the dial as it was", () => {
  const handshake = handshakeOf({
    url: "ws://u:p@host/",
    protocols: ["a"],
    headers: { "x-a": "1" },
  });
  const wire = wireHandshake(handshake, able);
  wire.protocols.push("b");
  assertEquals(handshake.url.href, "ws://u:p@host/");
  assertEquals(handshake.protocols, ["a"]);
  assertFalse(handshake.headers.has("authorization"));
});

test("wireHandshake() refuses headers, userinfo included, where the leaf has none", () => {
  for (
    const init of [
      { url: "ws://host/", headers: { "x-a": "s3cret" } },
      { url: "ws://u:s3cret@host/" },
    ]
  ) {
    const handshake = handshakeOf(init);
    const error = assertThrows(() => wireHandshake(handshake, bare), Error);
    assertEquals(isTransportError(error, "unsupported"), true);
    assertFalse(error.message.includes("s3cret"));
  }
  assertEquals(wireHandshake(handshakeOf({ url: "ws://host/" }), bare).url.href, "ws://host/");
});

test("checkProtocol() accepts an offered subprotocol, and none where none was offered", () => {
  checkProtocol([], "");
  checkProtocol(["a", "b"], "b");
  const wrong: [string[], string][] = [[["a"], ""], [[], "a"], [["a"], "b"], [["a"], "A"]];
  for (const [offered, chosen] of wrong) {
    const error = assertThrows(() => checkProtocol(offered, chosen), Error);
    assertEquals(isTransportError(error, "protocol_error"), true);
  }
});

test("redactedUrl() shows where to, and nothing that may be a secret", () => {
  const shown = (url: string) => redactedUrl(new URL(url));
  assertEquals(shown("wss://u:p@host:444/a/b?listenKey=k#f"), "wss://host:444/a/b?...");
  assertEquals(shown("ws://host"), "ws://host/");
});
