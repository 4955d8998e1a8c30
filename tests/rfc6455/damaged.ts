/**
 * Random byte streams that are nearly frames.
 *
 * @module
 */
import { joined } from "../support/raw/frames.ts";
import { READER_CASES } from "./reader_cases.ts";

const short = READER_CASES.filter(({ bytes }) => bytes.length < 400);

/** Frames of the table with bytes changed, dropped and repeated, or nothing but noise. */
export function damaged(random: (below: number) => number): Uint8Array {
  if (random(5) === 0) return new Uint8Array(random(600)).map(() => random(256));
  const parts = Array.from({ length: 1 + random(6) }, () => short[random(short.length)]!.bytes);
  const bytes = [...joined(parts)];
  for (let hits = random(4); hits > 0 && bytes.length > 0; hits--) {
    const at = random(bytes.length);
    const kind = random(3);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes.splice(at, 1 + random(3));
    else bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random(5)));
  }
  return new Uint8Array(bytes);
}
