/**
 * A whole connection over the mock platform, with all that it did written down, and the checks that every story ends with.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type ConnectionOptions,
  type DeliveredFrame,
  type LifecycleSnapshot,
  open,
  type ReconnectingConnection,
  type TraceEvent,
  type WsConnector,
} from "../../mod.ts";
import {
  type MockDial,
  type MockRuntime,
  mockRuntime,
  type MockRuntimeOptions,
} from "../../src/testing/mod.ts";

/** What a bench is made of: the options of the connection, and those of the platform under `mock`. */
export interface BenchOptions extends ConnectionOptions {
  readonly mock?: MockRuntimeOptions;
  /** A platform that other connections use too. */
  readonly on?: MockRuntime;
  readonly url?: string | (() => string | Promise<string>);
  /** Whether the leaf does not hear that a dial is given up. @default {false} */
  readonly deaf?: boolean;
}

/** A connection and its surroundings. */
export interface Bench {
  readonly mock: MockRuntime;
  readonly feed: ReconnectingConnection;
  /** Every trace event so far. */
  readonly trace: TraceEvent[];
  /** Every snapshot that an observer saw which never slept. */
  readonly seen: LifecycleSnapshot[];
  /** The lifecycle now. */
  readonly now: LifecycleSnapshot;
  /** Waits for the next dial and opens it. */
  up(): Promise<MockDial>;
  /** Times at which the leaf was asked to dial. */
  readonly dialTimes: number[];
  /** The delays before the retries so far. */
  delays(): number[];
  /** Shuts down unless that was done, and checks that nothing is left. */
  close(): Promise<void>;
}

/** Opens a connection over a mock platform. */
export function bench(
  { mock: platform, on, url = "ws://venue.example/feed", deaf = false, ...options }: BenchOptions =
    {},
): Bench {
  const mock = on ?? mockRuntime(platform);
  const trace: TraceEvent[] = [];
  const seen: LifecycleSnapshot[] = [];
  const dialTimes: number[] = [];
  const { tracer } = options;
  const { connector } = mock;
  const recording: WsConnector = {
    capabilities: connector.capabilities,
    connect(handshake, context) {
      dialTimes.push(mock.clock.now());
      const { signal } = deaf ? new AbortController() : context;
      return connector.connect(handshake, { ...context, signal });
    },
  };
  const feed = open(url, {
    ...options,
    runtime: { ...mock.runtime, connector: recording },
    tracer: {
      event(event) {
        trace.push(event);
        tracer?.event(event);
      },
    },
  });
  const watching = (async () => {
    for await (const snapshot of feed.lifecycle) seen.push(snapshot);
  })();
  return {
    mock,
    feed,
    trace,
    seen,
    get now() {
      return feed.lifecycle.value;
    },
    async up() {
      const dial = await mock.dial();
      dial.open();
      await mock.settle();
      return dial;
    },
    dialTimes,
    delays: () => trace.flatMap((event) => event.type === "retry" ? [event.delayMs] : []),
    async close() {
      const closing = feed.control.shutdown();
      await mock.settle();
      await mock.advance(2_000);
      await closing;
      await mock.settle();
      await watching;
      assertBalanced(feed);
      assert(feed.lifecycle.ended, "the watch has ended");
      assertEquals(seen.at(-1), feed.lifecycle.value, "an observer saw the last snapshot");
      if (on !== undefined) return;
      assertEquals(mock.clock.timers, 0, "a timer is left after the end (I8)");
      assertEquals(mock.spawn.tasks, 0, "the task has not ended (I8)");
    },
  };
}

/** I1: every data frame is accounted for. */
export function assertBalanced(feed: ReconnectingConnection): void {
  const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded } = feed.stats();
  assertEquals(
    received + leafDropped,
    delivered + totalLagged + buffered + totalDiscarded,
    `unbalanced (I1): ${JSON.stringify(feed.stats())}`,
  );
}

/** Reads in the background. `frames` is what came; `ended` resolves with how it ended. */
export function reading(feed: ReconnectingConnection): {
  readonly frames: DeliveredFrame[];
  readonly ended: Promise<unknown>;
} {
  const frames: DeliveredFrame[] = [];
  const ended = (async () => {
    try {
      for await (const frame of feed) frames.push(frame);
    } catch (error) {
      return error;
    }
    return undefined;
  })();
  return { frames, ended };
}

/** How a promise stands, without waiting for it. */
export interface Outcome {
  state: "pending" | "done" | "failed";
  value: unknown;
  times: number;
}

/** Follows a promise. */
export function outcome(promise: Promise<unknown>): Outcome {
  const seen: Outcome = { state: "pending", value: undefined, times: 0 };
  const settle = (state: "done" | "failed") => (value: unknown) => {
    seen.state = state;
    seen.value = value;
    seen.times++;
  };
  promise.then(settle("done"), settle("failed"));
  return seen;
}

/** The code of a transport error. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}

/** Most times in any closed window. */
export function fullest(times: readonly number[], windowMs: number): number {
  let most = 0;
  for (const from of times) {
    most = Math.max(most, times.filter((at) => at >= from && at - from <= windowMs).length);
  }
  return most;
}
