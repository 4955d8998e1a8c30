/**
 * A platform without a world: time, tasks, randomness and sockets in the hands of a test.
 *
 * @module
 */
import type { Runtime } from "../contract/runtime.ts";
import { systemClock } from "../runtime/clock.ts";
import { ManualClock } from "./manual_clock.ts";
import { MockConnector, type MockConnectorOptions, type MockDial } from "./mock_connector.ts";
import { MockSpawn } from "./mock_spawn.ts";
import { seededRandom } from "./seeded_random.ts";

/** What a {@link MockRuntime} is made of. */
export interface MockRuntimeOptions extends MockConnectorOptions {
  /** Seed of its randomness. @default {1} */
  readonly seed?: number;
  /** Whether events wait until the test steps `spawn` (or settles), so that it can look between two of them. @default {false} */
  readonly stepped?: boolean;
}

/** A mock platform with its parts. */
export interface MockRuntime {
  /** For the option `runtime` of `connect` and `open`. */
  readonly runtime: Runtime;
  /** Its clock. */
  readonly clock: ManualClock;
  /** Its executor. */
  readonly spawn: MockSpawn;
  /** Its leaf. */
  readonly connector: MockConnector;
  /** The next dial, once there is one. Time moves as far as it must (an hour at most): a dial that waits for its backoff is waited for. */
  dial(): Promise<MockDial>;
  /**
   * Lets everything happen that can happen without time passing: promise callbacks, events, turns. What your own code asks of the real world (a
   * signature by `crypto.subtle`, a file, `fetch`) takes real time, and is yours to wait for before.
   */
  settle(): Promise<void>;
  /** Lets time pass, timer by timer, settling after each. */
  advance(ms: number): Promise<void>;
}

/** How many rounds of promise callbacks are waited for without a sign of work, before the platform's macrotask says that there are no more. */
const QUIET_ROUNDS = 24;

const NOTHING_DIALS = "Cannot dial: nothing dials, for an hour of this clock; " +
  "a url, auth or dial layer that waits for the real world (crypto.subtle, fetch) is not waited for";

/** How far {@link MockRuntime.dial} lets time pass. */
const DIAL_LIMIT_MS = 3_600_000;

/**
 * Makes a mock platform.
 *
 * @example
 * ```ts
 * import { open } from "@holdfast/ws";
 * import { mockRuntime } from "@holdfast/ws/testing";
 *
 * const mock = mockRuntime();
 * const feed = open("ws://venue", { runtime: mock.runtime, onSession: (s) => s.send("subscribe A") });
 * const first = await mock.dial();
 * first.open();
 * await mock.settle();
 * console.log(first.sent); // [ "subscribe A" ]
 * first.end({ code: 1006 });
 * await mock.settle();
 * console.log(feed.lifecycle.value.phase); // reconnecting
 * await feed.control.shutdown();
 * ```
 */
export function mockRuntime(options: MockRuntimeOptions = {}): MockRuntime {
  const clock = new ManualClock();
  const spawn = new MockSpawn({ auto: options.stepped !== true });
  const connector = new MockConnector(options);
  const runtime: Runtime = { clock, spawn, connector, random: seededRandom(options.seed ?? 1) };
  /** Rounds of promise callbacks, tasks and turns. @returns whether there was work in them. */
  const rounds = async (): Promise<boolean> => {
    let work = 0;
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      await Promise.resolve();
      let done = spawn.run();
      // A turn comes after all that is ready, as a macrotask does.
      if (done === 0 && quiet === QUIET_ROUNDS - 1) done = clock.runTurns();
      if (done > 0) quiet = 0;
      work += done;
    }
    return work > 0;
  };
  const settle = async (): Promise<void> => {
    await rounds();
    if (options.stepped === true) return;
    // However long a chain of promise callbacks is: a macrotask of the platform comes after all of it.
    do await new Promise<void>(systemClock.turn); while (await rounds());
  };
  return {
    runtime,
    clock,
    spawn,
    connector,
    settle,
    async dial() {
      await settle();
      const until = clock.now() + DIAL_LIMIT_MS;
      for (;;) {
        const dial = connector.next();
        if (dial !== undefined) return dial;
        if (!clock.fireNext(until - clock.now())) throw new Error(NOTHING_DIALS);
        await settle();
      }
    },
    async advance(ms) {
      // Without an end there is always a next timer, and no test runner gets to say so.
      if (!(Number.isFinite(ms) && ms >= 0)) {
        throw new RangeError(`Cannot advance by ${ms} ms: it must be a finite number, 0 or more`);
      }
      await settle();
      const until = clock.now() + ms;
      while (clock.fireNext(until - clock.now())) await settle();
      clock.skip(Math.max(0, until - clock.now()));
    },
  };
}
