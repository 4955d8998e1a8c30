/**
 * How many messages per second go out, against the bare socket; and what the rate limit costs.
 *
 * @module
 */
import type { SendResult } from "../client/send.ts";
import type { LimiterResult } from "../client/limiter.ts";
import type { LineChild } from "./child.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { scaledCount } from "./scale.ts";
import { median, pairedRatio, rotated, type Spread } from "./statistics.ts";

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
const RUN_MS = 250;
const BYTES = 200;

/** Measures it. */
export async function measureSends(run: SectionRun): Promise<Measured> {
  const { runtime, server, rounds, note } = run;
  const clients = new Map<string, LineChild>();
  const counts = new Map<string, number>();
  const speeds = new Map<string, number[]>();
  const send = async (candidate: string, count: number): Promise<number> => {
    const url = `ws://127.0.0.1:${server.port}/sink?count=${count}`;
    const { frames, elapsedMs } = await clients.get(candidate)!.ask<SendResult>({
      job: "send",
      candidate,
      url,
      count,
      bytes: BYTES,
    });
    return frames / elapsedMs;
  };
  try {
    for (const candidate of CANDIDATES) {
      clients.set(candidate, (await startClient(runtime)).client);
      counts.set(
        candidate,
        await scaledCount(FIRST_COUNT, RUN_MS, (count) => send(candidate, count)),
      );
      speeds.set(candidate, []);
    }
    for (let round = 0; round < rounds; round++) {
      note(`send on ${runtime}: round ${round + 1} of ${rounds}`);
      for (const candidate of rotated(CANDIDATES, round)) {
        speeds.get(candidate)!.push(await send(candidate, counts.get(candidate)!));
      }
    }
    const limiter = await clients.get("windowed")!.ask<LimiterResult>({ job: "limiter" });
    const ratios: Record<string, Spread> = {};
    for (const candidate of CANDIDATES) {
      ratios[candidate] = pairedRatio(speeds.get(candidate)!, speeds.get(controlOf(candidate))!);
    }
    const value = (name: string) => Number(ratios[name]!.median.toFixed(3));
    const named = (names: readonly string[], cut: number) =>
      Object.fromEntries(names.map((name) => [name.slice(cut), value(name)]));
    const isTcp = (name: string) => name.startsWith("tcp.");
    return {
      figures: {
        ...named(CANDIDATES.filter((name) => !isTcp(name)), 0),
        // The name that stands alone is that of the burst, as it is with a native socket.
        tcp: value("tcp.burst"),
        tcpWindowed: value("tcp.windowed"),
        tcpAwaitEach: value("tcp.awaitEach"),
        limiterNs: { off: limiter.offNs, on: limiter.onNs },
      },
      detail: {
        ratios,
        framesPerSecond: Object.fromEntries(
          CANDIDATES.map((name) => [name, Math.round(median(speeds.get(name)!.slice(1)) * 1_000)]),
        ),
      },
    };
  } finally {
    for (const client of clients.values()) await client.end();
  }
}
