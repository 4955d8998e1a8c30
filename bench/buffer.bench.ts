/**
 * The whole recv axis without a socket, in its three forms, against a plain ReadableStream. `deno bench bench/buffer.bench.ts`
 *
 * @module
 */
import { ConnectionAxes } from "../src/axes.ts";
import type { FrameSink, WsConnection } from "../src/contract/connection.ts";
import { TransportError } from "../src/contract/errors.ts";
import { resolveOptions } from "../src/contract/options.ts";
import { deno } from "../src/runtime/deno.ts";

const FRAMES = 1_000;
const MESSAGE = "x".repeat(200);
const group = { group: `${FRAMES} messages of 200 bytes, from the leaf to the reader` };

const over = new TransportError("not_connected", "The benchmark is over");

/** Both axes of a session whose socket is this file. */
function open(): { axes: ConnectionAxes; sink: FrameSink } {
  const { clock, connector } = deno();
  const axes = new ConnectionAxes(resolveOptions({}, connector.capabilities), {
    hooks: {
      clock,
      onCount() {},
      onReport() {},
      onFailed() {},
      onOverflow() {},
      onFinish() {},
      onCancel() {},
    },
    recvAxis: false,
  });
  let sink!: FrameSink;
  const connection: WsConnection = {
    protocol: "",
    bufferedAmount: 0,
    closed: new Promise(() => {}),
    readable: new ReadableStream(),
    writable: new WritableStream(),
    attach: (attached) => void (sink = attached),
    send() {},
    close() {},
    abandon() {},
  };
  const { signal } = new AbortController();
  axes.open({ epoch: 1, connection, signal });
  axes.listen();
  return { axes, sink };
}

function burst(sink: FrameSink): void {
  for (let i = 0; i < FRAMES; i++) sink.text!(MESSAGE);
}

/** Runs `read` on a stack whose timers are given back. */
function form(
  name: string,
  read: (axes: ConnectionAxes, sink: FrameSink) => Promise<number>,
): void {
  Deno.bench(name, group, async (bench) => {
    const { axes, sink } = open();
    bench.start();
    const count = await read(axes, sink);
    bench.end();
    axes.release(over);
    axes.finish(undefined, over);
    if (count < FRAMES) throw new Error(`${count} frames of ${FRAMES}`);
  });
}

Deno.bench("control: ReadableStream", { ...group, baseline: true }, async (bench) => {
  let controller!: ReadableStreamDefaultController<string>;
  const reader = new ReadableStream<string>({ start: (own) => void (controller = own) })
    .getReader();
  bench.start();
  for (let i = 0; i < FRAMES; i++) controller.enqueue(MESSAGE);
  for (let i = 0; i < FRAMES; i++) await reader.read();
  bench.end();
});

form("frames()", async ({ buffer }, sink) => {
  burst(sink);
  let count = 0;
  for await (const _ of buffer.frames({ preventCancel: true })) if (++count === FRAMES) break;
  return count;
});

form("batches()", async ({ buffer }, sink) => {
  burst(sink);
  let count = 0;
  for await (const frames of buffer.batches({ preventCancel: true })) {
    count += frames.length;
    if (count === FRAMES) break;
  }
  return count;
});

form("readable", async ({ buffer }, sink) => {
  burst(sink);
  const reader = buffer.readable.getReader();
  let count = 0;
  for (; count < FRAMES; count++) await reader.read();
  reader.releaseLock();
  return count;
});
