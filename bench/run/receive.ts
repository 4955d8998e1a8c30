/**
 * How many frames per second come through, against the bare listener of the same runtime.
 *
 * @module
 */
import type { ReceiveResult } from "../client/jobs.ts";
import type { HostName } from "../client/host.ts";
import type { FeedKind } from "../payloads.ts";
import type { LineChild } from "./child.ts";
import { type BenchServer, startClient } from "./programs.ts";
import { scaledCount } from "./scale.ts";
import { median, pairedRatio, rotated, type Spread } from "./statistics.ts";

/** One kind of feed with the candidates that receive it. */
export interface ReceiveGroup {
  /** How it is called in the report. */
  readonly name: string;
  readonly kind: FeedKind;
  readonly secure: boolean;
  readonly candidates: readonly string[];
}

/** What was measured of one candidate. */
export interface ReceiveFigure {
  /** Throughput; that of the control is 1. */
  readonly ratio: Spread;
  /** The control. */
  readonly against: string;
  /** Throughput of ours by that of this peer. */
  readonly behind?: Spread;
  /** The same by processor time of the whole client process, which other work on the machine disturbs less. */
  readonly cpuRatio: Spread;
  /** Median over the rounds. */
  readonly framesPerSecond: number;
  /** All rounds together. */
  readonly sent: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly silentlyLost: number;
  /** The most memory that the process had, in bytes. */
  readonly peakRss: number;
}

/** One of the peers. */
export interface PeerKind {
  /** How its messages come. We have no form that pushes; the loop that pulls is held against those who do. */
  readonly form: "push" | "pull";
  /** What of ours has the same below it: the platform's socket, the package `ws`, or a socket of its own. */
  readonly ours: string;
}

/** The peers. */
export const PEERS: Readonly<Record<string, PeerKind>> = {
  rews: { form: "push", ours: "forAwait" },
  partysocket: { form: "push", ours: "forAwait" },
  ws: { form: "push", ours: "tcp.forAwait" },
  atproto: { form: "pull", ours: "ws.forAwait" },
  effect: { form: "pull", ours: "forAwait" },
};

const CONTROLS = ["native", "nativeReadable"];
const OURS = ["forAwait", "batches", "readable"];
const TCP = ["tcp.forAwait", "tcp.batches", "tcp.readable"];
const OTHERS = [...Object.keys(PEERS), "ws.forAwait"];

/** What is measured on each runtime. */
export const RECEIVE_GROUPS: readonly ReceiveGroup[] = [
  {
    name: "text200",
    kind: "text200",
    secure: false,
    candidates: [
      ...CONTROLS,
      "twoTransforms",
      ...OURS,
      ...OTHERS,
      ...TCP,
    ],
  },
  ...(["text1400", "binary64k", "text64k", "depth"] as const).map((kind) => ({
    name: kind,
    kind,
    secure: false,
    candidates: [...CONTROLS, ...OURS, ...OTHERS, ...TCP],
  })),
  {
    name: "wss200",
    kind: "text200",
    secure: true,
    candidates: ["native", "forAwait", "batches", "tcp.forAwait", "tcp.batches"],
  },
];

/** Which control a candidate is held against. */
export function controlOf(candidate: string): string {
  return candidate === "readable" ? "nativeReadable" : "native";
}

/** About how long one run of one candidate takes, in milliseconds. */
const RUN_MS = 250;

/** Messages of the first run, from which the others are scaled. */
const FIRST_COUNT: Readonly<Record<FeedKind, number>> = {
  text52: 50_000,
  text200: 50_000,
  text1400: 20_000,
  text64k: 1_000,
  binary64k: 1_000,
  depth: 20_000,
};

/** Measures one group on one runtime. `rounds` includes the first, which is discarded. */
export async function measureReceive(
  runtime: HostName,
  group: ReceiveGroup,
  { server, rounds, note }: { server: BenchServer; rounds: number; note: (text: string) => void },
): Promise<Record<string, ReceiveFigure>> {
  const { kind, secure, candidates } = group;
  const origin = secure ? `wss://127.0.0.1:${server.securePort}` : `ws://127.0.0.1:${server.port}`;
  const clients = new Map<string, LineChild>();
  const counts = new Map<string, number>();
  const results = new Map<string, ReceiveResult[]>();
  const run = (candidate: string, count: number) =>
    clients.get(candidate)!.ask<ReceiveResult>({
      job: "receive",
      candidate,
      url: `${origin}/blast?kind=${kind}&count=${count}`,
      parse: kind === "depth",
    });
  try {
    for (const candidate of candidates) {
      clients.set(candidate, (await startClient(runtime)).client);
      const speed = async (count: number) => {
        const { frames, elapsedMs } = await run(candidate, count);
        return frames / elapsedMs;
      };
      counts.set(candidate, await scaledCount(FIRST_COUNT[kind], RUN_MS, speed));
      results.set(candidate, []);
    }
    for (let round = 0; round < rounds; round++) {
      note(`receive ${group.name} on ${runtime}: round ${round + 1} of ${rounds}`);
      for (const candidate of rotated(candidates, round)) {
        results.get(candidate)!.push(await run(candidate, counts.get(candidate)!));
      }
    }
    return Object.fromEntries(
      candidates.map((candidate) => [
        candidate,
        figure(candidate, { results, counts }),
      ]),
    );
  } finally {
    for (const client of clients.values()) await client.end();
  }
}

function figure(
  candidate: string,
  { results, counts }: {
    results: Map<string, ReceiveResult[]>;
    counts: Map<string, number>;
  },
): ReceiveFigure {
  const own = results.get(candidate)!;
  const against = controlOf(candidate);
  // Frames that the consumer got: what was dropped counts for nobody.
  const speed = (name: string) =>
    results.get(name)!.map(({ frames, elapsedMs }) => frames / elapsedMs);
  const thrift = (name: string) =>
    results.get(name)!.map(({ frames, cpuMs }) => frames / Math.max(cpuMs, 0.001));
  const sent = counts.get(candidate)! * own.length;
  const delivered = own.reduce((sum, { frames }) => sum + frames, 0);
  const dropped = own.reduce((sum, run) => sum + run.dropped, 0);
  const peer = PEERS[candidate];
  return {
    ratio: pairedRatio(speed(candidate), speed(against)),
    against,
    ...peer && { behind: pairedRatio(speed(peer.ours), speed(candidate)) },
    cpuRatio: pairedRatio(thrift(candidate), thrift(against)),
    framesPerSecond: Math.round(median(speed(candidate).slice(1)) * 1_000),
    sent,
    delivered,
    dropped,
    silentlyLost: sent - delivered - dropped,
    peakRss: Math.max(...own.map((run) => run.peakRss)),
  };
}
