/**
 * How many messages per second go out, against the bare socket; and what the rate limit costs.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import type { SendResult } from "../client/send.ts";
import type { LimiterResult } from "../client/limiter.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { inRounds } from "./rounds.ts";
import { median, pairedRatio, type Spread } from "./statistics.ts";

const CANDIDATES = [
  "native",
  "nativeEach",
  "nativeBurst",
  "windowed",
  "awaitEach",
  "burst",
  "tcp.windowed",
  "tcp.awaitEach",
  "tcp.burst",
  "rews",
  "partysocket",
  "atproto",
  "effect",
];

/** What a sender is held against: the bare socket in a loop that pauses as often. */
function controlOf(candidate: string): string {
  if (candidate.endsWith("Each")) return "nativeEach";
  return candidate.toLowerCase().endsWith("burst") ? "nativeBurst" : "native";
}

const FIRST_COUNT = 20_000;
const BYTES = 200;

/** Messages per millisecond. */
const speedOf = ({ frames, elapsedMs }: SendResult) => frames / elapsedMs;

/** Measures it. */
export async function measureSends(work: SectionRun): Promise<Measured> {
  const { runtime, server, rounds, note } = work;
  const results = await inRounds<SendResult>({
    runtime,
    candidates: CANDIDATES,
    rounds,
    firstCount: FIRST_COUNT,
    run: (client, candidate, count) => {
      const url = `ws://127.0.0.1:${server.port}/sink?count=${count}`;
      return client.ask<SendResult>({ job: "send", candidate, url, count, bytes: BYTES });
    },
    speedOf,
    note: (text) => note(`send on ${runtime}: ${text}`),
  });
  const limiter = await measureLimiter(runtime);
  const speeds = (name: string) => results.get(name)!.kept.map(speedOf);
  const ratios: Record<string, Spread> = {};
  for (const name of CANDIDATES) ratios[name] = pairedRatio(speeds(name), speeds(controlOf(name)));
  const value = (name: string) => Number(ratios[name]!.median.toFixed(3));
  return {
    figures: {
      ...Object.fromEntries(
        CANDIDATES.filter((name) => !name.startsWith("tcp.")).map((name) => [name, value(name)]),
      ),
      // The name that stands alone is that of the burst, as it is with a native socket.
      tcp: value("tcp.burst"),
      tcpWindowed: value("tcp.windowed"),
      tcpAwaitEach: value("tcp.awaitEach"),
      limiterNs: { off: limiter.offNs, on: limiter.onNs },
    },
    detail: {
      ratios,
      framesPerSecond: Object.fromEntries(
        CANDIDATES.map((name) => [name, Math.round(median(speeds(name)) * 1_000)]),
      ),
    },
  };
}

async function measureLimiter(runtime: HostName): Promise<LimiterResult> {
  const { client } = await startClient(runtime);
  try {
    return await client.ask<LimiterResult>({ job: "limiter" });
  } finally {
    await client.end();
  }
}
