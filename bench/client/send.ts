/**
 * How many messages per second go out. The clock ends when the server has counted them all.
 *
 * @module
 */
import { connectOver, type LeafName } from "./holdfast.ts";
import {
  atprotoFeed,
  type EventSocketClass,
  partysocketClass,
  rewsClass,
  runEffect,
} from "./peer_packages.ts";
import { END } from "../payloads.ts";
import type { ReconnectingConnection } from "../../src/contract/reconnecting.ts";

/** Send messages. */
export interface SendJob {
  readonly job: "send";
  readonly candidate: string;
  readonly url: string;
  readonly count: number;
  readonly bytes: number;
}

/** What came of it. */
export interface SendResult {
  readonly frames: number;
  readonly elapsedMs: number;
}

/** Sends between two pauses of the windowed form, and of the burst. */
const WINDOW = 64;
const BURST = 4_096;

type Send = (url: string, message: string, count: number) => Promise<number>;

/** The bare socket. The pause is that of one promise, as ours has it when nothing has to wait. */
function native(window: number): Send {
  return (url, message, count) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.onerror = reject;
      let started = 0;
      socket.onmessage = ({ data }) => {
        if (data !== END) return;
        resolve(performance.now() - started);
        socket.close();
      };
      socket.onopen = async () => {
        started = performance.now();
        for (let i = 0; i < count; i++) {
          socket.send(message);
          if (i % window === 0) await null;
        }
      };
    });
}

async function ended(connection: ReconnectingConnection): Promise<void> {
  for await (const { data } of connection) if (data === END) return;
}

function ours(leaf: LeafName, window: number): Send {
  return async (url, message, count) => {
    // A burst is meant to wait; with the default of 1,024 frames it would be refused instead.
    const send = { maxWaitingFrames: 2 * BURST, maxWaitingBytes: 64 * 1024 * 1024 };
    const connection = await connectOver(leaf, url, { send });
    const end = ended(connection);
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      const sent = connection.send(message);
      if (i % window === 0) await sent;
    }
    await end;
    return performance.now() - started;
  };
}

function peer(classOf: () => Promise<EventSocketClass>): Send {
  return async (url, message, count) => {
    const Peer = await classOf();
    const socket = new Peer(url);
    return await new Promise((resolve) => {
      let started = 0;
      socket.addEventListener("message", (event) => {
        if ((event as MessageEvent).data !== END) return;
        resolve(performance.now() - started);
        socket.close();
      });
      socket.addEventListener("open", async () => {
        started = performance.now();
        for (let i = 0; i < count; i++) {
          socket.send(message);
          if (i % WINDOW === 0) await null;
        }
      });
    });
  };
}

/** Its promises resolve at the flush; a window keeps it from waiting for each. */
const atproto: Send = async (url, message, count) => {
  let started = 0;
  const feed = await atprotoFeed(url, {
    heartbeat: false,
    onConnect: async (sender) => {
      started = performance.now();
      for (let i = 0; i < count; i++) {
        const sent = sender.send(message);
        if (i % WINDOW === 0) await sent;
      }
    },
  });
  for (;;) {
    const { value, done } = await feed.next();
    if (done) throw new Error("the feed ended before its last message");
    if (value === END) break;
  }
  const elapsed = performance.now() - started;
  void feed.return(undefined);
  return elapsed;
};

/** Its `writeAll`, a window at a time. */
const effect: Send = async (url, message, count) => {
  let elapsed = 0;
  const whole = Array<string>(WINDOW).fill(message);
  await runEffect(url, {}, function* (session) {
    const started = performance.now();
    for (let left = count; left > 0; left -= WINDOW) {
      yield* session.writeAll(left < WINDOW ? whole.slice(0, left) : whole);
    }
    while (!(yield* session.pull).includes(END));
    elapsed = performance.now() - started;
  });
  return elapsed;
};

const SENDERS: Readonly<Record<string, Send>> = {
  native: native(WINDOW),
  nativeEach: native(1),
  nativeBurst: native(BURST),
  windowed: ours("native", WINDOW),
  awaitEach: ours("native", 1),
  burst: ours("native", BURST),
  "tcp.windowed": ours("tcp", WINDOW),
  "tcp.awaitEach": ours("tcp", 1),
  "tcp.burst": ours("tcp", BURST),
  rews: peer(rewsClass),
  partysocket: peer(partysocketClass),
  atproto,
  effect,
};

/** Runs one. */
export async function measureSend(job: SendJob): Promise<SendResult> {
  const send = SENDERS[job.candidate];
  if (send === undefined) throw new Error(`No such sender: ${job.candidate}`);
  const message = "s".repeat(job.bytes);
  return { frames: job.count, elapsedMs: await send(job.url, message, job.count) };
}
