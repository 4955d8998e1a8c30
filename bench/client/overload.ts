/**
 * A consumer that is about ten times too slow, for ten seconds.
 *
 * @module
 */
import { END } from "../payloads.ts";
import { liveBytes, peakRss } from "./heap.ts";
import { connectOver } from "./holdfast.ts";

/** Be too slow. */
export interface OverloadJob {
  readonly job: "overload";
  readonly url: string;
  /** Messages that the server sends, without the last one. */
  readonly count: number;
  /** Size of each. */
  readonly bytes: number;
  /** Bound of the buffer. */
  readonly maxBytes: number;
  /** Messages read in one go. */
  readonly chunk: number;
  /** Pause after each go. */
  readonly pauseMs: number;
}

/** What came of it. */
export interface OverloadResult {
  readonly delivered: number;
  readonly lagged: number;
  readonly received: number;
  /** Whether what the library counted is what the consumer took, and what of the numbered messages it never saw, to the frame. */
  readonly exact: boolean;
  /** Whether all that was left to read at the end is the newest, without a hole. */
  readonly newest: boolean;
  /** Most bytes alive beyond those before the feed. */
  readonly heldBytes: number;
  /** The most memory that the process had, in bytes. */
  readonly peakRss: number;
}

/** Runs it. */
export async function measureOverload(job: OverloadJob): Promise<OverloadResult> {
  const { url, count, bytes, maxBytes, chunk, pauseMs } = job;
  const connection = await connectOver("native", url, {
    buffer: { maxBytes, maxFrames: 1_000_000 },
  });
  const before = await liveBytes();
  let heldBytes = 0;
  const samples = setInterval(async () => {
    heldBytes = Math.max(heldBytes, await liveBytes() - before);
  }, 1_000);
  await connection.send("go");
  const reader = connection.batches({ maxFrames: chunk, preventCancel: true });
  let taken = 0;
  // The server is done when all its messages and the last one were counted.
  while (connection.stats().received <= count) {
    const { value } = await reader.next();
    taken += value?.length ?? 0;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  clearInterval(samples);
  heldBytes = Math.max(heldBytes, await liveBytes() - before);
  const { buffered } = connection.stats();
  const left: string[] = [];
  while (left.length < buffered) {
    const { value } = await reader.next();
    for (const { data } of value ?? []) left.push(data as string);
  }
  await reader.return!();
  taken += left.length;
  const last = left.pop();
  const rest = left.map((data) => Number(data.slice(0, 10)));
  const { received, delivered, totalLagged } = connection.stats();
  await connection.control.shutdown();
  return {
    delivered,
    lagged: totalLagged,
    received,
    // The last message is one more.
    exact: received === count + 1 && delivered === taken && totalLagged === count + 1 - taken,
    newest: last === END && rest.at(-1) === count - 1 &&
      rest.every((number, i) => i === 0 || number === rest[i - 1]! + 1) &&
      rest.length * bytes >= maxBytes - 2 * bytes,
    heldBytes,
    peakRss: peakRss(),
  };
}
