/**
 * Whether a client finds back after a fault, and how long it was without a feed. All wait 100 ms before they dial again and have a second for a dial,
 * as far as they can be told so; what looks for dead connections looks after a second.
 *
 * @module
 */
import process from "node:process";
import { type Fault, FAULTS, type Greeting } from "../server/faults.ts";
import { connectOver, type LeafName } from "./holdfast.ts";
import type { Message } from "./meter.ts";
import {
  atprotoFeed,
  type EventSocketClass,
  partysocketClass,
  rewsClass,
  runEffect,
  type Target,
} from "./peer_packages.ts";

/** Go through all faults, each with a connection of its own, at the same time. */
export interface RecoveryJob {
  readonly job: "recovery";
  readonly candidate: string;
  /** The server's origin. */
  readonly origin: string;
  /** Connections with this key belong together. */
  readonly key: string;
  /** Who is not back by then is said never to be. */
  readonly limitMs: number;
}

/** Milliseconds without a feed; `null`: not back in time. */
export type RecoveryResult = Readonly<Record<Fault, number | null>>;

const DELAY_MS = 100;
const LIMIT_MS = 1_000;

/** Dials, dials again as long as it takes, and gives every message. It never ends; the process does. */
type Follow = (fault: Fault, url: Target, take: (message: Message) => void) => void | Promise<void>;

function ours(leaf: LeafName): Follow {
  return async (fault, url, take) => {
    const connection = await connectOver(leaf, url, {
      backoff: { minDelayMs: DELAY_MS, maxDelayMs: DELAY_MS },
      connectTimeoutMs: LIMIT_MS,
      ...fault === "halfOpen"
        ? { liveness: { staleAfterMs: LIMIT_MS / 2, deadAfterMs: LIMIT_MS } }
        : {},
    });
    for await (const { data } of connection) take(data);
  };
}

function listening(classOf: () => Promise<EventSocketClass>, options: object): Follow {
  return async (_, url, take) => {
    const Peer = await classOf();
    const socket = new Peer(url, undefined, options);
    socket.addEventListener("message", (event) => take((event as MessageEvent).data));
  };
}

/** Its delay is random, around a second at first; what it can be told is the most. A dial has no limit. */
const atproto: Follow = async (fault, url, take) => {
  const heartbeat = fault === "halfOpen" ? { intervalMs: LIMIT_MS / 2 } : false as const;
  const options = { heartbeat, maxReconnectSeconds: DELAY_MS / 1_000 };
  for await (const message of await atprotoFeed(url, options)) take(message);
};

/** It connects once; what connects again is `Effect.retry`, as in its documentation. */
const effect: Follow = async (_, url, take) => {
  await runEffect(url, { openTimeout: LIMIT_MS, retryAfterMs: DELAY_MS }, function* ({ pull }) {
    for (;;) for (const message of yield* pull) take(message);
  });
};

const FOLLOWERS: Readonly<Record<string, Follow>> = {
  connect: ours("native"),
  tcp: ours("tcp"),
  rews: listening(rewsClass, { reconnectionDelay: DELAY_MS, connectionTimeout: LIMIT_MS }),
  partysocket: listening(partysocketClass, {
    minReconnectionDelay: DELAY_MS,
    maxReconnectionDelay: DELAY_MS,
    connectionTimeout: LIMIT_MS,
  }),
  atproto,
  effect,
};

/** The URL of the second dial never comes. */
function hanging(url: string): Target {
  let dials = 0;
  return () => ++dials === 2 ? new Promise(() => {}) : Promise.resolve(url);
}

/** Runs it. */
export async function measureRecovery(job: RecoveryJob): Promise<RecoveryResult> {
  const { candidate, origin, key, limitMs } = job;
  const follow = FOLLOWERS[candidate];
  if (follow === undefined) throw new Error(`No such client: ${candidate}`);
  // What a client throws into the event loop is no reason not to look whether it comes back.
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, () => {});
  const times = await Promise.all(FAULTS.map((fault) =>
    new Promise<number | null>((resolve) => {
      const url = `${origin}/fault?kind=${fault}&key=${key}`;
      const take = (message: Message) => {
        const { lostAt } = JSON.parse(message as string) as Greeting;
        if (lostAt !== undefined) resolve(Date.now() - lostAt);
      };
      setTimeout(() => resolve(null), limitMs);
      const target = fault === "hungAuth" ? hanging(url) : url;
      Promise.resolve(follow(fault, target, take)).catch(() => {});
    })
  ));
  return Object.fromEntries(FAULTS.map((fault, i) => [fault, times[i]!])) as RecoveryResult;
}
