/**
 * The peers, driven as their documentation says and as fairly as we know: listeners by `addEventListener`, bytes as `ArrayBuffer`, equal
 * buffer bounds where there are any, the clock stopped before the close handshake.
 *
 * They are imported by a name in a variable, so that whoever checks or runs other files needs none of them.
 *
 * @module
 */
import type { Receive } from "./controls.ts";
import type { Message } from "./meter.ts";

/** What the pull peers may buffer: as much as ours does by default. */
const BUFFER_BYTES = 16 * 1_024 * 1_024;

export async function load<T>(name: string): Promise<T> {
  return await import(name) as T;
}

interface EventSocket extends EventTarget {
  binaryType: string;
  send(data: string): void;
  close(): void;
}

/** A peer that is an `EventTarget` in the shape of `WebSocket`. */
function push(make: () => Promise<(url: string) => EventSocket>): Receive {
  return async (url, meter) => {
    const socket = (await make())(url);
    socket.binaryType = "arraybuffer";
    return await new Promise((resolve, reject) => {
      socket.addEventListener("error", reject);
      socket.addEventListener("open", () => {
        meter.start();
        socket.send("go");
      });
      socket.addEventListener("message", (event) => {
        if (!meter.take((event as MessageEvent<Message>).data)) return;
        resolve();
        socket.close();
      });
    });
  };
}

const rews = push(async () => {
  const { ReconnectingWebSocket } = await load<
    { ReconnectingWebSocket: new (url: string) => EventSocket }
  >("@nktkas/rews");
  return (url) => new ReconnectingWebSocket(url);
});

const partysocket = push(async () => {
  const peer = await load<{ WebSocket: new (url: string) => EventSocket }>("partysocket");
  return (url) => new peer.WebSocket(url);
});

/** Its iterator. On all three runtimes it runs over `ws`, which the condition "node" of its imports selects. */
const atproto: Receive = async (url, meter) => {
  const { websocket } = await load<{
    websocket(url: string, options: {
      heartbeat: false;
      highWaterMark: number;
      onConnect(sender: { send(data: string): Promise<void> }): void;
    }): AsyncGenerator<Message>;
  }>("@atproto/ws-client");
  const feed = websocket(url, {
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

interface EffectNamespace {
  readonly Effect: {
    gen(body: () => Generator): unknown;
    scoped(effect: unknown): unknown;
    provide(effect: unknown, layer: unknown): unknown;
    runPromise(effect: unknown): Promise<void>;
    sync(run: () => void): unknown;
  };
}

interface EffectSocket {
  readonly reader: Iterable<unknown>;
  readonly writer: Iterable<unknown>;
}

/** Its reader, pulled batch by batch, which is the lowest and fastest of its forms. */
const effect: Receive = async (url, meter) => {
  const { Effect } = await load<EffectNamespace>("effect");
  const Socket = await load<{
    makeWebSocket(url: string, options: { highWaterMark: number }): Iterable<unknown>;
    layerWebSocketConstructorGlobal: unknown;
  }>("effect/socket/Socket");
  const program = Effect.gen(function* () {
    const socket =
      (yield* Socket.makeWebSocket(url, { highWaterMark: BUFFER_BYTES })) as EffectSocket;
    const reader = (yield* socket.reader) as { pull: Iterable<unknown> };
    const writer = (yield* socket.writer) as { write(data: string): Iterable<unknown> };
    meter.start();
    yield* writer.write("go");
    for (;;) {
      for (const message of (yield* reader.pull) as readonly Message[]) {
        if (meter.take(message)) return;
      }
    }
  });
  await Effect.runPromise(
    Effect.provide(Effect.scoped(program), Socket.layerWebSocketConstructorGlobal),
  );
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
export const peers: Readonly<Record<string, Receive>> = { rews, partysocket, atproto, effect, ws };
