/**
 * What an idle connection costs beyond its socket.
 *
 * @module
 */
import { connectOver } from "./holdfast.ts";
import { liveBytes } from "./heap.ts";

/** Hold many connections. */
export interface FootprintJob {
  readonly job: "footprint";
  readonly candidate: "native" | "holdfast" | "tcp";
  readonly url: string;
  readonly connections: number;
}

/**
 * How long they are left alone before they are counted, in milliseconds: a connection waits 10 s after its dial before it counts as stable, and is idle
 * from then on.
 */
const SETTLE_MS = 11_000;

/** Dials at a time: more would only wait at the server. */
const AT_ONCE = 100;

function bare(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onerror = reject;
    socket.onmessage = () => {};
    socket.onclose = () => {};
    socket.onopen = () => resolve(socket);
  });
}

/** Runs it. @returns live bytes per connection. */
export async function measureFootprint(job: FootprintJob): Promise<number> {
  const { candidate, url, connections } = job;
  const dial = (): Promise<unknown> =>
    candidate === "native"
      ? bare(url)
      : connectOver(candidate === "tcp" ? "tcp" : "native", url, {}, "as it is");
  const held: unknown[] = [await dial()];
  const before = await liveBytes();
  while (held.length <= connections) {
    const more = Math.min(AT_ONCE, connections + 1 - held.length);
    held.push(...await Promise.all(Array.from({ length: more }, dial)));
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const after = await liveBytes();
  // They live until here.
  if (held.length !== connections + 1) throw new Error("connections went missing");
  return (after - before) / connections;
}
