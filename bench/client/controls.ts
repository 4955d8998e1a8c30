/**
 * The controls: what a program without any library does.
 *
 * @module
 */
import type { Meter } from "./meter.ts";

/** Receives one feed: sends the first frame, hands each message to the meter, resolves at the last. */
export type Receive = (url: string, meter: Meter) => Promise<Counted | void>;

/** What a client with a buffer tells beside what it delivered. */
export interface Counted {
  /** Messages that it dropped and says so. */
  readonly dropped: number;
}

/** The bare listener: nothing but the platform's socket and a payload that is read. */
export const native: Receive = (url, meter) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onerror = reject;
    socket.onopen = () => {
      meter.start();
      socket.send("go");
    };
    socket.onmessage = ({ data }) => {
      if (!meter.take(data)) return;
      resolve();
      socket.close();
    };
  });

function nativeStream(url: string, meter: Meter): ReadableStream<string | ArrayBuffer> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  return new ReadableStream({
    start(controller) {
      socket.onerror = (event) => controller.error(event);
      socket.onmessage = ({ data }) => controller.enqueue(data);
      socket.onopen = () => {
        meter.start();
        socket.send("go");
      };
    },
    cancel: () => socket.close(),
  });
}

async function read(stream: ReadableStream<string | ArrayBuffer>, meter: Meter): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream ended before the feed");
    if (meter.take(value)) break;
  }
  void reader.cancel();
}

/** The listener puts messages into a stream of the platform, with the platform's own queue, which is unbounded. */
export const nativeReadable: Receive = (url, meter) => read(nativeStream(url, meter), meter);

/** The same behind two transform streams that change nothing, as layers would be written without `fuse`. */
export const twoTransforms: Receive = (url, meter) => {
  const one = new TransformStream<string | ArrayBuffer, string | ArrayBuffer>();
  const two = new TransformStream<string | ArrayBuffer, string | ArrayBuffer>();
  return read(nativeStream(url, meter).pipeThrough(one).pipeThrough(two), meter);
};
