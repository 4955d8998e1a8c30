import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import type { SessionEnd } from "../../src/contract/connection.ts";
import {
  isTransportError,
  TransportError,
  type TransportErrorCode,
  type TransportErrorKind,
} from "../../src/contract/errors.ts";
import * as copy from "../../src/contract/errors.ts?copy";
import { test } from "../support/harness.ts";

const end = (status: number): SessionEnd => ({
  code: 1006,
  reason: "",
  clean: false,
  origin: "handshake",
  status,
});

test("isTransportError() knows an error of another copy of the package", () => {
  assert(copy.TransportError !== TransportError, "the copy is the same module");
  const error: unknown = new copy.TransportError("queue_full", "Cannot send frame: 1 waits");
  assertFalse(error instanceof TransportError);
  assert(isTransportError(error));
  assert(isTransportError(error, "queue_full"));
  assertFalse(isTransportError(error, "closed"));
  assert(copy.isTransportError(new TransportError("closed", "Closed")));
});

test("isTransportError() knows an error of a subclass, and nothing that only looks like one", () => {
  class Mine extends TransportError {}
  assert(isTransportError(new Mine("closed", "Closed")));
  const lookalike = Object.assign(new Error("x"), {
    name: "TransportError",
    code: "closed",
    kind: "unknown",
  });
  for (const value of [lookalike, { ...lookalike }, null, undefined, "closed", 1, () => {}]) {
    assertFalse(isTransportError(value));
    assertFalse(isTransportError(value, "closed"));
  }
});

test("TransportError carries its facts, and only what it was given", () => {
  const cause = new Error("why");
  const error = new TransportError("session_lost", "Session 3 lost", {
    cause,
    end: end(500),
    epoch: 3,
  });
  assertEquals([error.name, error.message, error.code], [
    "TransportError",
    "Session 3 lost",
    "session_lost",
  ]);
  assertStrictEquals(error.cause, cause);
  assertEquals([error.end?.status, error.epoch, error.problems], [500, 3, []]);
  assert(error instanceof Error);
  const plain = new TransportError("closed", "Closed");
  assertFalse("cause" in plain);
  assertEquals([plain.end, plain.epoch], [undefined, undefined]);
  assert("cause" in new TransportError("closed", "Closed", { cause: undefined }));
});

test("TransportError sorts every code into a kind", () => {
  const kinds: Record<TransportErrorCode, TransportErrorKind> = {
    invalid_options: "unknown",
    unsupported: "unknown",
    connect_failed: "connection",
    connect_timeout: "timeout",
    auth_failed: "auth",
    auth_rejected: "auth",
    start_failed: "unknown",
    start_timeout: "timeout",
    not_connected: "connection",
    session_lost: "connection",
    closed: "connection",
    protocol_error: "connection",
    layer_failed: "unknown",
    overflow: "throttled",
    stale_session: "connection",
    queue_full: "throttled",
    send_timeout: "timeout",
    unrecoverable: "unknown",
    exhausted: "unknown",
  };
  for (const [code, kind] of Object.entries(kinds)) {
    assertEquals(new TransportError(code as TransportErrorCode, "x").kind, kind, code);
  }
});

test("TransportError takes its kind from the HTTP status first, and from its cause last", () => {
  const kindOf = (code: TransportErrorCode, facts: { end?: SessionEnd; cause?: unknown }) =>
    new TransportError(code, "x", facts).kind;
  for (const status of [401, 403, 407]) {
    assertEquals(kindOf("connect_failed", { end: end(status) }), "auth");
  }
  for (const status of [418, 429]) {
    assertEquals(kindOf("connect_failed", { end: end(status) }), "throttled");
  }
  assertEquals(kindOf("connect_failed", { end: end(503) }), "connection");
  const timeout = new TransportError("connect_timeout", "x");
  assertEquals(kindOf("unrecoverable", { cause: timeout }), "timeout");
  assertEquals(
    kindOf("unrecoverable", { cause: new copy.TransportError("auth_failed", "x") }),
    "auth",
  );
  assertEquals(kindOf("closed", { cause: timeout }), "connection");
  assertEquals(kindOf("unrecoverable", { cause: new Error("x") }), "unknown");
});

test("TransportError does not show its brand to whoever prints or copies it", () => {
  const error = new TransportError("closed", "Closed");
  assertEquals(
    Object.keys(error).filter((key) => key !== "name").sort(),
    ["code", "end", "epoch", "kind", "problems"],
  );
  assertEquals(Object.getOwnPropertySymbols({ ...error }), []);
});
