/**
 * What `sendRateLimit` costs per send: a stack over a socket that does nothing, with and without it.
 *
 * @module
 */
import type { FrameSink, WsConnection } from "../../src/contract/connection.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import type { ConnectionOptions } from "../../src/contract/options.ts";
import { sendRateLimit } from "../../src/send/send_rate_limit.ts";
import { platform } from "./holdfast.ts";

/** Measure the rate limit. */
export interface LimiterJob {
  readonly job: "limiter";
}

/** Nanoseconds per send that the limit adds. */
export interface LimiterResult {
  /** Without one: what two equal runs differ by. */
  readonly offNs: number;
  /** With one that never makes a send wait. */
  readonly onNs: number;
}

const SENDS = 100_000;
const ROUNDS = 11;

const idle: WsConnection = {
  protocol: "",
  bufferedAmount: 0,
  closed: new Promise(() => {}),
  readable: new ReadableStream(),
  writable: new WritableStream(),
  attach(_sink: FrameSink) {},
  send() {},
  close() {},
  abandon() {},
};

/** Runs it. */
export async function measureLimiter(): Promise<LimiterResult> {
  const { connect, runtime } = await platform();
  const seams = runtime();
  const connector: WsConnector = {
    capabilities: seams.connector.capabilities,
    connect: () => Promise.resolve(idle),
  };
  const time = async (options: ConnectionOptions): Promise<number> => {
    const connection = await connect("ws://localhost/", {
      ...options,
      runtime: { ...seams, connector },
    });
    const started = performance.now();
    for (let i = 0; i < SENDS; i++) await connection.send("x");
    const elapsed = performance.now() - started;
    await connection.control.shutdown({ timeoutMs: 1 });
    return elapsed * 1e6 / SENDS;
  };
  const limit = () => ({ sendRateLimit: sendRateLimit({ limit: SENDS * 2, windowMs: 60_000 }) });
  const [plain, again, limited]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await time({}));
    limited.push(await time(limit()));
    again.push(await time({}));
  }
  const best = (times: number[]) => Math.min(...times.slice(1));
  return {
    offNs: Math.round(best(again) - best(plain)),
    onNs: Math.round(best(limited) - Math.min(best(plain), best(again))),
  };
}
