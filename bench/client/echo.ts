/**
 * How long a message and its answer take, over the bare socket and over the whole stack with the tcp leaf, in turns.
 *
 * @module
 */
import { connectOver } from "./holdfast.ts";

/** Measure round trips. */
export interface EchoJob {
  readonly job: "echo";
  readonly url: string;
  /** Of the message, and of its answer. */
  readonly bytes: number;
  readonly trips: number;
}

/** What came of it, in milliseconds, each trip once. */
export interface EchoResult {
  readonly native: readonly number[];
  readonly tcp: readonly number[];
}

type Way = keyof EchoResult;

/**
 * Trips that are made before any counts, so that what is measured is a connection in use and not its compilation: native code needs no
 * warm-up, and JavaScript takes some thousand trips to be compiled as well as it will be. Where a trip is slow, time is the bound.
 */
const WARM_UP = 4_000;
const WARM_UP_MS = 2_500;

/** Runs it. */
export async function measureEcho({ url, bytes, trips }: EchoJob): Promise<EchoResult> {
  const message = "x".repeat(bytes);
  const socket = new WebSocket(url);
  let answered = () => {};
  await new Promise<void>((resolve, reject) => {
    socket.onerror = reject;
    socket.onopen = () => resolve();
  });
  socket.onmessage = () => answered();
  const connection = await connectOver("tcp", url);
  const frames = connection.frames();
  const ways = {
    native: () =>
      new Promise<void>((resolve) => {
        answered = resolve;
        socket.send(message);
      }),
    tcp: async () => {
      await connection.send(message);
      await frames.next();
    },
  };
  const times: { native: number[]; tcp: number[] } = { native: [], tcp: [] };
  const run = async (most: number, untilMs: number, note: (way: Way, ms: number) => void) => {
    for (let trip = 0; trip < most && performance.now() < untilMs; trip++) {
      for (const way of ["native", "tcp"] as const) {
        const started = performance.now();
        await ways[way]();
        note(way, performance.now() - started);
      }
    }
  };
  await run(WARM_UP, performance.now() + WARM_UP_MS, () => {});
  await run(trips, Infinity, (way, ms) => times[way].push(ms));
  socket.close();
  await connection.control.shutdown();
  return times;
}
