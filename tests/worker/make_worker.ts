/**
 * Makes the platform's worker of a file in this folder.
 *
 * @module
 */
import type { WorkerLike } from "../../src/worker/mod.ts";
import { platform } from "../support/harness.ts";

interface NodeWorkers {
  readonly Worker: new (url: URL) => WorkerLike;
}

interface Host {
  readonly Worker?: new (url: URL, options: { readonly type: "module" }) => WorkerLike;
}

async function pick(): Promise<(url: URL) => WorkerLike> {
  if (platform === "node") {
    const module = "node:worker_threads"; // not a literal: bundlers leave it alone
    const { Worker } = await import(module) as NodeWorkers;
    return (url) => new Worker(url);
  }
  const { Worker } = globalThis as Host;
  if (Worker === undefined) throw new Error(`${platform} has no Worker`);
  return (url) => new Worker(url, { type: "module" });
}

const make = await pick();

/** Gives what makes a worker of a file in this folder. */
export function workerOf(file: string): () => WorkerLike {
  return () => make(new URL(file, import.meta.url));
}
