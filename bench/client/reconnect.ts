/**
 * How long a loss lasts, and what a thousand connections do after a restart of their server.
 *
 * @module
 */
import { attemptBudget } from "../../src/connect/attempt_budget.ts";
import type { ReconnectingConnection } from "../../src/contract/reconnecting.ts";
import { connectOver, platform } from "./holdfast.ts";

/** Lose a session again and again. */
export interface ReconnectJob {
  readonly job: "reconnect";
  readonly url: string;
  readonly cycles: number;
}

/** Milliseconds from the `close` event to the next greeting, each. */
export interface ReconnectResult {
  readonly native: number[];
  readonly holdfast: number[];
}

/** Lose a thousand at once. */
export interface RestartJob {
  readonly job: "restart";
  /** `connect` and then `recover`: the server restarts between them. */
  readonly step: "connect" | "recover";
  readonly url: string;
  readonly connections: number;
  readonly attempts: number;
  readonly windowMs: number;
}

const Platform = globalThis.WebSocket;

/** Waits for `cycles` greetings, each after a close. */
function bare(url: string, cycles: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const dial = (lostAt: number | undefined) => {
      const socket = new Platform(url);
      socket.onmessage = () => {
        if (lostAt === undefined) return;
        times.push(performance.now() - lostAt);
        if (times.length === cycles) resolve(times);
      };
      let over = false;
      const lost = () => {
        if (over) return;
        over = true;
        if (times.length < cycles) dial(performance.now());
      };
      // Node 22 gives an error without a close.
      socket.onerror = () => socket.readyState === Platform.CONNECTING ? reject(socket) : lost();
      socket.onclose = lost;
    };
    dial(undefined);
  });
}

async function ours(url: string, cycles: number): Promise<number[]> {
  const times: number[] = [];
  let lostAt: number | undefined;
  globalThis.WebSocket = class extends Platform {
    constructor(...args: ConstructorParameters<typeof Platform>) {
      super(...args);
      const lost = () => lostAt ??= performance.now();
      this.addEventListener("error", lost);
      this.addEventListener("close", lost);
    }
  };
  try {
    const connection = await connectOver("native", url, {
      backoff: { minDelayMs: 0, maxDelayMs: 1, stableAfterMs: 1 },
    });
    for await (const _ of connection) {
      if (lostAt === undefined) continue;
      times.push(performance.now() - lostAt);
      lostAt = undefined;
      connection.control.markHealthy();
      if (times.length === cycles) break;
    }
  } finally {
    globalThis.WebSocket = Platform;
  }
  return times;
}

/** Runs it. */
export async function measureReconnect({ url, cycles }: ReconnectJob): Promise<ReconnectResult> {
  const half = Math.ceil(cycles / 2);
  // In turns, so that both have the same machine.
  const native = await bare(url, half);
  const holdfast = await ours(url, half);
  native.push(...await bare(url, half));
  holdfast.push(...await ours(url, half));
  return { native, holdfast };
}

let fleet: ReconnectingConnection[] = [];

/** What came of a step. */
export interface RestartResult {
  /** When each dial began, in milliseconds. */
  readonly dials: readonly number[];
  /** Attempts that the leaf reserves for a dial, and gives back but one when it opens. */
  readonly wireDials: number;
  readonly tookMs: number;
}

/** Runs one step. */
export async function measureRestart(job: RestartJob): Promise<RestartResult> {
  const { step, url, connections, attempts, windowMs } = job;
  const { runtime } = await platform();
  const { wireDials } = runtime().connector.capabilities;
  const started = performance.now();
  const dials: number[] = [];
  globalThis.WebSocket = class extends Platform {
    constructor(...args: ConstructorParameters<typeof Platform>) {
      dials.push(performance.now());
      super(...args);
    }
  };
  if (step === "connect") {
    const budget = attemptBudget({ attempts, windowMs });
    fleet = await Promise.all(
      Array.from({ length: connections }, () =>
        connectOver("native", url, {
          attemptBudget: budget,
          backoff: { minDelayMs: 0, maxDelayMs: 1 },
        })),
    );
  } else {
    await Promise.all(
      fleet.map(({ lifecycle }) => lifecycle.waitFor(({ epoch, up }) => epoch === 2 && up)),
    );
  }
  const tookMs = performance.now() - started;
  globalThis.WebSocket = Platform;
  if (step === "recover") {
    await Promise.all(fleet.map(({ control }) => control.shutdown({ timeoutMs: 500 })));
    fleet = [];
  }
  return { dials, wireDials, tookMs };
}
