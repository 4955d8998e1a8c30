import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { FrameSink, SessionEnd, WsConnection } from "../../src/contract/connection.ts";
import { TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";
import { closeFrame, frame, joined, OPCODE } from "../support/raw/frames.ts";
import { type MockLink, MockTcp, settled } from "./mock_transport.ts";

const { text, ping, pong, close } = OPCODE;
const utf8 = (s: string) => new TextEncoder().encode(s);

/** A sink that notes everything. */
class Notes implements FrameSink {
  readonly frames: Frame[] = [];
  readonly ends: SessionEnd[] = [];
  onFrame: (frame: Frame) => void = () => {};

  frame(one: Frame): void {
    this.frames.push(one);
    this.onFrame(one);
  }
  dropped(): void {
    throw new Error("this leaf drops nothing");
  }
  end(end: SessionEnd): void {
    this.ends.push(end);
  }
  get texts(): string[] {
    return this.frames.flatMap((one) => one.type === "text" ? [one.data] : []);
  }
}

async function openWithNotes(tcp: MockTcp = new MockTcp()) {
  const opened = await tcp.open();
  const notes = new Notes();
  opened.session.attach!(notes);
  return { tcp, notes, ...opened };
}

const closeCode = (payload: Uint8Array) => (payload[0]! << 8) | payload[1]!;

test("TcpSession keeps the frames that came with the answer until somebody attaches", async () => {
  const extra = joined([frame(text, "a"), frame(text, "b")]);
  const { link, session } = await new MockTcp().open(extra);
  link.receive(frame(text, "c"));
  const notes = new Notes();
  session.attach!(notes);
  link.receive(frame(text, "d"));
  assertEquals(notes.texts, ["a", "b", "c", "d"]);
});

test("TcpSession gives a sink that takes bare text its strings, in order with all other frames", async () => {
  const { link, session } = await new MockTcp().open(frame(text, "early"));
  const seen: unknown[] = [];
  session.attach!({
    frame: (one) => seen.push(one.type === "text" ? one : one.type),
    text: (data) => seen.push(data),
    dropped() {},
    end() {},
  });
  link.receive(joined([frame(text, "a"), frame(ping), frame(text, "b"), frame(OPCODE.binary)]));
  assertEquals(seen, [{ type: "text", data: "early" }, "a", "ping", "b", "binary"]);
});

test("TcpSession ends when a sink's text throws, as when its frame does", async () => {
  const { link, session } = await new MockTcp().open();
  const ends: SessionEnd[] = [];
  session.attach!({
    frame() {},
    text() {
      throw new Error("sink");
    },
    dropped() {},
    end: (end) => ends.push(end),
  });
  link.receive(frame(text, "a"));
  assertEquals(ends.map(({ code, origin }) => [code, origin]), [[1006, "local"]]);
  assert(link.destroyed);
});

test("TcpSession writes a burst of sends in pieces of a slab, each at once", async () => {
  const { link, session } = await openWithNotes();
  for (let i = 0; i < 1_500; i++) session.send({ type: "text", data: "x".repeat(200) });
  const before = link.writes.map(({ length }) => length);
  assertEquals(before.every((bytes) => bytes >= 57_344 && bytes <= 65_536), true, `${before}`);
  assertEquals(before.length, 5);
  await settled();
  assertEquals(link.frames().length, 1_500);
});

test("TcpSession answers a ping with the same payload before it delivers any frame of the read", async () => {
  const { link, notes } = await openWithNotes();
  const answered: number[] = [];
  notes.onFrame = () => answered.push(link.writes.length);
  link.receive(joined([frame(text, "a"), frame(ping, utf8("p1")), frame(text, "b")]));
  assertEquals(answered, [1, 1, 1]);
  assertEquals(link.frames(), [{ opcode: pong, payload: utf8("p1") }]);
  assertEquals(notes.frames.map(({ type }) => type), ["text", "ping", "text"]);
});

test("TcpSession answers every ping while the socket takes bytes, else only the latest", async () => {
  const { link } = await openWithNotes();
  link.receive(joined([frame(ping, utf8("1")), frame(ping, utf8("2"))]));
  assertEquals(link.frames().map(({ payload }) => payload), [utf8("1"), utf8("2")]);
  link.bufferedBytes = 1_000_000;
  for (let i = 0; i < 50; i++) link.receive(frame(ping, utf8(`p${i}`)));
  assertEquals(link.writes.length, 0);
  link.drain();
  assertEquals(link.frames(), [{ opcode: pong, payload: utf8("p49") }]);
  link.drain();
  assertEquals(link.writes.length, 0);
});

test("TcpSession does not answer a pong", async () => {
  const { link, notes } = await openWithNotes();
  link.receive(frame(pong, utf8("x")));
  assertEquals([link.writes.length, notes.frames.length], [0, 1]);
});

test("TcpSession answers pings after its own Close and not after the server's", async () => {
  const { link, session } = await openWithNotes();
  session.close();
  link.receive(frame(ping, utf8("a")));
  assertEquals(link.frames().map(({ opcode }) => opcode), [close, pong]);
  link.receive(joined([closeFrame(1000), frame(ping, utf8("b"))]));
  link.receive(frame(ping, utf8("c")));
  link.drain();
  assertEquals(link.writes.length, 0);
});

test("TcpSession answers a Close with its code, and ends when the server ends the connection", async () => {
  const { tcp, link, notes, session } = await openWithNotes();
  link.receive(joined([frame(text, "last"), closeFrame(1012, "restart")]));
  const [answer, ...more] = link.frames();
  assertEquals([answer!.opcode, closeCode(answer!.payload), more.length], [close, 1012, 0]);
  assertEquals([notes.texts, notes.ends], [["last"], []]);
  assertThrows(() => session.send({ type: "text", data: "x" }), TransportError);
  link.over();
  const end: SessionEnd = { code: 1012, reason: "restart", clean: true, origin: "server" };
  assertEquals(notes.ends, [end]);
  assertEquals(await session.closed, end);
  assert(link.destroyed);
  assertEquals(tcp.clock.timers, 0);
});

test("TcpSession answers a Close without a code by one without a code", async () => {
  const { link, notes } = await openWithNotes();
  link.receive(closeFrame());
  assertEquals(link.frames(), [{ opcode: close, payload: new Uint8Array(0) }]);
  link.over();
  assertEquals(notes.ends.map(({ code }) => code), [1005]);
});

test("TcpSession cuts off a server that closes and does not end the connection", async () => {
  const { tcp, link, notes } = await openWithNotes();
  link.receive(closeFrame(1001));
  tcp.clock.advance(499);
  assertEquals([link.destroyed, notes.ends.length], [false, 0]);
  tcp.clock.advance(1);
  assertEquals([link.destroyed, notes.ends.map(({ code }) => code)], [true, [1001]]);
});

test("TcpSession sends one Close, no data after it, and ends with the server's answer", async () => {
  const { link, notes, session } = await openWithNotes();
  session.send({ type: "text", data: "before" });
  session.close(4001, "bye €");
  session.close(1000);
  assertThrows(() => session.send({ type: "text", data: "after" }), TransportError);
  const frames = link.frames();
  assertEquals(frames.map(({ opcode }) => opcode), [text, close]);
  assertEquals(
    frames[1]!.payload,
    joined([new Uint8Array([4001 >> 8, 4001 & 255]), utf8("bye €")]),
  );
  link.receive(joined([frame(text, "late"), closeFrame(4001, "bye €")]));
  assertEquals(notes.texts, ["late"]);
  assertEquals(link.writes.length, 0);
  link.over();
  assertEquals(notes.ends, [{ code: 4001, reason: "bye €", clean: true, origin: "local" }]);
});

test("TcpSession refuses to close with codes that are not an application's", async () => {
  const { link, session } = await openWithNotes();
  for (const code of [1001, 1002, 1005, 1006, 2999, 5000, NaN]) {
    assertThrows(() => session.close(code), RangeError);
  }
  assertThrows(() => session.close(1000, "€".repeat(42)), RangeError);
  assertEquals(link.writes.length, 0);
});

test("TcpSession fails the connection when the server breaks a rule, and reads nothing more", async () => {
  for (
    const [bytes, code] of [
      [frame(3), 1002],
      [frame(text, new Uint8Array([0xff])), 1007],
      [frame(text, "x".repeat(101)), 1009],
    ] as const
  ) {
    const opened = await openWithNotes(new MockTcp({ maxMessageBytes: 100 }));
    const { tcp, link, notes, session } = opened;
    link.receive(joined([frame(text, "good"), bytes]));
    const [sent] = link.frames();
    assertEquals([sent!.opcode, closeCode(sent!.payload)], [close, code]);
    assert(link.halfClosed && !link.destroyed);
    link.receive(joined([frame(text, "ignored"), frame(ping, "ignored")]));
    assertEquals(link.writes.length, 0);
    tcp.clock.advance(500);
    assert(link.destroyed);
    assertEquals(notes.texts, ["good"]);
    const end = await session.closed;
    assertEquals([end.code, end.clean, end.origin], [code, false, "protocol"]);
    assertEquals(notes.ends, [end]);
  }
});

test("TcpSession sends no second Close when the server breaks a rule after the first", async () => {
  const { link, session } = await openWithNotes();
  session.close(4000);
  link.receive(frame(3));
  assertEquals(link.frames().map(({ payload }) => closeCode(payload)), [4000]);
  link.over();
  assertEquals((await session.closed).code, 1002);
});

test("TcpSession ends with 1006 when the connection ends without a Close", async () => {
  for (const closing of [false, true]) {
    const { tcp, link, notes, session } = await openWithNotes();
    if (closing) session.close();
    link.over(new Error("ECONNRESET"));
    const end: SessionEnd = { code: 1006, reason: "", clean: false, origin: "network" };
    assertEquals([notes.ends, await session.closed], [[end], end]);
    assertEquals([link.destroyed, tcp.clock.timers], [true, 0]);
    session.close();
    session.abandon();
    assertThrows(() => session.send({ type: "text", data: "x" }), TransportError);
  }
});

test("TcpSession.abandon() destroys the socket and delivers nothing more, from within a frame too", async () => {
  const { tcp, link, notes, session } = await openWithNotes();
  notes.onFrame = () => session.abandon();
  link.receive(joined([frame(text, "a"), frame(text, "b"), closeFrame(1000)]));
  assertEquals([notes.texts, notes.ends, link.destroyed], [["a"], [], true]);
  assertEquals((await session.closed).origin, "local");
  assertEquals([tcp.clock.timers, session.bufferedAmount], [0, 0]);
});

test("TcpSession pauses after 1,024 frames until the next macrotask and keeps the order", async () => {
  const { tcp, link, notes } = await openWithNotes();
  const numbered = (from: number, to: number) =>
    joined(Array.from({ length: to - from }, (_, i) => frame(text, `${from + i}`)));
  link.receive(numbered(0, 1_500));
  assertEquals([notes.frames.length, link.paused], [1_024, true]);
  link.receive(numbered(1_500, 3_000)); // in memory when the pause began
  assertEquals(notes.frames.length, 1_024);
  tcp.clock.nextTurn();
  assertEquals([notes.frames.length, link.paused], [2_048, true]);
  tcp.clock.nextTurn();
  assertEquals([notes.frames.length, link.paused], [3_000, false]);
  assertEquals(notes.texts, Array.from({ length: 3_000 }, (_, i) => `${i}`));
  tcp.clock.nextTurn();
  assertEquals(tcp.clock.turns, 0);
});

test("TcpSession pauses after exactly 1,024 frames, too, however many reads brought them", async () => {
  const { tcp, link } = await openWithNotes();
  for (let i = 0; i < 4; i++) {
    assertEquals(link.paused, false);
    link.receive(joined(Array.from({ length: 256 }, () => frame(text, "x"))));
  }
  assertEquals(link.paused, true);
  tcp.clock.nextTurn();
  assertEquals(link.paused, false);
});

test("TcpSession asks for no macrotask at a low rate", async () => {
  const { tcp, link } = await openWithNotes();
  for (let i = 0; i < 60; i++) link.receive(frame(text, "tick"));
  assertEquals(tcp.clock.turns, 0);
});

test("TcpSession delivers what it held before it tells that the connection ended", async () => {
  const { tcp, link, notes } = await openWithNotes();
  link.receive(joined(Array.from({ length: 3_000 }, () => frame(text, "x"))));
  link.over();
  assertEquals([notes.frames.length, notes.ends.length], [1_024, 0]);
  for (let i = 0; i < 3; i++) tcp.clock.nextTurn();
  assertEquals([notes.frames.length, notes.ends.length], [3_000, 1]);
});

test("TcpSession ends when a sink throws, and the platform never sees it", async () => {
  const { link, notes, session } = await openWithNotes();
  notes.onFrame = () => {
    throw new Error("a broken sink");
  };
  link.receive(joined([frame(text, "a"), frame(text, "b")]));
  assertEquals([notes.texts, link.destroyed], [["a"], true]);
  assertEquals((await session.closed).origin, "local");
  assertEquals(notes.ends.length, 1);
});

test("TcpSession writes all frames of one tick at once", async () => {
  const { link, session } = await openWithNotes();
  for (let i = 0; i < 20; i++) session.send({ type: "text", data: `m${i}` });
  session.send({ type: "ping", data: new Uint8Array(2) });
  session.send({ type: "pong", data: new Uint8Array(0) });
  assertEquals(link.writes.length, 0);
  assert(session.bufferedAmount > 0);
  await settled();
  assertEquals([link.writes.length, session.bufferedAmount], [1, 0]);
  assertEquals(link.frames().length, 22);
  for (let i = 0; i < 1_000; i++) session.send({ type: "text", data: "y".repeat(200) });
  assert(link.writes.length >= 2, "a long burst waited for the end of the tick");
});

test("TcpSession refuses payloads that cannot be sent, and stays open", async () => {
  const { link, session } = await openWithNotes();
  const bad = [
    { type: "text", data: 5 },
    { type: "binary", data: "text" },
    { type: "binary", data: new Uint8Array(new SharedArrayBuffer(4)) },
    { type: "blob", data: "" },
  ] as unknown as Frame[];
  for (const one of bad) assertThrows(() => session.send(one), TypeError);
  assertThrows(() => session.send({ type: "ping", data: new Uint8Array(126) }), RangeError);
  session.send({ type: "binary", data: new Uint8Array([1]) });
  await settled();
  assertEquals(link.frames(), [{ opcode: OPCODE.binary, payload: new Uint8Array([1]) }]);
});

test("TcpSession gives the recv half to one taker", async () => {
  const { session } = await openWithNotes();
  assertThrows(() => session.attach!(new Notes()), TypeError);
  assertThrows(() => session.readable, TypeError);
  const { session: other } = await new MockTcp().open();
  assert(other.readable === other.readable);
  assertThrows(() => other.attach!(new Notes()), TypeError);
});

async function readAll(session: WsConnection): Promise<Frame[]> {
  const frames: Frame[] = [];
  const reader = session.readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    frames.push(next.value);
  }
  return frames;
}

test("TcpSession.readable gives all frames and ends with the session, never with an error", async () => {
  const { link, session } = await new MockTcp().open(frame(text, "early"));
  const all = readAll(session);
  link.receive(joined([frame(text, "a"), frame(ping, "")]));
  link.over(new Error("ECONNRESET"));
  assertEquals((await all).map(({ type }) => type), ["text", "text", "ping"]);
});

test("TcpSession stops reading when nobody takes 4,096 frames, and goes on when somebody does", async () => {
  const burst = joined(Array.from({ length: 1_024 }, () => frame(text, "x")));
  const take = async (tcp: MockTcp, link: MockLink, start: () => Promise<Frame[]>) => {
    let sent = 0;
    for (; sent < 20 && !(link.paused && tcp.clock.turns === 0); sent++) {
      link.receive(burst);
      tcp.clock.nextTurn();
    }
    assertEquals([sent, link.paused], [4, true]);
    const all = start();
    for (let i = 0; i < 300 && link.paused; i++) {
      await settled();
      tcp.clock.nextTurn();
    }
    assertEquals(link.paused, false);
    link.over();
    assertEquals((await all).length, 4 * 1_024);
  };
  const kept = new MockTcp();
  const a = await kept.open();
  await take(kept, a.link, () => readAll(a.session));
  const streamed = new MockTcp();
  const b = await streamed.open();
  assert(b.session.readable);
  await settled();
  await take(streamed, b.link, () => readAll(b.session));
});

test("TcpSession closes when its readable is cancelled", async () => {
  const { link, session } = await new MockTcp().open();
  await session.readable.cancel();
  assertEquals(link.frames().map(({ opcode }) => opcode), [close]);
  link.receive(joined([frame(text, "unheard"), closeFrame(1000)]));
  link.over();
  assertEquals((await session.closed).clean, true);
});

test("TcpSession.abandon() ends a readable", async () => {
  const { session } = await new MockTcp().open(frame(text, "a"));
  const all = readAll(session);
  await settled();
  session.abandon();
  assertEquals((await all).length, 1);
});

test("TcpSession.writable waits while more than 1 MiB is unsent", async () => {
  const { link, session } = await openWithNotes();
  const writer = session.writable.getWriter();
  await writer.write({ type: "text", data: "a" });
  link.bufferedBytes = 2_000_000;
  let written = false;
  const second = writer.write({ type: "text", data: "b" }).then(() => written = true);
  await settled();
  assertEquals(written, false);
  link.drain();
  await second;
  const closing = writer.close();
  await settled();
  link.receive(closeFrame(1000));
  link.over();
  await closing;
  assertEquals(link.frames().map(({ opcode }) => opcode), [text, text, close]);
});

test("TcpSession.writable errors when the session has ended, and abandons when aborted", async () => {
  const { link, session } = await openWithNotes();
  const writer = session.writable.getWriter();
  link.over();
  await assertRejects(() => writer.write({ type: "text", data: "a" }), TransportError);
  const { link: other, session: aborted } = await openWithNotes();
  await aborted.writable.abort();
  assert(other.destroyed);
});
