/**
 * The applications of the soak test: each is one consumer with a habit that feeds have to live
 * with. All of them check what they get while they get it.
 *
 * @module
 */
import type {
  ConnectionOptions,
  DeliveredFrame,
  LifecycleSnapshot,
  ReconnectingConnection,
} from "../../mod.ts";
import type { Clock } from "../../src/contract/runtime.ts";

/** What the actors share. */
export interface Stage {
  readonly clock: Clock;
  /** Opens a connection to a path of the server and keeps account of it. */
  readonly open: (path: string, options?: ConnectionOptions) => ReconnectingConnection;
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  readonly random: () => number;
}

/** A broken promise. */
export class Violation extends Error {}

/**
 * Checks frames as they come: numbers grow, epochs never fall back, and within a session the
 * server's numbers and ours run in step, so that a gap in one is a gap in the other.
 */
export class Ledger {
  #seq = 0;
  #epoch = 0;
  #offset: number | undefined;

  /** @throws {Violation} */
  take({ seq, epoch, data }: DeliveredFrame): void {
    if (seq <= this.#seq) throw new Violation(`seq ${seq} came behind ${this.#seq}`);
    if (epoch < this.#epoch) throw new Violation(`epoch ${epoch} came behind ${this.#epoch}`);
    const number = parseInt(String(data), 10);
    if (epoch !== this.#epoch) this.#offset = undefined;
    this.#offset ??= seq - number;
    if (seq - number !== this.#offset) {
      throw new Violation(
        `message ${number} of session ${epoch} has seq ${seq}: frames are missing`,
      );
    }
    this.#seq = seq;
    this.#epoch = epoch;
  }
}

/** Resolves after that time, or when it is over: then still in a later turn, so that no loop spins. */
function pause({ clock, signal }: Stage, ms: number): Promise<void> {
  if (signal.aborted) return new Promise((resolve) => clock.turn(resolve));
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.setTimer(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** Reads everything, frame by frame. */
async function reads(stage: Stage, path: string, options: ConnectionOptions = {}): Promise<void> {
  const ledger = new Ledger();
  for await (const frame of stage.open(path, options)) ledger.take(frame);
}

/** Reads batches, and takes its time for each. */
async function dawdles(stage: Stage): Promise<void> {
  const ledger = new Ledger();
  const connection = stage.open("/flood", { buffer: { maxFrames: 5_000, maxBytes: 400_000 } });
  for await (const batch of connection.batches({ maxFrames: 1_000 })) {
    for (const frame of batch) ledger.take(frame);
    await pause(stage, 50 + stage.random() * 200);
  }
}

/** Overload with the policy that gives the session up. */
async function gives(stage: Stage): Promise<void> {
  const ledger = new Ledger();
  const buffer = { maxFrames: 5_000, maxBytes: 400_000, overflow: "fail" } as const;
  for await (const batch of stage.open("/flood", { buffer }).batches()) {
    for (const frame of batch) ledger.take(frame);
    await pause(stage, stage.random() * 500);
  }
}

/** Comes and goes: reads a little in one form or another, leaves, comes back. */
async function vanishes(stage: Stage): Promise<void> {
  const ledger = new Ledger();
  const connection = stage.open("/steady", { buffer: { maxFrames: 2_000 } });
  while (!connection.lifecycle.ended) {
    let left = 1 + Math.floor(stage.random() * 200);
    if (stage.random() < 0.5) {
      for await (const frame of connection.frames({ preventCancel: true })) {
        ledger.take(frame);
        if (--left === 0) break;
      }
    } else {
      const reader = connection.readable.getReader();
      for (; left > 0; left--) {
        const { done, value } = await reader.read();
        if (done) break;
        ledger.take(value);
      }
      reader.releaseLock();
    }
    await pause(stage, stage.random() * 1_000);
  }
}

/** Opens, reads a little and ends the connection, again and again: by break, cancel, shutdown or abort. */
async function restarts(stage: Stage): Promise<void> {
  while (!stage.signal.aborted) {
    const ledger = new Ledger();
    const controller = new AbortController();
    const connection = stage.open("/steady", { signal: controller.signal });
    let left = Math.floor(stage.random() * 100);
    const way = Math.floor(stage.random() * 4);
    if (way === 0) {
      const reader = connection.readable.getReader();
      for (; left > 0; left--) {
        const { done, value } = await reader.read();
        if (done) break;
        ledger.take(value);
      }
      await reader.cancel();
    } else {
      for await (const frame of connection) {
        ledger.take(frame);
        if (left-- > 0) continue;
        if (way === 1) break;
        if (way === 2) void connection.control.shutdown({ timeoutMs: 100 });
        else controller.abort(new Error("restart"));
        left = Infinity;
      }
    }
    await connection.control.shutdown({ timeoutMs: 100 });
  }
}

/** Sends without a pause, now and then a megabyte, held or not. */
async function sends(stage: Stage): Promise<void> {
  const connection = stage.open("/echo", {
    send: { timeoutMs: 500, maxWaitingBytes: 4 << 20 },
    buffer: { maxFrames: 5_000 },
  });
  const reading = (async () => {
    const ledger = new Ledger();
    for await (const frame of connection) ledger.take(frame);
  })();
  const big = "y".repeat(1 << 20);
  while (!connection.lifecycle.ended) {
    const { up } = connection.lifecycle.value;
    const count = up ? 20 : 1;
    const all = Array.from({ length: count }, (_, i) => {
      const data = stage.random() < 0.005 ? big : `message ${i}`;
      // A rejection is an answer; a promise that never settles would stop this loop, and be seen.
      return connection.send(data, { hold: stage.random() < 0.1 }).catch(() => {});
    });
    await Promise.all(all);
    await pause(stage, up ? 5 : 50);
  }
  await reading;
}

/** Watches a lifecycle, sleeping through most of it, and derives the rest by subtraction. */
async function watches(stage: Stage): Promise<void> {
  // Nobody reads it, so its buffer is full for good; a small one is so soon.
  const connection = stage.open("/churn", { buffer: { maxFrames: 100 } });
  let last: LifecycleSnapshot = connection.lifecycle.value;
  const reading = reads(stage, "/churn");
  for await (const now of connection.lifecycle) {
    for (const field of ["epoch", "attempts", "stales", "totalLagged", "version"] as const) {
      if (now[field] < last[field]) throw new Violation(`${field} went from ${last[field]} back`);
    }
    last = now;
    await pause(stage, stage.random() * 100);
  }
  await reading;
}

/** All of them. */
export const ACTORS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  steady: (stage) => reads(stage, "/steady"),
  overloaded: (stage) => reads(stage, "/flood", { buffer: { maxFrames: 5_000 } }),
  flaky: (stage) => reads(stage, "/flaky", { connectTimeoutMs: 200 }),
  churning: (stage) => reads(stage, "/churn"),
  dawdling: dawdles,
  "giving up": gives,
  vanishing: vanishes,
  restarting: restarts,
  sending: sends,
  watching: watches,
};
