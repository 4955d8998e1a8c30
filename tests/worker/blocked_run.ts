/**
 * One run against the strict venue: connect, block this thread, and see what is left of the session and of its frames.
 *
 * @module
 */
import process from "node:process";
import { connect, type Runtime } from "../../mod.ts";
import { Child } from "../faults/child.ts";

/** What a run is made of. */
export interface BlockedRunOptions {
  readonly runtime: Runtime;
  readonly blockMs: number;
  /** Frames that the venue sends every 10 ms. */
  readonly burst: number;
  /** Frames that the buffers may hold. */
  readonly maxFrames: number;
}

/** What came of it. */
export interface BlockedRun {
  /** Whether the venue cut the first session. */
  readonly cut: boolean;
  readonly epoch: number;
  /** Numbers sent in the session, and what became of them. */
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  /** Frames whose place was not their number. */
  readonly misplaced: number;
  /** Pongs that the venue got, and how late the latest was. */
  readonly pongs: number;
  readonly latestPongMs: number;
  /** Resident memory before and right after the block, in MiB. */
  readonly rssBefore: number;
  readonly rssAfter: number;
}

const rss = () => Math.round(process.memoryUsage().rss / 1024 / 1024);

/** Does it. The venue is a process of its own, so that it has a time of its own. */
export async function blockedRun(options: BlockedRunOptions): Promise<BlockedRun> {
  const { runtime, blockMs, burst, maxFrames } = options;
  const venue = new Child(new URL("./strict_server.ts", import.meta.url));
  try {
    const { url } = await venue.until(({ event }) => event === "listening");
    const feed = await connect(`${url}?burst=${burst}`, {
      runtime,
      buffer: { maxFrames },
      backoff: { minDelayMs: 0, maxDelayMs: 100 },
    });
    let delivered = 0;
    let misplaced = 0;
    let last = 0;
    let heard = () => {};
    const reading = (async () => {
      for await (const batch of feed.batches()) {
        for (const { data, seq, epoch } of batch) {
          if (epoch > 1) continue;
          delivered++;
          last = seq;
          if (Number(data) !== seq) misplaced++;
        }
        heard();
      }
    })();
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise<void>((resolve) => heard = resolve);
    };
    await until(() => delivered > 0);

    const rssBefore = rss();
    const end = performance.now() + blockMs;
    while (performance.now() < end) continue;
    const rssAfter = rss();

    venue.tell("stop");
    const { sent, pongs, latestMs } = await venue.until(({ event }) => event === "stopped");
    const cut = venue.events.some(({ event }) => event === "cut");
    if (cut) await feed.lifecycle.waitFor(({ epoch }) => epoch > 1);
    else await until(() => last === sent);
    const { epoch, totalLagged: lost } = feed.lifecycle.value;
    await feed.control.shutdown();
    await reading;
    return {
      cut,
      epoch,
      sent: Number(sent),
      delivered,
      lost,
      misplaced,
      pongs: Number(pongs),
      latestPongMs: Math.round(Number(latestMs)),
      rssBefore,
      rssAfter,
    };
  } finally {
    await venue.close();
  }
}
