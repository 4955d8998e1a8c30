/**
 * How many messages per second go out. The clock ends when the server has counted them all.
 *
 * @module
 */
import { connectOver, type LeafName } from "./holdfast.ts";
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

interface Peer {
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void;
  send(data: string): void;
  close(): void;
}

function peer(make: (url: string) => Promise<Peer>): Send {
  return async (url, message, count) => {
    const socket = await make(url);
    return await new Promise((resolve) => {
      let started = 0;
      socket.addEventListener("message", ({ data }) => {
        if (data !== END) return;
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

async function load<T>(name: string): Promise<T> {
  return await import(name) as T;
}

type Sender = { send(data: string): Promise<void> };

/** Its promises resolve at the flush; a window keeps it from waiting for each. */
const atproto: Send = async (url, message, count) => {
  const { websocket } = await load<{
    websocket(url: string, options: object): AsyncGenerator<string>;
  }>("@atproto/ws-client");
  let started = 0;
  const feed = websocket(url, {
    heartbeat: false,
    onConnect: async (sender: Sender) => {
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
  rews: peer(async (url) => {
    const { ReconnectingWebSocket } = await load<
      { ReconnectingWebSocket: new (url: string) => Peer }
    >("@nktkas/rews");
    return new ReconnectingWebSocket(url);
  }),
  partysocket: peer(async (url) => {
    const { WebSocket } = await load<{ WebSocket: new (url: string) => Peer }>("partysocket");
    return new WebSocket(url);
  }),
  atproto,
};

/** Runs one. */
export async function measureSend(job: SendJob): Promise<SendResult> {
  const send = SENDERS[job.candidate];
  if (send === undefined) throw new Error(`No such sender: ${job.candidate}`);
  const message = "s".repeat(job.bytes);
  return { frames: job.count, elapsedMs: await send(job.url, message, job.count) };
}
