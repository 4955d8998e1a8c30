/**
 * A url per dial.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { urlSource } from "../../src/connect/url_source.ts";
import { TransportError } from "../../src/contract/errors.ts";
import { test } from "../support/harness.ts";
import { able, countingAbort, DeafLeaf, greeting, settled } from "./bench.ts";

test("urlSource() asks anew for every dial and keeps the rest of the handshake", async () => {
  const leaf = new DeafLeaf();
  let asked = 0;
  const layer = urlSource(() => Promise.resolve(`https://venue.example/${++asked}`))(leaf);
  assertEquals(layer.capabilities, able);
  const { signal, listeners } = countingAbort();
  for (let i = 1; i <= 3; i++) {
    const opening = layer.connect(greeting(), { signal });
    await settled();
    const { handshake, open } = leaf.dials[i - 1]!;
    assertEquals(handshake.url.href, `wss://venue.example/${i}`);
    assertEquals([handshake.protocols, handshake.headers.get("x-base")], [["v1"], "1"]);
    open();
    await opening;
    assertEquals(listeners(), 0);
  }
});

test("urlSource() makes connect_failed of what the function throws, without the url in it", async () => {
  const leaf = new DeafLeaf();
  const boom = new Error("lookup failed");
  const { signal, listeners } = countingAbort();
  for (
    const source of [() => Promise.reject(boom), () => {
      throw boom;
    }]
  ) {
    const error = await assertRejects(
      () => urlSource(source)(leaf).connect(greeting(), { signal }),
      TransportError,
    );
    assertEquals(error.code, "connect_failed");
    assertStrictEquals(error.cause, boom);
  }
  const bad = await assertRejects(
    () => urlSource(() => "not a url?token=secret")(leaf).connect(greeting(), { signal }),
    TransportError,
  );
  assertEquals([bad.code, bad.message.includes("secret")], ["connect_failed", false]);
  assertEquals([leaf.dials.length, listeners()], [0, 0]);
});

test("urlSource() that hangs ends with the dial; a late url is not used", async () => {
  const leaf = new DeafLeaf();
  let answer = (_: string) => {};
  const { controller, signal, listeners } = countingAbort();
  const opening = urlSource(() => new Promise<string>((resolve) => answer = resolve))(leaf)
    .connect(greeting(), { signal });
  controller.abort(new Error("over"));
  await assertRejects(() => opening, Error, "over");
  answer("ws://late.example/");
  await settled();
  assertEquals([leaf.dials.length, listeners()], [0, 0]);
});

test("urlSource() does not ask when the dial is over already", async () => {
  const layer = urlSource(() => {
    throw new Error("asked for nothing");
  })(new DeafLeaf());
  const signal = AbortSignal.abort(new Error("gone"));
  await assertRejects(() => layer.connect(greeting(), { signal }), Error, "gone");
});
