import { assert, assertEquals, assertThrows } from "@std/assert";
import { FrameWriter, type FrameWriterOptions } from "../../src/rfc6455/frame_writer.ts";
import { maskInPlace } from "../../src/rfc6455/mask.ts";
import { webText } from "../../src/rfc6455/text_codec.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { test } from "../support/harness.ts";
import { joined, OPCODE } from "../support/raw/frames.ts";
import { seeded } from "./reading.ts";

/** A frame as a server would see it. */
interface Seen {
  readonly first: number;
  readonly masked: boolean;
  readonly lengthBytes: number;
  readonly key: string;
  readonly payload: Uint8Array;
}

/** The plainest reader of client frames: not the one of the library. */
function framesOf(bytes: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at < bytes.length) {
    const first = view.getUint8(at);
    const second = view.getUint8(at + 1);
    const short = second & 0x7f;
    const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
    const length = lengthBytes === 0
      ? short
      : lengthBytes === 2
      ? view.getUint16(at + 2)
      : Number(view.getBigUint64(at + 2));
    const key = bytes.slice(at + 2 + lengthBytes, at + 6 + lengthBytes);
    const start = at + 6 + lengthBytes;
    const payload = bytes.slice(start, start + length).map((byte, i) => byte ^ key[i % 4]!);
    seen.push({ first, masked: second >= 128, lengthBytes, key: key.join(), payload });
    at = start + length;
  }
  return seen;
}

const realRandom = (into: Uint8Array<ArrayBuffer>) => void crypto.getRandomValues(into);

function written(
  write: (writer: FrameWriter) => void,
  options: Partial<FrameWriterOptions> = {},
): Seen[] {
  const writer = new FrameWriter({ random: realRandom, ...options });
  write(writer);
  return framesOf(joined(writer.take()));
}

const utf8 = (text: string) => new TextEncoder().encode(text);

test("FrameWriter masks every frame with a key of its own", () => {
  const frames = written((writer) => {
    for (let i = 0; i < 5_000; i++) writer.text("same");
    writer.binary(new Uint8Array(3));
    writer.control("ping", new Uint8Array(1));
    writer.close(1000, "");
  });
  assert(frames.every(({ masked }) => masked));
  // 5,003 draws of 2^32: two alike are to be expected in 0.3 % of runs, three pairs never.
  assert(new Set(frames.map(({ key }) => key)).size >= 5_000);
});

test("FrameWriter draws its keys from the randomness it was given", () => {
  const next = seeded(7);
  const drawn: number[] = [];
  const frames = written((writer) => {
    for (let i = 0; i < 3; i++) writer.text("x");
  }, {
    random: (into) => {
      for (let i = 0; i < into.length; i++) drawn.push(into[i] = next(256));
    },
  });
  assertEquals(frames.map(({ key }) => key), [0, 4, 8].map((at) => drawn.slice(at, at + 4).join()));
});

test("FrameWriter writes lengths in the fewest bytes", () => {
  for (const [length, lengthBytes] of [[0, 0], [125, 0], [126, 2], [65_535, 2], [65_536, 8]]) {
    const frames = written((writer) => {
      writer.text("t".repeat(length!));
      writer.binary(new Uint8Array(length!).fill(5));
    });
    assertEquals(frames.map((each) => each.lengthBytes), [lengthBytes, lengthBytes]);
    assertEquals(frames[0]!.payload, utf8("t".repeat(length!)));
    assertEquals(frames[1]!.payload, new Uint8Array(length!).fill(5));
  }
});

test("FrameWriter writes one final frame per message, reserved bits clear", () => {
  const frames = written((writer) => {
    writer.text("t");
    writer.binary(new Uint8Array(70_000));
    writer.control("ping", new Uint8Array(125));
    writer.control("pong", new Uint8Array(0));
    writer.close(4000, "bye");
  });
  assertEquals(frames.map(({ first }) => first), [0x81, 0x82, 0x89, 0x8a, 0x88]);
});

test("FrameWriter writes any text as UTF-8, whatever its length", () => {
  const random = seeded(3);
  const letters = ["a", "é", "€", "\u{1f680}", "\ud800"];
  const texts = Array.from({ length: 400 }, (_, i) => {
    const mix = 1 + random(letters.length);
    return Array.from(
      { length: i % 7 === 0 ? random(30_000) : random(200) },
      () => letters[random(mix)],
    ).join("");
  });
  texts.push("é".repeat(62), "é".repeat(63), "€".repeat(21_845), "€".repeat(21_846));
  for (const text of [webText(), bufferText()]) {
    const frames = written((writer) => texts.forEach((each) => writer.text(each)), { text });
    assertEquals(frames.length, texts.length);
    frames.forEach(({ payload, first }, i) => {
      assertEquals(first, 0x81);
      assertEquals(payload, utf8(texts[i]!.toWellFormed()), `text ${i}`);
    });
  }
});

test("FrameWriter refuses control payloads over 125 bytes and codes that may not be sent", () => {
  const writer = new FrameWriter({ random: realRandom });
  assertThrows(() => writer.control("ping", new Uint8Array(126)), RangeError);
  assertThrows(() => writer.close(1000, "€".repeat(42)), RangeError);
  for (const code of [0, 999, 1004, 1006, 1015, 2999, 5000]) {
    assertThrows(() => writer.close(code, ""), RangeError);
  }
  assertEquals(writer.pendingBytes, 0);
});

test("FrameWriter writes a close frame with code and reason, and an empty one for 1005", () => {
  const [first, second] = written((writer) => {
    writer.close(1000, "b€e");
    writer.close(1005, "");
  });
  assertEquals(first!.payload, new Uint8Array([3, 0xe8, ...utf8("b€e")]));
  assertEquals(second!.payload.length, 0);
  assertEquals(first!.first & 0x0f, OPCODE.close);
});

test("FrameWriter never touches bytes again that were taken", () => {
  const writer = new FrameWriter({ random: realRandom });
  const taken: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  for (let i = 0; i < 300; i++) {
    for (let n = 0; n <= i % 5; n++) writer.text(`message ${i} ${"x".repeat(i * 7)}`);
    const pending = writer.pendingBytes;
    const chunks = writer.take();
    assertEquals(chunks.reduce((sum, chunk) => sum + chunk.length, 0), pending);
    taken.push(...chunks);
    copies.push(...chunks.map((chunk) => chunk.slice()));
  }
  assertEquals(joined(taken), joined(copies));
  assertEquals(framesOf(joined(taken)).length, 900);
});

test("FrameWriter gives a burst in pieces of one slab, and a small frame no slab of its own", () => {
  const writer = new FrameWriter({ random: realRandom });
  const pieces: number[] = [];
  for (let i = 0; i < 5_000; i++) {
    writer.text("x".repeat(200));
    if (writer.pendingBytes >= 57_344) pieces.push(writer.take().length);
  }
  // The first ones come from slabs that grow.
  assertEquals(pieces.slice(4), pieces.slice(4).fill(1));
  assert(pieces.length >= 15);
  const slabs = new Set<ArrayBuffer>();
  for (let i = 0; i < 1_000; i++) {
    writer.control("pong", new Uint8Array(4));
    for (const { buffer } of writer.take()) slabs.add(buffer);
  }
  assertEquals(slabs.size, 1);
});

test("FrameWriter lays long messages side by side, three of 16 KiB in a slab", () => {
  const writer = new FrameWriter({ random: realRandom });
  const slabs = new Set<ArrayBuffer>();
  for (let i = 0; i < 60; i++) {
    writer.text("x".repeat(16_384));
    // The first ones come from slabs that grow.
    for (const { buffer } of writer.take()) if (i >= 30) slabs.add(buffer);
  }
  assert(slabs.size <= 11, `${slabs.size} slabs for 30 messages`);
});

test("FrameWriter writes text whole that reaches the end of its slab and is not ASCII", () => {
  for (const text of [webText(), bufferText()]) {
    for (const letter of ["é", "€", "\u{1f680}", "\ud800", "a€"]) {
      for (let before = 0; before < 24; before++) {
        const long = letter.repeat(1_100);
        const frames = written((writer) => {
          writer.text("b".repeat(100 + before));
          writer.text(long);
          writer.text("a".repeat(100));
        }, { text });
        assertEquals(frames.map(({ payload }) => payload), [
          utf8("b".repeat(100 + before)),
          utf8(long.toWellFormed()),
          utf8("a".repeat(100)),
        ]);
      }
    }
  }
});

test("FrameWriter uses the memory of taken bytes again when told that it may, not before", () => {
  const writer = new FrameWriter({ random: realRandom });
  writer.text("first");
  const [first] = writer.take();
  const copy = first!.slice();
  writer.text("second");
  writer.reuse();
  const [second] = writer.take();
  assertEquals(first, copy);
  assertEquals(framesOf(second!)[0]!.payload, utf8("second"));
  assert(second!.byteOffset >= first!.byteOffset + first!.length);
  writer.reuse();
  writer.text("third");
  const [third] = writer.take();
  assertEquals([third!.buffer === first!.buffer, third!.byteOffset], [true, 0]);
});

test("FrameWriter does not keep the memory of a very long message for the next", () => {
  const writer = new FrameWriter({ random: realRandom });
  writer.binary(new Uint8Array(1_000_000));
  writer.take();
  writer.reuse();
  writer.text("short");
  const [short] = writer.take();
  assert(short!.buffer.byteLength <= 65_536);
});

test("FrameWriter gives every message to the extension, control frames not", () => {
  const writer = new FrameWriter({
    random: realRandom,
    extension: {
      rsv: 0x40,
      decode: (_rsv, payload) => payload,
      encode: (payload) => ({ rsv: 0x40, payload: payload.map((byte) => byte ^ 0xff) }),
    },
  });
  writer.text("ab");
  writer.control("ping", utf8("ab"));
  const [text, ping] = framesOf(joined(writer.take()));
  assertEquals([text!.first, ping!.first], [0xc1, 0x89]);
  assertEquals([text!.payload, ping!.payload], [utf8("ab").map((byte) => byte ^ 0xff), utf8("ab")]);
});

test("maskInPlace() masks as section 5.3 says at every offset and length", () => {
  const random = seeded(11);
  for (let offset = 0; offset < 8; offset++) {
    for (let length = 0; length < 70; length++) {
      const bytes = new Uint8Array(96).map(() => random(256));
      const start = 4 + offset;
      const expected = bytes.map((byte, i) =>
        i >= start && i < start + length ? byte ^ bytes[start - 4 + (i - start) % 4]! : byte
      );
      maskInPlace(bytes, new Int32Array(bytes.buffer), start, start + length);
      assertEquals(bytes, expected, `offset ${offset}, length ${length}`);
    }
  }
});
