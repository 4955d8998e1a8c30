/**
 * Credentials: one pull per dial, used for that dial or not at all.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { auth } from "../../src/connect/auth.ts";
import { connectTimeout } from "../../src/connect/connect_timeout.ts";
import { TransportError } from "../../src/contract/errors.ts";
import { ManualClock } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { able, countingAbort, DeafLeaf, greeting, settled } from "./bench.ts";

test("auth() pulls once per dial, and what it stamps stays with that dial", async () => {
  const leaf = new DeafLeaf({ terminate: false });
  let pulls = 0;
  const layer = auth((handshake) => {
    const token = `t${++pulls}`;
    handshake.headers.append("x-token", token);
    handshake.url.searchParams.append("token", token);
    handshake.protocols.push(token);
  })(leaf);
  assertEquals(layer.capabilities, { ...able, terminate: false });
  const base = greeting();
  const { signal } = new AbortController();
  for (let i = 1; i <= 3; i++) {
    const opening = layer.connect(base, { signal });
    await settled();
    const { handshake, open } = leaf.dials[i - 1]!;
    assertEquals(handshake.url.href, `ws://venue.example/feed?token=t${i}`);
    assertEquals(handshake.headers.get("x-token"), `t${i}`);
    assertEquals(handshake.headers.get("x-base"), "1");
    assertEquals(handshake.protocols, ["v1", `t${i}`]);
    open();
    await opening;
  }
  assertEquals(base, greeting(), "the handshake of the connection is not touched");
  assertEquals(pulls, 3);
});

test("auth() lets the source replace url and headers altogether", async () => {
  const leaf = new DeafLeaf();
  const layer = auth((handshake) => {
    handshake.url = new URL("wss://other.example/");
    handshake.headers = new Headers({ "x-new": "1" });
    handshake.protocols = [];
  })(leaf);
  layer.connect(greeting(), { signal: new AbortController().signal }).catch(() => {});
  await settled();
  const { url, headers, protocols } = leaf.dials[0]!.handshake;
  assertEquals([url.href, [...headers], protocols], [
    "wss://other.example/",
    [["x-new", "1"]],
    [],
  ]);
});

test("scenario 11: auth() turns what the source throws into auth_failed, and does not dial", async () => {
  const leaf = new DeafLeaf();
  const boom = new TypeError("fetch failed");
  const sources = [
    () => {
      throw boom;
    },
    () => Promise.reject(boom),
  ];
  for (const source of sources) {
    const { signal, listeners } = countingAbort();
    const error = await assertRejects(
      () => auth(source)(leaf).connect(greeting(), { signal }),
      TransportError,
    );
    assertEquals([error.code, error.kind], ["auth_failed", "auth"]);
    assertStrictEquals(error.cause, boom);
    assertEquals(listeners(), 0);
  }
  assertEquals(leaf.dials.length, 0, "no dial without auth");
});

test("scenario 11: auth() passes auth_rejected on as it is", async () => {
  const leaf = new DeafLeaf();
  const rejected = new TransportError("auth_rejected", "Cannot log in: the key was revoked");
  const { signal } = new AbortController();
  const error = await assertRejects(
    () => auth(() => Promise.reject(rejected))(leaf).connect(greeting(), { signal }),
  );
  assertStrictEquals(error, rejected);
  assertEquals(leaf.dials.length, 0);
});

test("scenario 12: auth() discards credentials that come after the deadline", async () => {
  const clock = new ManualClock();
  const leaf = new DeafLeaf();
  let deliver = () => {};
  let seen: AbortSignal | undefined;
  const layer = connectTimeout(100, clock)(
    auth((_handshake, { signal }) => {
      seen = signal;
      return new Promise<void>((resolve) => deliver = resolve);
    })(leaf),
  );
  const opening = layer.connect(greeting(), { signal: new AbortController().signal });
  clock.fireNext(100);
  const error = await assertRejects(() => opening, TransportError);
  assertEquals(error.code, "connect_timeout");
  assert(seen?.aborted, "the source is told");
  deliver();
  await settled();
  assertEquals(leaf.dials.length, 0, "no dial with late credentials");
});

test("auth() rejects at the abort even if the source never listens, and ignores how that ends", async () => {
  for (const ending of ["resolves", "rejects", "hangs"]) {
    const leaf = new DeafLeaf();
    let end = { resolve: () => {}, reject: (_: unknown) => {} };
    const { controller, signal, listeners } = countingAbort();
    const opening = auth(() =>
      new Promise<void>((resolve, reject) => {
        end = { resolve, reject };
      })
    )(leaf).connect(greeting(), { signal });
    controller.abort(new Error("over"));
    await assertRejects(() => opening, Error, "over");
    if (ending === "resolves") end.resolve();
    if (ending === "rejects") end.reject(new Error("late: nobody may hear of it"));
    await settled();
    assertEquals([leaf.dials.length, listeners()], [0, 0]);
  }
});

test("auth() does not ask the source when the dial is over already", async () => {
  const leaf = new DeafLeaf();
  const layer = auth(() => {
    throw new Error("asked for nothing");
  })(leaf);
  const signal = AbortSignal.abort(new Error("gone"));
  await assertRejects(() => layer.connect(greeting(), { signal }), Error, "gone");
});

test("auth() does not dial when the abort comes in the same turn as the credentials", async () => {
  const leaf = new DeafLeaf();
  const controller = new AbortController();
  const { signal } = controller;
  const opening = auth(() => {
    queueMicrotask(() => queueMicrotask(() => controller.abort(new Error("just now"))));
  })(leaf).connect(greeting(), { signal });
  await assertRejects(() => opening, Error, "just now");
  assertEquals(leaf.dials.length, 0);
});
