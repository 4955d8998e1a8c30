/**
 * The leaf of the kit keeps the rules of every leaf.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { SessionEnd } from "../../src/contract/connection.ts";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { type Handshake, handshakeOf } from "../../src/contract/handshake.ts";
import { MockConnector, type MockDial } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

const { signal } = new AbortController();

function greeting(protocols: readonly string[] = []): Handshake {
  return handshakeOf({ url: "ws://venue/feed", protocols });
}

async function opened(connector: MockConnector = new MockConnector()) {
  const connecting = connector.connect(greeting(), { signal });
  const dial = connector.next()!;
  dial.open();
  return { connection: await connecting, dial };
}

/** A sink that notes what it is told. */
function notes() {
  const frames: Frame[] = [];
  const ends: SessionEnd[] = [];
  const drops: number[] = [];
  return {
    frames,
    ends,
    drops,
    frame: (frame: Frame) => void frames.push(frame),
    dropped: (count: number) => void drops.push(count),
    end: (end: SessionEnd) => void ends.push(end),
  };
}

test("MockConnector gives each dial to the test once, and skips one that was given up", async () => {
  const connector = new MockConnector();
  const abort = new AbortController();
  const first = connector.connect(greeting(), { signal: abort.signal });
  const second = connector.connect(greeting(), { signal });
  abort.abort(new Error("not wanted"));
  await assertRejects(() => first, Error, "not wanted");
  const dial = connector.next()!;
  assertEquals([connector.dials.length, connector.dials[0]!.aborted], [2, true]);
  assertEquals(connector.next(), undefined);
  dial.open();
  assert((await second).protocol === "");
});

test("MockConnector does not dial when the signal has aborted", async () => {
  const connector = new MockConnector();
  const gone = AbortSignal.abort(new Error("gone"));
  await assertRejects(() => connector.connect(greeting(), { signal: gone }), Error, "gone");
  assertEquals(connector.dials, []);
});

test("MockDial open() answers with an offered subprotocol, and with one that is not it fails the dial", async () => {
  const connector = new MockConnector();
  const connecting = connector.connect(greeting(["v2", "v1"]), { signal });
  connector.next()!.open();
  assertEquals((await connecting).protocol, "v2");
  const failing = connector.connect(greeting(["v2"]), { signal });
  connector.next()!.open({ protocol: "v9" });
  const error = await assertRejects(() => failing, TransportError);
  assert(isTransportError(error, "protocol_error"));
});

test("MockDial fail() rejects the dial with its facts", async () => {
  const connector = new MockConnector();
  const connecting = connector.connect(greeting(), { signal });
  connector.next()!.fail({ status: 429, retryAfterMs: 5_000 });
  const error = await assertRejects(() => connecting, TransportError);
  assertEquals(
    [error.code, error.kind, error.end?.status, error.end?.retryAfterMs, error.end?.origin],
    ["connect_failed", "throttled", 429, 5_000, "handshake"],
  );
});

test("MockDial refuses what cannot happen in its state", async () => {
  const connector = new MockConnector();
  const connecting = connector.connect(greeting(), { signal });
  const dial = connector.next()!;
  assertThrows(() => dial.receive("early"), Error, "has not opened");
  assertThrows(() => dial.end(), Error, "has not opened");
  dial.open();
  await connecting;
  assertThrows(() => dial.open(), Error, "is settled");
  assertThrows(() => dial.fail(), Error, "is settled");
});

test("MockDial keeps frames that come before anybody listens, the end included", async () => {
  const { connection, dial } = await opened();
  dial.receive("one");
  dial.receive(new Uint8Array([2]));
  dial.end({ code: 1012 });
  const seen = notes();
  connection.attach!(seen);
  assertEquals(seen.frames.map(({ type }) => type), ["text", "binary"]);
  assertEquals(seen.ends.map(({ code, origin }) => [code, origin]), [[1012, "server"]]);
  assertThrows(() => connection.attach!(notes()), TypeError, "go elsewhere");
});

test("MockDial ends once, and says nothing after its end or its abandonment", async () => {
  const { connection, dial } = await opened();
  const seen = notes();
  connection.attach!(seen);
  dial.receiveControl("ping");
  dial.drop(3, 30);
  dial.end({ code: 1006 });
  dial.end({ code: 1000 });
  dial.receive("late");
  assertEquals([seen.frames.length, seen.drops, seen.ends.length], [1, [3], 1]);
  assertEquals((await connection.closed).code, 1006);

  const other = await opened();
  const silent = notes();
  other.connection.attach!(silent);
  other.connection.abandon();
  other.dial.receive("late");
  other.dial.drop(1, 1);
  other.dial.end();
  assertEquals([silent.frames, silent.drops, silent.ends], [[], [], []]);
  assertEquals([other.dial.abandoned, (await other.connection.closed).code], [true, 1006]);
});

test("MockDial records what is sent, and refuses frames once it is closing, over or abandoned", async () => {
  const { connection, dial } = await opened(new MockConnector({ answersClose: false }));
  connection.send({ type: "text", data: "a" });
  connection.send({ type: "ping", data: new Uint8Array(0) });
  assertEquals([dial.sent, dial.sentFrames.length], [["a"], 2]);
  connection.close(3_000, "enough");
  assertEquals(dial.closing, { code: 3_000, reason: "enough" });
  assertThrows(() => connection.send({ type: "text", data: "b" }), TransportError, "not open");
  dial.end({ code: 3_000 });
  assertEquals((await connection.closed).origin, "local");

  const answered = await opened();
  assertThrows(() => answered.connection.close(1_001), RangeError);
  answered.connection.close();
  assertEquals((await answered.connection.closed).code, 1_000);

  const let_go = await opened();
  let_go.connection.abandon();
  assertThrows(() => let_go.connection.send({ type: "text", data: "b" }), TransportError);
});

test("MockDial can also be read and written as streams", async () => {
  const { connection, dial } = await opened();
  const reader = connection.readable.getReader();
  dial.receive("one");
  assertEquals((await reader.read()).value, { type: "text", data: "one" });
  const writer = connection.writable.getWriter();
  await writer.write({ type: "text", data: "two" });
  assertEquals(dial.sent, ["two"]);
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

test("MockConnector refuses headers when it claims to have none", async () => {
  const connector = new MockConnector({ capabilities: { headers: false } });
  const handshake = handshakeOf({ url: "ws://venue/", headers: { "x-key": "1" } });
  const error = await assertRejects(() => connector.connect(handshake, { signal }), TransportError);
  assert(isTransportError(error, "unsupported"));
  assertEquals(connector.dials satisfies MockDial[], []);
});
