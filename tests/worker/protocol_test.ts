import { assertEquals } from "@std/assert";
import { readFromWorker, readToWorker } from "../../src/worker/protocol.ts";
import { failureOf } from "../../src/worker/wire.ts";
import { test } from "../support/harness.ts";

const capabilities = {
  headers: false,
  handshakeStatus: "none",
  ping: false,
  seePing: false,
  terminate: true,
  maxMessageBytes: Infinity,
  wireDials: 1,
  recvAxis: false,
};
const end = { code: 1006, reason: "", clean: false, origin: "network" };
const batch = {
  type: "batch",
  droppedFrames: 0,
  droppedBytes: 0,
  frames: ["a", new Uint8Array(1), { type: "ping", data: new Uint8Array(0) }],
  reports: ["stale", "alive", "probe"],
  taken: 0,
  buffered: 0,
};

const fromWorker: readonly Record<string, unknown>[] = [
  { type: "hello", version: 2, capabilities },
  { type: "opened", protocol: "" },
  { type: "failed", code: "connect_failed", message: "m" },
  { type: "failed", code: "unsupported", message: "m", end },
  batch,
  { type: "end", end },
  { type: "end", end, dead: { code: "session_lost", message: "m" } },
];

const dial = {
  type: "dial",
  url: "ws://x/",
  protocols: ["a"],
  headers: [["a", "b"]],
  seePing: true,
  maxMessageBytes: 1,
  axis: { liveness: {}, buffer: { maxFrames: 1, maxBytes: 1, overflow: "fail" } },
};

const toWorker: readonly Record<string, unknown>[] = [
  dial,
  { type: "send", frame: { type: "text", data: "a" } },
  { type: "send", frame: { type: "binary", data: new Uint8Array(1) } },
  { type: "close", code: 1000, reason: "" },
  { type: "ack" },
];

/** What no field of any message takes. */
const poison: readonly unknown[] = [undefined, null, Symbol.iterator, NaN, -1, () => {}, {
  type: "x",
}];

/** What is no message at all. */
const garbage: readonly unknown[] = [undefined, null, 0, "hello", [], {}, () => {}, { type: 1 }];

for (
  const [name, read, messages] of [
    ["readFromWorker", readFromWorker, fromWorker],
    ["readToWorker", readToWorker, toWorker],
  ] as const
) {
  test(`${name}() takes each message as it is`, () => {
    for (const message of messages) assertEquals(read(message) as unknown, message);
  });

  test(`${name}() takes nothing that is no message`, () => {
    for (const value of garbage) assertEquals(read(value), undefined);
  });

  test(`${name}() takes no message with a field that is not one`, () => {
    const optional = new Set(["end", "axis", "dead", "code"]);
    for (const message of messages) {
      for (const field of Object.keys(message)) {
        // An optional field may be absent, and an unknown code stands for a failed dial.
        const bad = optional.has(field) ? poison.slice(1) : poison;
        for (const value of bad) {
          if (message["type"] === "failed" && field === "code") continue;
          assertEquals(
            read({ ...message, [field]: value }),
            undefined,
            `${message["type"]}.${field}`,
          );
        }
      }
    }
  });
}

test("readFromWorker() takes no batch with a bad member", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  for (const frame of [1, null, shared, new DataView(new ArrayBuffer(1)), { type: "ping" }]) {
    assertEquals(readFromWorker({ ...batch, frames: ["a", frame] }), undefined);
  }
  assertEquals(readFromWorker({ ...batch, reports: ["dead"] }), undefined);
  assertEquals(readFromWorker({ ...batch, droppedFrames: 1.5 }), undefined);
});

test("readFromWorker() takes no end record that is none", () => {
  for (
    const part of [{ code: 0 }, { code: 5000 }, { clean: 1 }, { origin: "x" }, { status: "401" }]
  ) {
    assertEquals(readFromWorker({ type: "end", end: { ...end, ...part } }), undefined);
  }
});

test("readFromWorker() takes an unknown code of a failed dial as connect_failed", () => {
  const read = readFromWorker({ type: "failed", code: "shutdown", message: "m" });
  assertEquals(read, { type: "failed", code: "connect_failed", message: "m" });
});

test("readFromWorker() takes the number of another version, whatever else it says", () => {
  assertEquals(readFromWorker({ type: "hello", version: 3 })?.type, "hello");
  assertEquals(readFromWorker({ type: "hello", version: 2 }), undefined);
});

test("failureOf() takes what a leaf throws for a failed dial, whatever it is, and does not quote it", () => {
  for (const error of [new RangeError("token=SECRET"), new TypeError("token=SECRET"), "SECRET"]) {
    const { code, message } = failureOf(error);
    assertEquals([code, message.includes("SECRET")], ["connect_failed", false]);
  }
});
