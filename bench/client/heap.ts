/**
 * What is alive in this process.
 *
 * @module
 */
import { memoryUsage } from "node:process";

interface Collectors {
  /** V8, when started with `--expose-gc`. */
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

const collectors = globalThis as Collectors;

/** Bytes that are alive after a garbage collection: the heap, and buffers outside of it. */
export async function liveBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    if (collectors.Bun !== undefined) collectors.Bun.gc(true);
    else collectors.gc!();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external, arrayBuffers } = memoryUsage();
  // Bun's heapUsed holds what is outside of the heap already (1.4.5: 8 MiB of buffers raise both by 8 MiB).
  return collectors.Bun !== undefined ? heapUsed : heapUsed + Math.max(external, arrayBuffers);
}
