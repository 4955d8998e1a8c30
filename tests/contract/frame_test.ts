import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Data,
  dataFrame,
  type Frame,
  frameBytes,
  isDataFrame,
} from "../../src/contract/frame.ts";
import { test } from "../support/harness.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

test("dataFrame() takes text and replaces a lone surrogate, as every platform would on its own terms", () => {
  assertEquals(dataFrame("a€😀"), { type: "text", data: "a€😀" });
  assertEquals(dataFrame("a\ud800b"), { type: "text", data: "a\ufffdb" });
  assertEquals(dataFrame(""), { type: "text", data: "" });
});

test("dataFrame() takes every view as exactly its own bytes, without a copy", () => {
  const buffer = bytes(1, 2, 3, 4, 5, 6, 7, 8).buffer;
  const views: [Data, Uint8Array<ArrayBuffer>][] = [
    [buffer, bytes(1, 2, 3, 4, 5, 6, 7, 8)],
    [new Uint8Array(buffer, 1, 3), bytes(2, 3, 4)],
    [new Uint16Array(buffer, 2, 2), bytes(3, 4, 5, 6)],
    [new DataView(buffer, 7), bytes(8)],
    [new Float64Array(buffer), bytes(1, 2, 3, 4, 5, 6, 7, 8)],
    [new ArrayBuffer(0), bytes()],
  ];
  for (const [data, expected] of views) {
    const frame = dataFrame(data);
    assertEquals(frame, { type: "binary", data: expected });
    if (frame.type !== "binary" || expected.length === 0) continue;
    assertStrictEquals(frame.data.buffer, buffer);
  }
});

test("dataFrame() refuses what platforms would corrupt or turn into text", () => {
  const wrong: unknown[] = [
    null,
    undefined,
    1,
    true,
    {},
    [1, 2],
    new Blob(["x"]),
    new URL("ws://host"),
    Object.create(null),
  ];
  for (const value of wrong) assertThrows(() => dataFrame(value as Data), TypeError, "Cannot send");
});

test("dataFrame() refuses shared memory, and says so", { skip: sharedMemory() }, () => {
  const shared = new SharedArrayBuffer(4);
  const error = assertThrows(
    () => dataFrame(new Uint8Array(shared) as unknown as Data),
    TypeError,
    "Uint8Array on shared memory",
  );
  assert(error instanceof TypeError);
  assertThrows(() => dataFrame(shared as unknown as Data), TypeError, "SharedArrayBuffer");
});

test("dataFrame() says what it was given, never what that held", () => {
  const secret = { token: "s3cret", toString: () => "s3cret" };
  const error = assertThrows(() => dataFrame(secret as unknown as Data), TypeError);
  assertFalse(error.message.includes("s3cret"));
});

test("frameBytes() counts UTF-16 units of text and bytes of everything else", () => {
  const frames: [Frame, number][] = [
    [{ type: "text", data: "a€😀" }, 4],
    [{ type: "text", data: "" }, 0],
    [{ type: "binary", data: bytes(1, 2, 3) }, 3],
    [{ type: "binary", data: new Uint8Array(new ArrayBuffer(9), 4, 2) }, 2],
    [{ type: "ping", data: bytes(1) }, 1],
    [{ type: "pong", data: bytes() }, 0],
    [{ type: "close", code: 1000, reason: "bye" }, 5],
  ];
  for (const [frame, expected] of frames) assertEquals(frameBytes(frame), expected);
});

test("isDataFrame() tells what an application receives", () => {
  assert(isDataFrame({ type: "text", data: "" }));
  assert(isDataFrame({ type: "binary", data: bytes() }));
  assertFalse(isDataFrame({ type: "ping", data: bytes() }));
  assertFalse(isDataFrame({ type: "pong", data: bytes() }));
  assertFalse(isDataFrame({ type: "close", code: 1000, reason: "" }));
});

function sharedMemory(): string | undefined {
  return typeof SharedArrayBuffer === "undefined" ? "no shared memory here" : undefined;
}
