/**
 * Counts what one frame costs on its way through the whole stack, in things that can be counted: promises, and bytes allocated. A program of its own, so
 * that nothing else allocates; `cost_test.ts` starts it, with flags, and it prints one line of JSON.
 *
 * Bytes are the growth of a heap in which no garbage collection happens, in the interpreter, which allocates what the source says: no compiler
 * takes an object away, or not, depending on when it was started. Two runs of different lengths are subtracted, so that what comes once does not count.
 *
 * @module
 */
import process from "node:process";
import { getHeapStatistics, promiseHooks } from "node:v8";
import { connect } from "../../src/runtime/node.ts";
import { DropOldestBuffer } from "../../src/recv/drop_oldest_buffer.ts";
import type { ReconnectingConnection } from "../../src/contract/reconnecting.ts";
import { bufferText } from "../../src/runtime/tcp_text.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { MockTcp } from "../rfc6455/mock_transport.ts";
import { frame, joined, OPCODE } from "../support/raw/frames.ts";

/** What one frame costs. */
export interface Cost {
  /** Promises, in thousandths: what comes once per read of the socket is a fraction. */
  readonly millipromises: number;
  /** Bytes on the heap, rounded down; buffers outside of it are not counted. */
  readonly bytes: number;
}

/** Frames of one read of the socket. */
const BURST = 256;
const TEXT = "x".repeat(100);

type Way = (reads: number) => Promise<void> | void;

/** Counts the promises that a way makes, and what it allocates. */
async function costOf(way: Way): Promise<Cost> {
  const measured = async (reads: number) => {
    let promises = 0;
    const stop = promiseHooks.onInit(() => promises++);
    await way(reads);
    stop();
    collect!();
    const before = getHeapStatistics().used_heap_size;
    await way(reads);
    return { promises, bytes: getHeapStatistics().used_heap_size - before };
  };
  /** The platform has things of its own to do now and then, which only ever add: the least is what the way allocates. */
  const least = async (reads: number) => {
    const all = [await measured(reads), await measured(reads), await measured(reads)];
    return { promises: all[0]!.promises, bytes: Math.min(...all.map(({ bytes }) => bytes)) };
  };
  await way(24); // feedback vectors, rings that grow, slabs
  const [few, many] = [await least(8), await least(24)];
  const frames = 16 * BURST;
  return {
    millipromises: Math.round((many.promises - few.promises) / frames * 1_000),
    bytes: Math.floor((many.bytes - few.bytes) / frames),
  };
}

const collect = (globalThis as { gc?: () => void }).gc;

/** A connection over the tcp leaf, on links of memory. */
async function connected() {
  const tcp = new MockTcp({}, { text: bufferText() });
  const mock = mockRuntime();
  const connecting = connect("ws://server.test/feed", {
    runtime: { ...mock.runtime, connector: tcp.leaf },
  });
  await mock.settle();
  const link = tcp.links[0]!;
  link.accept();
  await mock.settle();
  const chunk = joined(Array.from({ length: BURST }, () => frame(OPCODE.text, TEXT)));
  return {
    connection: await connecting,
    link,
    /** The socket is read once. */
    read: () => {
      link.receive(chunk);
      tcp.clock.nextTurn();
    },
    turn: () => mock.clock.runTurns(),
  };
}

type Consumer = (connection: ReconnectingConnection, got: (frames: number) => void) => void;

/** The reads come when everything of the one before was consumed. */
async function receiving(consume: Consumer): Promise<Way> {
  const { connection, read, turn } = await connected();
  let missing = 0;
  let settle = () => {};
  consume(connection, (frames) => {
    missing -= frames;
    if (missing === 0) settle();
  });
  return (reads) =>
    new Promise((resolve) => {
      let left = reads;
      settle = () => {
        if (left-- === 0) return resolve();
        // From a task of its own, as a socket's event is.
        setImmediate(() => {
          missing = BURST;
          read();
          setImmediate(turn);
        });
      };
      settle();
    });
}

const WAYS: Readonly<Record<string, () => Promise<Way> | Way>> = {
  forAwait: () =>
    receiving(async (connection, got) => {
      for await (const { seq } of connection) got(Math.min(seq, 1));
    }),
  batches: () =>
    receiving(async (connection, got) => {
      for await (const frames of connection.batches()) got(frames.length);
    }),
  readable: () =>
    receiving(async (connection, got) => {
      const reader = connection.readable.getReader();
      while (!(await reader.read()).done) got(1);
    }),
  dropped: () => {
    const { clock } = mockRuntime();
    const ignore = () => {};
    const bounds = { maxFrames: 64, maxBytes: 1_000_000, overflow: "dropOldest" } as const;
    const buffer = new DropOldestBuffer(bounds, {
      clock,
      onCount: ignore,
      onOverflow: ignore,
      onCancel: ignore,
    });
    return (reads) => {
      for (let i = reads * BURST; i > 0; i--) buffer.pushText(TEXT, 1);
    };
  },
  send: async () => {
    const { connection, link } = await connected();
    return async (reads) => {
      for (let i = 0; i < reads; i++) {
        for (let n = 0; n < BURST; n++) void connection.send(TEXT);
        await null;
        link.writes.length = 0;
      }
    };
  },
  sendAwaited: async () => {
    const { connection, link } = await connected();
    return async (reads) => {
      for (let n = 0; n < reads * BURST; n++) await connection.send(TEXT);
      link.writes.length = 0;
    };
  },
};

const costs: Record<string, Cost> = {};
for (const [name, make] of Object.entries(WAYS)) costs[name] = await costOf(await make());
console.log(JSON.stringify(costs));
// The connections have timers.
process.exit(0);
