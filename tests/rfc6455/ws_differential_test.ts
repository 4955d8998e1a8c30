/**
 * The codec against npm `ws`, which has been in the field for a decade: the same random streams, good and damaged, must give the same
 * frames and the same verdict. Where the two differ on purpose, it is said here.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Frame } from "../../src/contract/frame.ts";
import { FrameWriter } from "../../src/rfc6455/frame_writer.ts";
import { test } from "../support/harness.ts";
import { joined } from "../support/raw/frames.ts";
import { damaged } from "./damaged.ts";
import { MAX_BYTES, READER_CASES } from "./reader_cases.ts";
import { cut, randomCuts, readPieces, seeded } from "./reading.ts";

/** What is used of the receiver of `ws`: a writable stream. */
interface WsReceiver {
  on(event: string, listener: (...args: never[]) => void): this;
  write(bytes: Uint8Array, callback: (error?: { readonly code: string } | null) => void): boolean;
}
// By its path: Bun has a `ws` of its own, without a receiver.
const receiver = new URL("../../node_modules/ws/lib/receiver.js", import.meta.url);
const Receiver = createRequire(import.meta.url)(fileURLToPath(receiver)) as new (
  options: Record<string, unknown>,
) => WsReceiver;

const bytesOf = (data: Uint8Array) => new Uint8Array(data);

/** What `ws` makes of the pieces. */
async function wsReading(pieces: readonly Uint8Array[], maxPayload: number, isServer = false) {
  const frames: Frame[] = [];
  const receiver = new Receiver({ isServer, maxPayload, binaryType: "nodebuffer" });
  receiver.on("message", (data: Uint8Array, isBinary: boolean) => {
    frames.push(
      isBinary
        ? { type: "binary", data: bytesOf(data) }
        : { type: "text", data: new TextDecoder("utf-8", { ignoreBOM: true }).decode(data) },
    );
  });
  receiver.on("ping", (data: Uint8Array) => frames.push({ type: "ping", data: bytesOf(data) }));
  receiver.on("pong", (data: Uint8Array) => frames.push({ type: "pong", data: bytesOf(data) }));
  receiver.on("conclude", (code: number, reason: Uint8Array) => {
    frames.push({ type: "close", code, reason: new TextDecoder().decode(reason) });
  });
  receiver.on("error", () => {}); // each write reports it too
  for (const piece of pieces) {
    const code = await new Promise<string | undefined>((resolve) => {
      receiver.write(piece.slice(), (error) => resolve(error?.code));
    });
    if (code !== undefined) return { frames, failure: VERDICTS[code] ?? 1002 };
    if (frames.at(-1)?.type === "close") break;
  }
  return { frames, failure: undefined };
}

const VERDICTS: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
};

/** `ws` takes a length in more bytes than it needs; section 5.2 says that the fewest MUST be used. */
const STRICTER = new Set(["length is not minimal", "length has its top bit set"]);

/** Reads with both. @returns The verdict if they had to agree. */
async function compare(pieces: readonly Uint8Array[], maxBytes: number, name: string) {
  // The two judge some headers earlier or later by a byte: let neither wait for one at the end.
  const filler = new Uint8Array(10);
  const ours = readPieces([...pieces, filler], { maxMessageBytes: maxBytes });
  const more = ours.failure ? [filler, filler] : [filler];
  const theirs = await wsReading([...pieces, ...more], maxBytes);
  if (ours.failure && STRICTER.has(ours.failure.reason)) {
    assertEquals(theirs.frames.slice(0, ours.frames.length), ours.frames, name);
    return "stricter";
  }
  assertEquals(ours.frames, theirs.frames, name);
  assertEquals(ours.failure?.code, theirs.failure, name);
  return String(theirs.failure ?? "good");
}

test("FrameReader agrees with npm ws on every case of the table", async () => {
  for (const { name, bytes, ws } of READER_CASES) {
    const verdict = await compare([bytes], MAX_BYTES, name);
    assertEquals(verdict === "stricter", ws === "differs", name);
  }
});

test("FrameReader agrees with npm ws on random streams, good and damaged", async () => {
  const verdicts = new Map<string, number>();
  for (let seed = 1; seed <= 1_500; seed++) {
    const random = seeded(seed * 7_919);
    const bytes = damaged(random);
    const pieces = cut(bytes, randomCuts(random, bytes.length));
    const verdict = await compare(pieces, 200, `seed ${seed}`);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  for (const verdict of ["good", "1002", "1007", "1009", "stricter"]) {
    assert((verdicts.get(verdict) ?? 0) > 5, `verdict ${verdict} is rare: ${[...verdicts]}`);
  }
});

test("FrameWriter is understood by the server side of npm ws", async () => {
  const random = seeded(5);
  const writer = new FrameWriter({ random: (into) => void crypto.getRandomValues(into) });
  const sent: Frame[] = [];
  for (let i = 0; i < 300; i++) {
    const length = random(10) === 0 ? random(70_000) : random(300);
    const bytes = new Uint8Array(length).map(() => random(256));
    const text = String.fromCharCode(...bytes.subarray(0, 200));
    const control = bytes.slice(0, 125);
    switch (random(4)) {
      case 0:
        writer.binary(bytes);
        sent.push({ type: "binary", data: bytes });
        break;
      case 1:
        writer.control("ping", control);
        sent.push({ type: "ping", data: control });
        break;
      default:
        writer.text(text);
        sent.push({ type: "text", data: text });
    }
  }
  writer.close(4321, "b€e");
  sent.push({ type: "close", code: 4321, reason: "b€e" });
  const stream = joined(writer.take());
  const { frames, failure } = await wsReading(
    cut(stream, randomCuts(random, stream.length)),
    0,
    true,
  );
  assertEquals(failure, undefined);
  assertEquals(frames, sent);
});
