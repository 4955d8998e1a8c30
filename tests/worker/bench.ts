/**
 * A whole connection over the off-thread leaf, on a mock platform: the stack, the connector, the link, the host and a mock socket.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type ConnectionOptions, open, type ReconnectingConnection } from "../../mod.ts";
import { type MockDial, type MockRuntime, mockRuntime } from "../../src/testing/mod.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { LinkedWorker } from "./linked_worker.ts";

/** A connection and what it stands on. */
export interface Bench {
  readonly mock: MockRuntime;
  readonly feed: ReconnectingConnection;
  /** All workers so far, oldest first. */
  readonly workers: LinkedWorker[];
  /** The latest. */
  readonly worker: LinkedWorker;
  /** Waits for the next dial within a worker and opens it. */
  up(): Promise<MockDial>;
  /** Checks that no frame is unaccounted for. */
  conserved(): void;
  /** Shuts down, and checks that every worker has ended and no timer is left. */
  close(): Promise<void>;
}

/** Opens a connection. */
export function bench(options: ConnectionOptions = {}): Bench {
  const mock = mockRuntime();
  const { capabilities } = mock.connector;
  const workers: LinkedWorker[] = [];
  const connector = workerConnector(() => {
    const worker = new LinkedWorker({ connector: mock.connector, clock: mock.clock });
    workers.push(worker);
    return worker;
  }, { capabilities });
  const feed = open("ws://venue.example/feed", {
    ...options,
    runtime: { ...mock.runtime, connector },
  });
  return {
    mock,
    feed,
    workers,
    get worker() {
      const worker = workers.at(-1);
      if (worker === undefined) throw new Error("There is no worker yet");
      return worker;
    },
    async up() {
      const dial = await mock.dial();
      dial.open();
      await mock.settle();
      return dial;
    },
    conserved() {
      const { received, leafDropped, delivered, buffered, totalLagged, totalDiscarded } = feed
        .stats();
      assertEquals(
        received + leafDropped,
        delivered + buffered + totalLagged + totalDiscarded,
        JSON.stringify(feed.stats()),
      );
    },
    async close() {
      const done = feed.control.shutdown();
      await mock.advance(10_000);
      await done;
      await mock.settle();
      assertEquals(workers.map(({ terminated }) => terminated), workers.map(() => true));
      this.conserved();
      assertEquals(feed.stats().zombies, 0);
    },
  };
}

/** Everything that is buffered, as numbers: what it says, and its place. */
export async function drained(
  feed: ReconnectingConnection,
): Promise<{ readonly said: number; readonly seq: number; readonly epoch: number }[]> {
  const found: { said: number; seq: number; epoch: number }[] = [];
  if (feed.stats().buffered === 0) return found;
  for await (const { data, seq, epoch } of feed.frames({ preventCancel: true })) {
    found.push({ said: Number(data), seq, epoch });
    if (feed.stats().buffered === 0) break;
  }
  return found;
}
