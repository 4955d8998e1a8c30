/**
 * The outbox over a socket that does nothing, against calling that socket. `deno bench bench/outbox.bench.ts`
 *
 * @module
 */
import type { WsConnection } from "../src/contract/connection.ts";
import type { Frame } from "../src/contract/frame.ts";
import { deno } from "../src/runtime/deno.ts";
import { Outbox } from "../src/send/outbox.ts";
import { gateOf, sendRateLimit } from "../src/send/send_rate_limit.ts";

const SENDS = 1_000;
const frame: Frame = { type: "text", data: "x".repeat(200) };
const group = { group: `${SENDS} sends, each awaited` };

let sent = 0;
const connection: WsConnection = {
  protocol: "",
  bufferedAmount: 0,
  closed: new Promise(() => {}),
  readable: new ReadableStream(),
  writable: new WritableStream(),
  send: () => void sent++,
  close() {},
  abandon() {},
};

function outbox(gate?: ReturnType<typeof gateOf>): Outbox {
  const made = new Outbox({
    clock: deno().clock,
    maxWaitingFrames: 1_024,
    maxWaitingBytes: 4 * 1_048_576,
    highWaterMarkBytes: 1_048_576,
    timeoutMs: 30_000,
    gate,
    hooks: { onFailed() {} },
  });
  made.open({ epoch: 1, connection, layers: undefined });
  made.start();
  return made;
}

/** One run. `deno bench` waits for a function that is `async` itself, and for no other's promise. */
function measure(
  name: string,
  options: Partial<Deno.BenchDefinition>,
  make: () => (frame: Frame) => Promise<void>,
): void {
  Deno.bench(name, { ...group, ...options }, async (bench) => {
    const send = make();
    sent = 0;
    bench.start();
    for (let i = 0; i < SENDS; i++) await send(frame);
    bench.end();
    if (sent !== SENDS) throw new Error(`${sent} sends of ${SENDS}`);
  });
}

const done = Promise.resolve();
measure("control: the socket itself", { baseline: true }, () => (frame) => {
  connection.send(frame);
  return done;
});

const plain = outbox();
measure("Outbox", {}, () => (frame) => plain.send(frame));

// A limit of its own for each run, so that it is never in the way: what it costs is what is measured.
measure("Outbox with a rate limit", {}, () => {
  const limited = outbox(gateOf(sendRateLimit({ limit: 2 * SENDS, windowMs: 60_000 })));
  return (frame) => limited.send(frame);
});
