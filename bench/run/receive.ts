/**
 * How many frames per second come through, against the bare listener of the same runtime.
 *
 * @module
 */
import type { ReceiveResult } from "../client/jobs.ts";
import type { HostName } from "../client/host.ts";
import type { FeedKind } from "../payloads.ts";
import type { BenchServer } from "./programs.ts";
import { inRounds, type RoundsResult } from "./rounds.ts";
import { median, pairedRatio, type Spread } from "./statistics.ts";

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

/** Messages of the first run, from which the others are scaled. */
const FIRST_COUNT: Readonly<Record<FeedKind, number>> = {
  text52: 50_000,
  text200: 50_000,
  text1400: 20_000,
  text64k: 1_000,
  binary64k: 1_000,
  depth: 20_000,
};

/** One run, and how many messages the server was asked for. */
type Run = ReceiveResult & { readonly sent: number };

type Results = ReadonlyMap<string, RoundsResult<Run>>;

/** Frames that the consumer got: what was dropped counts for nobody. */
const speedOf = ({ frames, elapsedMs }: Run) => frames / elapsedMs;
const thriftOf = ({ frames, cpuMs }: Run) => frames / Math.max(cpuMs, 0.001);

/** Measures one group on one runtime. */
export async function measureReceive(
  runtime: HostName,
  { name, kind, secure, candidates }: ReceiveGroup,
  { server, rounds, note }: { server: BenchServer; rounds: number; note: (text: string) => void },
): Promise<Record<string, ReceiveFigure>> {
  const origin = secure ? `wss://127.0.0.1:${server.securePort}` : `ws://127.0.0.1:${server.port}`;
  const results = await inRounds<Run>({
    runtime,
    candidates,
    rounds,
    firstCount: FIRST_COUNT[kind],
    run: async (client, candidate, count) => {
      const url = `${origin}/blast?kind=${kind}&count=${count}`;
      const parse = kind === "depth";
      const result = await client.ask<ReceiveResult>({ job: "receive", candidate, url, parse });
      return { ...result, sent: count };
    },
    speedOf,
    note: (text) => note(`receive ${name} on ${runtime}: ${text}`),
  });
  return Object.fromEntries(candidates.map((candidate) => [candidate, figure(candidate, results)]));
}

function figure(candidate: string, results: Results): ReceiveFigure {
  const { kept, all } = results.get(candidate)!;
  const against = controlOf(candidate);
  const ratio = (of: (run: Run) => number, one: string, other: string) =>
    pairedRatio(results.get(one)!.kept.map(of), results.get(other)!.kept.map(of));
  const sum = (of: (run: Run) => number) => all.reduce((total, run) => total + of(run), 0);
  const [sent, delivered, dropped] = [
    sum((run) => run.sent),
    sum(({ frames }) => frames),
    sum((run) => run.dropped),
  ];
  const peer = PEERS[candidate];
  return {
    ratio: ratio(speedOf, candidate, against),
    against,
    ...peer && { behind: ratio(speedOf, peer.ours, candidate) },
    cpuRatio: ratio(thriftOf, candidate, against),
    framesPerSecond: Math.round(median(kept.map(speedOf)) * 1_000),
    sent,
    delivered,
    dropped,
    silentlyLost: sent - delivered - dropped,
    peakRss: Math.max(...all.map((run) => run.peakRss)),
  };
}
