import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { joined } from "../support/raw/frames.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { MAX_BYTES, READER_CASES } from "./reader_cases.ts";
import { cut, randomCuts, readPieces, seeded } from "./reading.ts";

const options = { maxMessageBytes: MAX_BYTES, text: bufferText() };

test("FrameReader gives the same frames or failure wherever the stream is cut in two", () => {
  for (const { name, bytes } of READER_CASES) {
    const whole = readPieces([bytes], options);
    // Long streams are cut around their ends and now and then in between: their payloads are all alike.
    const step = (at: number) =>
      bytes.length < 2_000 || at < 40 || at > bytes.length - 40 ? 1 : 7_919;
    for (let at = 0; at <= bytes.length; at += step(at)) {
      assertEquals(readPieces(cut(bytes, [at]), options), whole, `${name}, cut at ${at}`);
    }
  }
});

test("FrameReader gives the same frames or failure byte by byte", () => {
  for (const { name, bytes } of READER_CASES) {
    if (bytes.length > 10_000) continue;
    const positions = Array.from({ length: bytes.length }, (_, i) => i);
    assertEquals(readPieces(cut(bytes, positions), options), readPieces([bytes], options), name);
  }
});

test("FrameReader gives the same for random streams, cuts and budgets", () => {
  const good = READER_CASES.filter(({ failure, frames }) =>
    failure === undefined && frames.every(({ type }) => type !== "close")
  );
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const parts = Array.from({ length: 12 }, () => good[random(good.length)]!);
    const last = READER_CASES[random(READER_CASES.length)]!;
    const bytes = joined([...parts, last].map((each) => each.bytes));
    const expected = [...parts, last].flatMap((each) => [...each.frames]);
    for (const batch of [true, false]) {
      const pieces = cut(bytes, randomCuts(random, bytes.length));
      const reading = readPieces(pieces, { ...options, batch }, 1 + random(9));
      assertEquals(reading.frames, expected, `seed ${seed}`);
      assertEquals(reading.failure?.code, last.failure, `seed ${seed}`);
    }
  }
});
