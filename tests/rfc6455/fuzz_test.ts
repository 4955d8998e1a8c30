import { assert, assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { damaged } from "./damaged.ts";
import { cut, randomCuts, readPieces, seeded } from "./reading.ts";

test("FrameReader survives damaged streams and gives the same however they are cut", () => {
  const outcomes = new Map<number | undefined, number>();
  for (let seed = 1; seed <= 4_000; seed++) {
    const random = seeded(seed);
    const bytes = damaged(random);
    const options = { maxMessageBytes: 200 };
    const whole = readPieces([bytes], options);
    const pieces = cut(bytes, randomCuts(random, bytes.length));
    const other = { ...options, batch: false, text: bufferText() };
    assertEquals(readPieces(pieces, other, 1 + random(4)), whole, `seed ${seed}`);
    for (const frame of whole.frames) {
      if (frame.type === "text") assert(frame.data.isWellFormed(), `seed ${seed}`);
      if (frame.type === "binary") assert(frame.data.length <= 200, `seed ${seed}`);
    }
    outcomes.set(whole.failure?.code, (outcomes.get(whole.failure?.code) ?? 0) + 1);
  }
  // A generator that only ever breaks the first byte would prove nothing.
  for (const outcome of [undefined, 1002, 1007, 1009]) {
    assert((outcomes.get(outcome) ?? 0) > 20, `outcome ${outcome} is rare`);
  }
});
