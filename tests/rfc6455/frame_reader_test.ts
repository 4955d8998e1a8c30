import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../src/contract/frame.ts";
import type { FrameExtension } from "../../src/rfc6455/extension.ts";
import { FrameReader, RUN_BYTES } from "../../src/rfc6455/frame_reader.ts";
import { Payload } from "../../src/rfc6455/payload.ts";
import { type TextCodec, webText } from "../../src/rfc6455/text_codec.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { test } from "../support/harness.ts";
import { frame, joined, OPCODE } from "../support/raw/frames.ts";
import { MAX_BYTES, READER_CASES } from "./reader_cases.ts";
import { readPieces } from "./reading.ts";

for (const { name, bytes, frames, failure } of READER_CASES) {
  test(name, () => {
    const codecs = [undefined, bufferText()];
    for (const text of codecs) {
      for (const batch of [true, false]) {
        const options = { maxMessageBytes: MAX_BYTES, batch, ...(text ? { text } : {}) };
        const reading = readPieces([bytes], options);
        assertEquals(reading.frames, frames);
        assertEquals(reading.failure?.code, failure);
      }
    }
  });
}

test("FrameReader with bareText puts out a text message as its string, and all else as before", () => {
  for (const { name, bytes, frames, failure } of READER_CASES) {
    for (const batch of [true, false]) {
      const reader = new FrameReader({ maxMessageBytes: MAX_BYTES, batch, bareText: true });
      const out: (Frame | string)[] = [];
      reader.read(new Uint8Array(bytes), out, Number.MAX_SAFE_INTEGER);
      const bare = frames.map((each) => each.type === "text" ? each.data : each);
      assertEquals(out, bare, name);
      assertEquals(reader.failure?.code, failure, name);
    }
  }
});

test("FrameReader decodes a long text message that lies in the chunk without a copy of it", () => {
  const seen: ArrayBuffer[] = [];
  const text: TextCodec = {
    ...webText(),
    utf8(bytes, start, end) {
      seen.push(bytes.buffer);
      return webText().utf8(bytes, start, end);
    },
  };
  const chunk = new Uint8Array(frame(OPCODE.text, "x".repeat(70_000)));
  const out: Frame[] = [];
  new FrameReader({ maxMessageBytes: 100_000, text }).read(chunk, out, 10);
  assertEquals(out, [{ type: "text", data: "x".repeat(70_000) }]);
  assert(seen.length === 1 && seen[0] === chunk.buffer);
});

test("Payload gives its memory away when it is full, and copies a part of it", () => {
  const bytes = new Uint8Array(70_000).map((_, i) => i);
  const payload = new Payload();
  for (const expected of [65_536, 60_000]) {
    // The announced length is what its memory is made for.
    payload.append(bytes, 0, 10_000, expected);
    payload.append(bytes, 10_000, expected, expected - 10_000);
    const memory = payload.bytes;
    const taken = payload.take();
    assert(taken.buffer === memory.buffer && taken.length === expected);
    assertEquals(taken, bytes.subarray(0, expected));
    payload.append(bytes, 5, 9, 4);
    assertEquals(payload.take(), bytes.slice(5, 9));
    assertEquals(taken, bytes.subarray(0, expected));
  }
  payload.append(bytes, 0, 10_000, 20_000);
  const memory = payload.bytes;
  const taken = payload.take();
  assert(taken.buffer !== memory.buffer && taken.buffer.byteLength === 10_000);
});

test("FrameReader stops at the budget and goes on from there", () => {
  const bytes = joined([
    ...["a", "b", "c", "d", "e"].map((s) => frame(OPCODE.text, s)),
    frame(OPCODE.ping),
    frame(OPCODE.text, "f"),
  ]);
  for (let budget = 1; budget <= 8; budget++) {
    const { frames } = readPieces([bytes], { maxMessageBytes: 10 }, budget);
    assertEquals(frames.length, 7);
  }
});

test("FrameReader decodes a run of ASCII text in one call, bounded, and each text alone without batch", () => {
  const bytes = joined(
    Array.from({ length: 100 }, (_, i) => frame(OPCODE.text, `${i}`.repeat(60))),
  );
  const codec = bufferText();
  for (const batch of [true, false]) {
    const calls = { ascii: [] as number[], utf8: 0 };
    const text = {
      ...codec,
      ascii(bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
        calls.ascii.push(end - start);
        return codec.ascii(bytes, start, end);
      },
      utf8(bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
        calls.utf8++;
        return codec.utf8(bytes, start, end);
      },
    };
    const { frames } = readPieces([bytes], { maxMessageBytes: 1_000, batch, text });
    assertEquals(frames.length, 100);
    if (batch) {
      assert(calls.utf8 <= 1 && calls.ascii.length <= 4, JSON.stringify(calls));
      assert(Math.max(...calls.ascii) <= RUN_BYTES);
    } else assertEquals([calls.utf8, calls.ascii.length], [100, 0]);
  }
});

test("FrameReader takes no memory for a length that is only announced", () => {
  const reader = new FrameReader({ maxMessageBytes: Number.MAX_SAFE_INTEGER });
  const head = frame(OPCODE.binary, "", { claimedBytes: 2 ** 40 });
  const out: Frame[] = [];
  // An allocation of a terabyte throws a RangeError on every runtime.
  reader.read(new Uint8Array(joined([head, new Uint8Array(100)])), out, 10);
  assertEquals([out.length, reader.failure], [0, undefined]);
});

test("FrameReader copies binary payloads out of the chunk", () => {
  const reader = new FrameReader({ maxMessageBytes: 100 });
  const chunk = new Uint8Array(frame(OPCODE.binary, new Uint8Array([1, 2, 3])));
  const out: Frame[] = [];
  reader.read(chunk, out, 10);
  chunk.fill(9);
  const [first] = out;
  assert(first?.type === "binary");
  assertEquals(first.data, new Uint8Array([1, 2, 3]));
  assertEquals(first.data.buffer.byteLength, 3); // and nothing but itself is kept alive
});

/** Turns every bit over and claims the first reserved bit. */
const flip: FrameExtension = {
  rsv: 0x40,
  decode(_rsv, payload, maxBytes) {
    if (payload.length > maxBytes) return "too_big";
    if (payload[0] === 0) return "invalid";
    return payload.map((byte) => byte ^ 0xff);
  },
  encode: (payload) => ({ rsv: 0x40, payload: payload.map((byte) => byte ^ 0xff) }),
};

test("FrameReader gives a message with a claimed bit to the extension, others not", () => {
  const flipped = (s: string) => new TextEncoder().encode(s).map((byte) => byte ^ 0xff);
  const bytes = joined([
    frame(OPCODE.text, flipped("ab"), { rsv: 4, fin: false }),
    frame(OPCODE.ping),
    frame(OPCODE.continuation, flipped("c")),
    frame(OPCODE.text, "plain"),
    frame(OPCODE.binary, new Uint8Array([0xfe]), { rsv: 4 }),
  ]);
  const { frames, failure } = readPieces([bytes], { maxMessageBytes: 100, extension: flip });
  assertEquals(failure, undefined);
  assertEquals(frames, [
    { type: "ping", data: new Uint8Array(0) },
    { type: "text", data: "abc" },
    { type: "text", data: "plain" },
    { type: "binary", data: new Uint8Array([1]) },
  ]);
});

test("FrameReader fails when the extension cannot read a message", () => {
  const bytes = frame(OPCODE.binary, new Uint8Array([0, 1]), { rsv: 4 });
  const reading = readPieces([bytes], { maxMessageBytes: 100, extension: flip });
  assertEquals(reading.failure?.code, 1002);
});

test("FrameReader refuses a claimed bit on a control frame and on a continuation", () => {
  for (const opcode of [OPCODE.ping, OPCODE.continuation]) {
    const bytes = joined([
      frame(OPCODE.text, "a", { fin: false }),
      frame(opcode, "", { rsv: 4 }),
    ]);
    const reading = readPieces([bytes], { maxMessageBytes: 100, extension: flip });
    assertEquals(reading.failure?.code, 1002);
  }
});
