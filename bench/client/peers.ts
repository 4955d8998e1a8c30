/**
 * The peers, driven as their documentation says and as fairly as we know: listeners by `addEventListener`, bytes as `ArrayBuffer`, equal
 * buffer bounds where a bound costs nothing, the clock stopped before the close handshake.
 *
 * @module
 */
import type { Receive } from "./controls.ts";
import {
  atprotoFeed,
  type EventSocketClass,
  load,
  partysocketClass,
  rewsClass,
  runEffect,
} from "./peer_packages.ts";

/** What the pull peers may buffer: as much as ours does by default. */
const BUFFER_BYTES = 16 * 1_024 * 1_024;

function push(classOf: () => Promise<EventSocketClass>): Receive {
  return async (url, meter) => {
    const Peer = await classOf();
    const socket = new Peer(url);
    socket.binaryType = "arraybuffer";
    return await new Promise((resolve, reject) => {
      socket.addEventListener("error", reject);
      socket.addEventListener("open", () => {
        meter.start();
        socket.send("go");
      });
      socket.addEventListener("message", (event) => {
        if (!meter.take((event as MessageEvent).data)) return;
        resolve();
        socket.close();
      });
    });
  };
}

const atproto: Receive = async (url, meter) => {
  const feed = await atprotoFeed(url, {
    heartbeat: false,
    highWaterMark: BUFFER_BYTES,
    onConnect: (sender) => {
      meter.start();
      void sender.send("go");
    },
  });
  for (;;) {
    const { done, value } = await feed.next();
    if (done) throw new Error("the feed ended before its last message");
    if (meter.take(value)) break;
  }
  // It waits up to a second for the close handshake: the clock has stopped before.
  void feed.return(undefined);
};

/**
 * Without a bound where the socket cannot pause: to keep one, effect encodes every text only to know its length. Where it can pause, it keeps
 * one anyway.
 */
const effect: Receive = async (url, meter) => {
  const pauses = "pause" in WebSocket.prototype;
  await runEffect(url, pauses ? { highWaterMark: BUFFER_BYTES } : {}, function* (session) {
    meter.start();
    yield* session.writeAll(["go"]);
    for (;;) {
      for (const message of yield* session.pull) if (meter.take(message)) return;
    }
  });
};

interface WsSocket {
  on(event: "open", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "message", listener: (data: Uint8Array, binary: boolean) => void): void;
  send(data: string): void;
  close(): void;
}

/** The bare `ws` package: a listener, and text made of each text message, as it gives bytes. */
const ws: Receive = async (url, meter) => {
  const { WebSocket } = await load<{ WebSocket: new (url: string, options: object) => WsSocket }>(
    "ws",
  );
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => {
      meter.start();
      socket.send("go");
    });
    socket.on("message", (data, binary) => {
      if (!meter.take(binary ? data : data.toString())) return;
      resolve();
      socket.close();
    });
  });
};

/** The peers, by name. */
export const peers: Readonly<Record<string, Receive>> = {
  rews: push(rewsClass),
  partysocket: push(partysocketClass),
  atproto,
  effect,
  ws,
};
