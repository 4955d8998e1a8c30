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

/** Trips that are made before any counts. */
const WARM_UP = 50;

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
  for (let trip = -WARM_UP; trip < trips; trip++) {
    for (const way of ["native", "tcp"] as const) {
      const started = performance.now();
      await ways[way]();
      if (trip >= 0) times[way].push(performance.now() - started);
    }
  }
  socket.close();
  await connection.control.shutdown();
  return times;
}
