/**
 * A platform without a world: time, tasks, randomness and sockets in the hands of a test.
 *
 * @module
 */
import type { Runtime } from "../contract/runtime.ts";
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
  /** Lets everything happen that can happen without time passing. */
  settle(): Promise<void>;
  /** Lets time pass, timer by timer, settling after each. */
  advance(ms: number): Promise<void>;
}

/** How many rounds of promise callbacks are waited for without a sign of work. Chains of awaits in dial layers are far shorter. */
const QUIET_ROUNDS = 24;

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
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      await Promise.resolve();
      if (spawn.run() > 0) quiet = 0;
      // A turn comes after all that is ready, as a macrotask does.
      if (quiet === QUIET_ROUNDS - 1 && clock.runTurns() > 0) quiet = 0;
    }
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
        if (!clock.fireNext(until - clock.now())) throw new Error("Cannot dial: nothing dials");
        await settle();
      }
    },
    async advance(ms) {
      await settle();
      const until = clock.now() + ms;
      while (clock.fireNext(until - clock.now())) await settle();
      clock.skip(until - clock.now());
    },
  };
}
