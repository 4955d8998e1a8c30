/**
 * What is alive in this process.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { memoryUsage } from "node:process";

interface Collectors {
  /** V8, when started with `--expose-gc`. */
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

const collectors = globalThis as Collectors;

/** The most memory that this process has had, in bytes; where only Linux says that, what it has now. */
export function peakRss(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1_024;
  } catch {
    return memoryUsage().rss;
  }
}

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
