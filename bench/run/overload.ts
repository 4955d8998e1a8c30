/**
 * A consumer ten times too slow for ten seconds: what is held, what is counted, what is lost, and whether pings are answered meanwhile.
 *
 * @module
 */
import type { OverloadResult } from "../client/overload.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { serverStats } from "./server_stats.ts";

const SECONDS = 10;
const RATE = 20_000;
const BYTES = 1_000;
const MAX_BYTES = 8 * 1_048_576;
const PING_MS = 250;
/** 20 messages in at least 10 ms are 2,000 per second at most: a tenth of the rate. */
const CHUNK = 20;
const PAUSE_MS = 10;

/** Measures it. */
export async function measureOverloads({ runtime, server, note }: SectionRun): Promise<Measured> {
  note(`overload on ${runtime}: ${SECONDS} s`);
  const count = SECONDS * RATE;
  const before = await serverStats(server);
  const { client } = await startClient(runtime, { gc: true });
  try {
    const result = await client.ask<OverloadResult>({
      job: "overload",
      url:
        `ws://127.0.0.1:${server.port}/paced?rate=${RATE}&count=${count}&bytes=${BYTES}&ping=${PING_MS}`,
      count,
      bytes: BYTES,
      maxBytes: MAX_BYTES,
      chunk: CHUNK,
      pauseMs: PAUSE_MS,
    });
    const after = await serverStats(server);
    const pings = after.pings - before.pings;
    const pongs = after.pongs - before.pongs;
    return {
      figures: {
        sent: count + 1,
        received: result.received,
        delivered: result.delivered,
        lagged: result.lagged,
        countsExact: Number(result.exact),
        newestKept: Number(result.newest),
        heldBytes: Math.round(result.heldBytes),
        heldBytesAllowed: MAX_BYTES + BYTES + CHUNK * BYTES + 8 * 1_048_576,
        pings,
        pongs,
      },
      detail: result,
    };
  } finally {
    await client.end();
  }
}
