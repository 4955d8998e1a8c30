import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { acceptance, closeFrameOf, frameOf, takeFrame, TEXT } from "../../src/cli/demo_frames.ts";
import { startDemoServer } from "../../src/cli/demo_server.ts";
import { linesOf } from "../../src/cli/input.ts";
import { isBrokenPipe, lineOfFrame } from "../../src/cli/output.ts";
import { gaveUpLine, lineOf, statsLine } from "../../src/cli/told.ts";
import {
  type ConnectionStats,
  type LifecycleSnapshot,
  type TraceFact,
  TransportError,
} from "../../mod.ts";
import { nativeOpen } from "../e2e/support.ts";
import { test } from "../support/harness.ts";

async function lines(chunks: readonly string[], longest = 10) {
  async function* stream() {
    yield* chunks;
  }
  const tooLong: number[] = [];
  const found: string[] = [];
  const options = { longest, tooLong: (line: number) => tooLong.push(line) };
  for await (const { number, text } of linesOf(stream(), options)) found.push(`${number} ${text}`);
  return { found, tooLong };
}

test("linesOf() joins what comes in pieces, and takes a last line without its end", async () => {
  assertEquals((await lines(["a", "b\nc\r\n\nd", "e"])).found, ["1 ab", "2 c", "3 ", "4 de"]);
  assertEquals((await lines(["a\n"])).found, ["1 a"]);
  assertEquals((await lines([])).found, []);
});

test("linesOf() leaves out a line that is too long, says which, and goes on with the next", async () => {
  const { found, tooLong } = await lines(["ok\n012345", "678901", "2345\nnext\n", "01234567890"]);
  assertEquals(found, ["1 ok", "3 next"]);
  assertEquals(tooLong, [2, 4]);
});

test("lineOfFrame() gives text as it is, bytes in base64, and all of it as JSON", () => {
  const text = { type: "text", data: 'a "b"', epoch: 2, seq: 7 } as const;
  // A view into a larger buffer: only its own bytes count.
  const data = new Uint8Array([9, 0, 255, 9]).subarray(1, 3);
  const binary = { type: "binary", data, epoch: 2, seq: 8 } as const;
  assertEquals(lineOfFrame(text, false), 'a "b"');
  assertEquals(lineOfFrame(text, true), '{"epoch":2,"seq":7,"type":"text","data":"a \\"b\\""}');
  assertEquals(lineOfFrame(binary, false), "AP8=");
  assertEquals(lineOfFrame(binary, true), '{"epoch":2,"seq":8,"type":"binary","data":"AP8="}');
});

test("isBrokenPipe() tells a reader that left from a disk that is full", () => {
  assertEquals(isBrokenPipe(Object.assign(new Error(), { code: "EPIPE" })), true);
  assertEquals(isBrokenPipe(Object.assign(new Error(), { code: "ENOSPC" })), false);
  assertEquals(isBrokenPipe(undefined), false);
});

function told(fact: TraceFact): string | undefined {
  return lineOf({ ...fact, atMs: 0 });
}

test("lineOf() says how a session ended, and takes control characters out of the server's words", () => {
  const end = { code: 1008, reason: "go\x1b[2J\naway", clean: true, origin: "server" } as const;
  assertEquals(
    told({ type: "down", epoch: 3, end, firstSeq: 5, lastSeq: 9 }),
    'session 3 closed by the server with 1008 "go?[2J?away", frames 5 to 9',
  );
  const lost = { code: 1006, reason: "", clean: false, origin: "network" } as const;
  assertEquals(
    told({ type: "down", epoch: 4, end: lost, firstSeq: 10, lastSeq: 9 }),
    "session 4 lost, no frame",
  );
  assertEquals(told({ type: "retry", delayMs: 740, hintMs: 0 }), "next dial in 0.74 s");
  assertEquals(told({ type: "stable", epoch: 1 }), undefined);
});

const LEVELS: LifecycleSnapshot = {
  phase: "closed",
  up: false,
  epoch: 2,
  attempts: 3,
  stales: 1,
  totalLagged: 4,
  totalLaggedBytes: 40,
  totalDiscarded: 1,
  downSinceMs: 0,
  exhausted: false,
  error: undefined,
  version: 9,
};

const COUNTS: ConnectionStats = {
  received: 10,
  leafDropped: 1,
  delivered: 6,
  buffered: 0,
  bufferedBytes: 0,
  totalLagged: 4,
  totalDiscarded: 1,
  sent: 2,
  waiting: 0,
  waitingBytes: 0,
  zombies: 0,
  roundTripMs: undefined,
};

test("gaveUpLine() says why and what failed last, in words of the command line", () => {
  const cause = new TransportError("connect_failed", "Cannot connect: status 503");
  const error = new TransportError("exhausted", "Gave up: maxAttempts (2) is reached", { cause });
  assertEquals(
    gaveUpLine(error),
    "gave up (exhausted): --max-attempts (2) is reached; at last: Cannot connect: status 503",
  );
  const silent = new TransportError("overflow", "The buffer is full");
  assertEquals(gaveUpLine(silent), "gave up (overflow): The buffer is full");
});

test("statsLine() says whether every frame is accounted for", () => {
  assertEquals(
    statsLine(COUNTS, LEVELS),
    "received=10 leafDropped=1 delivered=6 lagged=4 buffered=0 discarded=1 balance=ok " +
      "sent=2 sessions=2 dials=3 stales=1",
  );
  assertEquals(
    / balance=off by 2 /.test(statsLine({ ...COUNTS, received: 12 }, LEVELS)),
    true,
  );
});

/** A client's frame, masked. */
function masked(opcode: number, text: string): Uint8Array {
  const plain = frameOf(opcode, text);
  const head = plain.length - Buffer.byteLength(text);
  const mask = [1, 2, 3, 4];
  const body = plain.slice(head).map((byte, at) => byte ^ mask[at & 3]!);
  const start = plain.slice(0, head);
  start[1]! |= 0x80;
  return new Uint8Array([...start, ...mask, ...body]);
}

test("takeFrame() takes whole frames only, and gives back the rest", () => {
  for (const text of ["", "hello", "x".repeat(300)]) {
    const bytes = new Uint8Array([...masked(TEXT, text), 0x89]);
    const { opcode, payload, rest } = takeFrame(bytes)!;
    assertEquals([opcode, Buffer.from(payload).toString(), [...rest]], [TEXT, text, [0x89]]);
    for (const size of [0, 1, bytes.length - 2]) {
      assertEquals(takeFrame(bytes.subarray(0, size)), undefined);
    }
  }
  assertThrows(() => takeFrame(frameOf(TEXT, "not masked")), RangeError);
  assertThrows(() => takeFrame(new Uint8Array([0x81, 0xff])), RangeError);
});

test("acceptance() proves that it read the key, and refuses what is no opening request", () => {
  // The example of RFC 6455, section 1.3.
  const head =
    "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  assertEquals(acceptance(head)?.includes("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), true);
  assertEquals(acceptance("GET / HTTP/1.1\r\n"), undefined);
  assertEquals([...closeFrameOf(1012, "r")], [0x88, 3, 0x03, 0xf4, 0x72]);
});

test("startDemoServer() ends sessions in two ways and numbers its quotes over all of them", async () => {
  const server = await startDemoServer({ everyMs: 1, quotesPerSession: 5 });
  try {
    const open = await nativeOpen();
    const ends: string[] = [];
    const connection = open(server.url, {
      backoff: { minDelayMs: 1, maxDelayMs: 5 },
      onSession: ({ send }) => send("who is there"),
      tracer: {
        event(event) {
          if (event.type === "down") ends.push(`${event.end.origin} ${event.end.code}`);
        },
      },
    });
    const numbers: number[] = [];
    let heard = 0;
    for await (const { epoch, data } of connection) {
      const { n, heard: what } = JSON.parse(data as string) as { n?: number; heard?: string };
      if (n !== undefined) numbers.push(n);
      if (what === "who is there") heard++;
      if (epoch === 3) break;
    }
    await connection.control.shutdown();
    assertEquals(numbers.slice(0, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assertEquals(ends.slice(0, 2), ["server 1012", "network 1006"]);
    assertEquals(heard >= 2, true);
  } finally {
    await server.close();
  }
});
