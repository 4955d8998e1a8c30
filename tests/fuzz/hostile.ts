/**
 * What a hostile server says, by a seed: nonsense instead of an answer, answers cut off or damaged,
 * and behind a good answer bytes, frames and ends that no good server sends.
 *
 * @module
 */
import { seededRandom } from "../../src/testing/mod.ts";
import { acceptance } from "../support/raw/answers.ts";
import { frame, joined, type RawPeer } from "../support/raw_server.ts";

/** Draws from a seed. */
class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

const text = new TextEncoder();

/** Lines that look like HTTP. */
const HEADS = [
  "HTTP/1.1 101",
  "HTTP/1.1 101 Switching Protocols\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n".repeat(200),
  "HTTP/1.1 999 \r\n\r\n",
  "HTTP/1.1 -1 x\r\n\r\n",
  "HTTP/9.9 101 x\r\n\r\n",
  "HTTP/1.1 302 Found\r\nLocation: //\r\n\r\n",
  "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 429 x\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 429 x\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Feb 9999 25:61:61 GMT\r\nContent-Length: 0\r\n\r\n",
  `HTTP/1.1 200 OK\r\nX: ${"y".repeat(100_000)}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(5_000)}\r\n`,
  "\r\n\r\n\r\n",
  "\0\0\0\0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

function damaged(dice: Dice, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  for (let i = 1 + dice.below(4); i > 0; i--) out[dice.below(out.length)] = dice.below(256);
  return out;
}

/** One frame, more often wrong than right. */
function oddFrame(dice: Dice): Uint8Array {
  const payload = dice.bytes(dice.pick([0, 1, 2, 5, 125, 126, 127, 300]));
  // Sizes that are claimed and never come: as far as 2^53, where numbers end.
  const claims = [0, 1, 125, 126, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  return frame(dice.below(16), payload, {
    fin: dice.chance(0.7),
    rsv: dice.chance(0.8) ? 0 : dice.below(8),
    mask: dice.chance(0.1),
    lengthField: dice.pick(["shortest", "shortest", "16 bit", "64 bit"] as const),
    ...(dice.chance(0.1) ? { claimedBytes: dice.pick(claims) } : {}),
  });
}

function closeWith(dice: Dice): Uint8Array {
  const code = dice.pick([0, 1, 999, 1000, 1004, 1005, 1006, 1014, 1015, 2999, 5000, 65_535]);
  const body = new Uint8Array(dice.pick([0, 1, 2, 10, 125]));
  if (body.length >= 2) new DataView(body.buffer).setUint16(0, code);
  if (body.length > 2) body.set(dice.bytes(body.length - 2), 2);
  return frame(8, body);
}

/** What comes behind an answer that is right. */
function after(dice: Dice): Uint8Array {
  switch (dice.below(4)) {
    case 0:
      return dice.bytes(dice.below(2_000));
    case 1:
      return joined(Array.from({ length: 1 + dice.below(20) }, () => oddFrame(dice)));
    case 2: {
      const good = Array.from({ length: 5 }, (_, i) => frame(1 + i % 2, `message ${i}`));
      return damaged(dice, joined(good));
    }
    default:
      return joined([frame(1, "good"), closeWith(dice), oddFrame(dice)]);
  }
}

/**
 * Answers one request in the way of this seed, and ends the connection.
 *
 * @returns What it did, for whoever reads a failure.
 */
export async function beHostile(peer: RawPeer, seed: number): Promise<string> {
  const dice = new Dice(seed);
  peer.hang();
  const right = acceptance(peer.request, {});
  let what: string;
  let bytes: Uint8Array;
  switch (dice.below(6)) {
    case 0:
      what = "bytes";
      bytes = dice.bytes(dice.below(500));
      break;
    case 1:
      what = "a head";
      bytes = text.encode(dice.pick(HEADS));
      break;
    case 2:
      what = "a cut answer";
      bytes = right.subarray(0, dice.below(right.length));
      break;
    case 3:
      what = "a damaged answer";
      bytes = joined([damaged(dice, right), after(dice)]);
      break;
    default:
      what = "a right answer";
      bytes = joined([right, after(dice)]);
  }
  // In one piece, or in several, so that a piece ends anywhere.
  const pieces = dice.pick([1, 1, 2, 5]);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length; at += size) {
    peer.sendRaw(bytes.subarray(at, at + size));
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  const end = dice.pick(["fin", "fin", "reset", "destroy"] as const);
  peer[end]();
  return `seed ${seed}: ${what}, ${end}`;
}
