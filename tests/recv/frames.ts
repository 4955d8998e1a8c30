/**
 * Frames and buffers for the tests of the recv axis.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { DataFrame, DeliveredFrame } from "../../src/contract/frame.ts";
import { type BufferBounds, DropOldestBuffer } from "../../src/recv/drop_oldest_buffer.ts";
import { ManualClock } from "../../src/testing/manual_clock.ts";

/** A text frame. */
export function text(data: string): DataFrame {
  return { type: "text", data };
}

/** A binary frame of so many bytes. */
export function binary(bytes: number): DataFrame {
  return { type: "binary", data: new Uint8Array(bytes) };
}

/** A frame as it is delivered. */
export function delivered(frame: DataFrame, seq: number, epoch = 1): DeliveredFrame {
  return { ...frame, seq, epoch };
}

/** Lets promise callbacks run, as many rounds as any chain here is long. */
export async function microtasks(): Promise<void> {
  for (let round = 0; round < 150; round++) await null;
}

/** What has become of a promise by now. */
export async function stateOf(
  promise: Promise<unknown>,
): Promise<"pending" | "resolved" | "rejected"> {
  const settled = promise.then(() => "resolved" as const, () => "rejected" as const);
  return await Promise.race([settled, microtasks().then(() => "pending" as const)]);
}

/** Fails unless every frame that came in is accounted for exactly once. */
export function assertConserved(buffer: DropOldestBuffer): void {
  const { received, leafDropped, delivered, lagged, buffered, discarded } = buffer;
  assertEquals(
    received + leafDropped,
    delivered + lagged + buffered + discarded,
    `conservation: ${
      JSON.stringify({ received, leafDropped, delivered, lagged, buffered, discarded })
    }`,
  );
}

/** A buffer on a manual clock, with what it called back. */
export interface BufferBench {
  readonly buffer: DropOldestBuffer;
  readonly clock: ManualClock;
  /** What it called back, in order. */
  readonly calls: string[];
  /** Pushes text frames of these lengths. */
  push(...lengths: number[]): void;
}

/** Makes one. Conservation is checked in every callback. */
export function bufferOf(
  options: Partial<BufferBounds> = {},
): BufferBench {
  const clock = new ManualClock();
  const calls: string[] = [];
  const called = (what: string) => {
    calls.push(what);
    assertConserved(buffer);
  };
  const bounds = {
    maxFrames: 1_000,
    maxBytes: 1_000_000,
    overflow: "dropOldest",
    ...options,
  } as const;
  const buffer = new DropOldestBuffer(bounds, {
    clock,
    onCount: () => called("lag"),
    onOverflow: (epoch) => called(`overflow ${epoch}`),
    onCancel: () => called("cancel"),
  });
  return {
    buffer,
    clock,
    calls,
    push: (...lengths) => {
      for (const length of lengths) buffer.push(text("x".repeat(length)), 1);
    },
  };
}
