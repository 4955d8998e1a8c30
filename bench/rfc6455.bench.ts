/**
 * Cost of the codec alone, without sockets: nanoseconds per frame, decoded and encoded.
 *
 * `deno bench bench/rfc6455.bench.ts` reports it in Deno's form; run directly (`node bench/rfc6455.bench.ts`, `bun ...`,
 * `deno run ...`) it prints one line per case, the median of interleaved rounds, so that runtimes can be compared.
 *
 * @module
 */
import type { Frame } from "../src/contract/frame.ts";
import { FrameReader } from "../src/rfc6455/frame_reader.ts";
import { FrameWriter } from "../src/rfc6455/frame_writer.ts";
import { type TextCodec, webText } from "../src/rfc6455/text_codec.ts";
import { bufferText } from "../src/runtime/tcp_text.ts";

const SIZES = [52, 200, 1400];
const READ_BYTES = 65_536;
const MAX = 1_048_576;

/** What one socket read holds of unmasked text frames of this size, whole ones only. */
function chunkOf(bytes: number): { chunk: Uint8Array<ArrayBuffer>; frames: number } {
  const head = bytes < 126 ? [0x81, bytes] : [0x81, 126, bytes >> 8, bytes & 0xff];
  const size = head.length + bytes;
  const frames = Math.floor(READ_BYTES / size);
  const chunk = new Uint8Array(frames * size);
  for (let i = 0; i < frames; i++) {
    chunk.set(head, i * size);
    chunk.fill(0x61 + (i % 26), i * size + head.length, (i + 1) * size);
  }
  return { chunk, frames };
}

interface Case {
  readonly name: string;
  /** Runs once. */
  readonly run: () => void;
  /** Frames per run. */
  readonly frames: number;
}

function decodeCase(name: string, bytes: number, text: TextCodec, batch: boolean): Case {
  const { chunk, frames } = chunkOf(bytes);
  const copy = new Uint8Array(chunk.length);
  const out: Frame[] = [];
  const reader = new FrameReader({ maxMessageBytes: MAX, text, batch });
  return {
    name: `decode ${bytes} B text, ${name}`,
    frames,
    run() {
      copy.set(chunk); // the reader writes into what it reads; the copy stands for the kernel's
      out.length = 0;
      if (reader.read(copy, out, MAX) !== copy.length || out.length !== frames) {
        throw new Error("the reader did not read everything");
      }
    },
  };
}

function encodeCase(bytes: number): Case {
  const writer = new FrameWriter({ random: (into) => void crypto.getRandomValues(into) });
  const message = "m".repeat(bytes);
  return {
    name: `encode ${bytes} B text`,
    frames: 100,
    run() {
      for (let i = 0; i < 100; i++) writer.text(message);
      writer.take();
    },
  };
}

const cases: Case[] = SIZES.flatMap((bytes) => [
  decodeCase("batch", bytes, bufferText(), true),
  decodeCase("batch: false", bytes, bufferText(), false),
  decodeCase("batch, TextDecoder", bytes, webText(), true),
  encodeCase(bytes),
]);

/** Nanoseconds per frame of each case: the median of rounds that take turns. */
function measure(): void {
  const samples = cases.map((): number[] => []);
  for (let round = 0; round < 15; round++) {
    cases.forEach(({ run, frames }, i) => {
      const runs = Math.ceil(40_000 / frames);
      const from = performance.now();
      for (let n = 0; n < runs; n++) run();
      samples[i]!.push((performance.now() - from) * 1e6 / (runs * frames));
    });
  }
  cases.forEach(({ name }, i) => {
    const sorted = samples[i]!.sort((a, b) => a - b);
    console.log(`${name.padEnd(36)} ${sorted[7]!.toFixed(1).padStart(8)} ns/frame`);
  });
}

interface DenoBench {
  bench(name: string, options: { n?: number }, fn: () => void): void;
}
const host = globalThis as { Deno?: Partial<DenoBench> };
const direct = (import.meta as { main?: boolean }).main === true;
if (direct || !host.Deno?.bench) measure();
else for (const { name, run, frames } of cases) host.Deno.bench(`${name} x ${frames}`, {}, run);
