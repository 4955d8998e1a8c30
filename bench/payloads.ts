/**
 * What the feeds of the benchmark carry: the same bytes in every run, on every runtime, from a seed.
 *
 * @module
 */

/** A kind of feed. */
export type FeedKind = "text52" | "text200" | "text1400" | "binary64k" | "text64k" | "depth";

/** One message of a feed. */
export interface Payload {
  /** Whether it travels as text or as bytes. */
  readonly type: "text" | "binary";
  /** The message. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Messages in one cycle of a feed: enough that no cache holds the answer, few enough to frame beforehand. */
const CYCLE = 64;

/** xorshift32: the next state is the number. Enough for payloads, and the same on every engine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 0x1_0000_0000;
  };
}

const encoder = new TextEncoder();

/** Printable ASCII that does not compress to nothing. */
function ascii(length: number, random: () => number): string {
  let text = "";
  while (text.length < length) text += String.fromCharCode(97 + Math.floor(random() * 26));
  return text;
}

/** A trade-like JSON message of exactly so many bytes. */
function jsonText(length: number, index: number, random: () => number): string {
  const head = `{"e":"trade","E":${1_700_000_000_000 + index},"s":"BTCUSDT","p":"${
    (60_000 + random() * 1_000).toFixed(2)
  }","q":"${random().toFixed(5)}","x":"`;
  const room = length - head.length - 2;
  return room < 0 ? ascii(length, random) : `${head}${ascii(room, random)}"}`;
}

/** A difference of an order book, as venues send it: 5 to 40 levels a side, some 300 to 2,500 bytes. */
function depthText(index: number, random: () => number): string {
  const side = (base: number) => {
    const levels: [string, string][] = [];
    for (let left = 5 + Math.floor(random() * 36); left > 0; left--) {
      levels.push([(base + random() * 50).toFixed(2), (random() * 3).toFixed(5)]);
    }
    return levels;
  };
  return JSON.stringify({
    e: "depthUpdate",
    E: 1_700_000_000_000 + index * 100,
    s: "BTCUSDT",
    U: index * 10 + 1,
    u: index * 10 + 10,
    b: side(60_000),
    a: side(60_050),
  });
}

/** The cycle of messages that a feed repeats. */
export function payloadsOf(kind: FeedKind): Payload[] {
  const random = seeded(0x5eed);
  const make = (index: number): Payload => {
    const text = (value: string): Payload => ({ type: "text", bytes: encoder.encode(value) });
    switch (kind) {
      case "text52":
        return text(jsonText(52, index, random));
      case "text200":
        return text(jsonText(200, index, random));
      case "text1400":
        return text(jsonText(1_400, index, random));
      case "text64k":
        return text(jsonText(65_536, index, random));
      case "depth":
        return text(depthText(index, random));
      case "binary64k": {
        const bytes = new Uint8Array(65_536);
        for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
        return { type: "binary", bytes };
      }
      default:
        return kind satisfies never;
    }
  };
  return Array.from({ length: kind.endsWith("64k") ? 8 : CYCLE }, (_, index) => make(index));
}

/** The message that ends a feed: no other has this length. */
export const END = "END";
