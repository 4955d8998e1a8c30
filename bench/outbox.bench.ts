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
    onStuck() {},
    onFailed() {},
  });
  made.open({ epoch: 1, connection, layers: undefined });
  made.start();
  return made;
}

async function measure(send: () => Promise<void>): Promise<void> {
  sent = 0;
  for (let i = 0; i < SENDS; i++) await send();
  if (sent !== SENDS) throw new Error(`${sent} sends of ${SENDS}`);
}

const done = Promise.resolve();
Deno.bench("control: the socket itself", { ...group, baseline: true }, () =>
  measure(() => {
    connection.send(frame);
    return done;
  }));

const plain = outbox();
Deno.bench("Outbox", group, () => measure(() => plain.send(frame)));

// Never in the way: what it costs is what is measured.
const limited = outbox(gateOf(sendRateLimit({ limit: 2 * SENDS, windowMs: 1 })));
Deno.bench("Outbox with a rate limit", group, () => measure(() => limited.send(frame)));
