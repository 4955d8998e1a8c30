import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import type { AttemptBudget } from "../../src/contract/budget.ts";
import type { Capabilities } from "../../src/contract/connector.ts";
import { isTransportError, type OptionProblem } from "../../src/contract/errors.ts";
import {
  type ConnectionOptions,
  type ResolvedOptions,
  resolveOptions,
} from "../../src/contract/options.ts";
import { test } from "../support/harness.ts";

const leaf: Capabilities = {
  headers: true,
  handshakeStatus: "exact",
  ping: true,
  seePing: true,
  terminate: true,
  maxMessageBytes: 1_000_000,
  wireDials: 2,
  recvAxis: false,
};

const budget = (attempts: number): AttemptBudget => ({
  attempts,
  windowMs: 1_000,
  reserve: () => Promise.reject(new Error("not to be called")),
});

function problemsOf(options: unknown): readonly OptionProblem[] {
  const error = assertThrows(() => resolveOptions(options as ConnectionOptions, leaf), Error);
  assert(isTransportError(error, "invalid_options"), String(error));
  for (const { path, value, rule } of error.problems) {
    assert(error.message.includes(`${path} (${value}) must be ${rule}`), error.message);
  }
  return error.problems;
}

/** The paths that are complained about. */
const wrong = (options: unknown) => problemsOf(options).map(({ path }) => path);

test("resolveOptions() puts every default of the design in place", () => {
  const expected: ResolvedOptions = {
    onSession: undefined,
    classify: undefined,
    connectTimeoutMs: 10_000,
    startTimeoutMs: 60_000,
    readyTimeoutMs: undefined,
    backoff: { minDelayMs: 500, maxDelayMs: 30_000, multiplier: 2, stableAfterMs: undefined },
    attemptBudget: undefined,
    maxAttempts: undefined,
    permanentRetries: 2,
    renewAfterMs: undefined,
    liveness: {
      staleAfterMs: 60_000,
      deadAfterMs: undefined,
      probe: undefined,
      isLife: undefined,
    },
    buffer: { maxFrames: 16_384, maxBytes: 16_777_216, overflow: "dropOldest" },
    recv: [],
    sendRateLimit: undefined,
    send: {
      maxWaitingFrames: 1_024,
      maxWaitingBytes: 4_194_304,
      highWaterMarkBytes: 1_048_576,
      timeoutMs: 30_000,
      layers: [],
    },
    shutdownTimeoutMs: 2_000,
    signal: undefined,
  };
  assertEquals(resolveOptions({}, leaf), expected);
  const nothing = { backoff: {}, liveness: {}, buffer: {}, send: {} };
  assertEquals(resolveOptions(nothing, leaf), expected);
  const absent = { connectTimeoutMs: undefined, buffer: undefined, signal: undefined };
  assertEquals(resolveOptions(absent as unknown as ConnectionOptions, leaf), expected);
});

test("resolveOptions() calls a socket dead after 120 s where a probe asks it, and never where none does", () => {
  const deadAfterMs = (liveness: ConnectionOptions["liveness"] & object) =>
    resolveOptions({ liveness }, leaf).liveness.deadAfterMs;
  assertEquals(deadAfterMs({ probe: { afterMs: 20_000 } }), 120_000);
  assertEquals(deadAfterMs({ staleAfterMs: 5_000 }), undefined);
  assertEquals(deadAfterMs({ staleAfterMs: 5_000, deadAfterMs: 6_000 }), 6_000);
  // A default that breaks the order of thresholds would be a problem that nobody made.
  assertEquals(deadAfterMs({ staleAfterMs: 150_000, probe: { afterMs: 20_000 } }), 300_000);
});

test("resolveOptions() lets the longest backoff follow a longer shortest one", () => {
  assertEquals(
    resolveOptions({ backoff: { minDelayMs: 45_000 } }, leaf).backoff.maxDelayMs,
    45_000,
  );
});

test("resolveOptions() hands on what it was given", () => {
  const layer = () => ({});
  const isLife = () => true;
  const onSession = () => {};
  const classify = () => ({ verdict: "transient" as const });
  const { signal } = new AbortController();
  const attemptBudget = budget(2);
  const recv = [layer];
  const options: ConnectionOptions = {
    onSession,
    classify,
    signal,
    attemptBudget,
    recv,
    sendRateLimit: layer,
    send: { layers: [layer], timeoutMs: 1 },
    liveness: { isLife, staleAfterMs: 2, deadAfterMs: 3, probe: { afterMs: 1, frame: "ping" } },
    backoff: { minDelayMs: 0, maxDelayMs: 1, multiplier: 1, stableAfterMs: 1 },
    maxAttempts: 1,
    permanentRetries: 0,
    renewAfterMs: 0.5,
    buffer: { maxFrames: 1, maxBytes: 1, overflow: "fail" },
  };
  const resolved = resolveOptions(options, leaf);
  assertStrictEquals(resolved.onSession, onSession);
  assertStrictEquals(resolved.classify, classify);
  assertStrictEquals(resolved.signal, signal);
  assertStrictEquals(resolved.attemptBudget, attemptBudget);
  assertStrictEquals(resolved.liveness.isLife, isLife);
  assertEquals(resolved.liveness.probe, { afterMs: 1, frame: "ping" });
  assertEquals(resolved.backoff, { minDelayMs: 0, maxDelayMs: 1, multiplier: 1, stableAfterMs: 1 });
  assertEquals(resolved.buffer, { maxFrames: 1, maxBytes: 1, overflow: "fail" });
  assertEquals([resolved.maxAttempts, resolved.permanentRetries, resolved.renewAfterMs], [
    1,
    0,
    0.5,
  ]);
  recv.push(layer);
  assertEquals([resolved.recv.length, resolved.send.layers.length], [1, 1]);
});

const durations = [
  "connectTimeoutMs",
  "startTimeoutMs",
  "readyTimeoutMs",
  "renewAfterMs",
  "shutdownTimeoutMs",
  "backoff.maxDelayMs",
  "backoff.multiplier",
  "backoff.stableAfterMs",
  "liveness.staleAfterMs",
  "liveness.deadAfterMs",
  "liveness.probe.afterMs",
  "buffer.maxBytes",
  "send.maxWaitingBytes",
  "send.highWaterMarkBytes",
  "send.timeoutMs",
];
const counts = ["maxAttempts", "permanentRetries", "buffer.maxFrames", "send.maxWaitingFrames"];

function nested(path: string, value: unknown): unknown {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}

test("resolveOptions() refuses, for every number, what is not a number within its range", () => {
  for (const path of [...durations, ...counts, "backoff.minDelayMs"]) {
    for (const value of [-1, NaN, Infinity, -Infinity, "1000", null, true, {}, 1n]) {
      assert(wrong(nested(path, value)).includes(path), `${path}: ${String(value)}`);
    }
  }
});

test("resolveOptions() allows zero only where zero means something", () => {
  for (const path of durations) assert(wrong(nested(path, 0)).includes(path), path);
  for (const path of ["maxAttempts", "buffer.maxFrames", "send.maxWaitingFrames"]) {
    assert(wrong(nested(path, 0)).includes(path), path);
  }
  const zeros = { backoff: { minDelayMs: 0 }, permanentRetries: 0 };
  assertEquals(resolveOptions(zeros, leaf).backoff.minDelayMs, 0);
});

test("resolveOptions() refuses half a frame and half an attempt", () => {
  for (const path of counts) {
    for (const value of [1.5, Number.MAX_SAFE_INTEGER + 1]) {
      assertEquals(wrong(nested(path, value)), [path]);
    }
  }
});

test("resolveOptions() refuses what is not a function, an object, a list or a signal", () => {
  for (const path of ["auth", "onSession", "classify", "sendRateLimit", "liveness.isLife"]) {
    for (const value of [null, {}, "f", 1]) assertEquals(wrong(nested(path, value)), [path]);
  }
  for (const path of ["backoff", "liveness", "liveness.probe", "buffer", "send"]) {
    for (const value of [null, "fast", 1, true]) {
      assert(wrong(nested(path, value)).includes(path), `${path}: ${value}`);
    }
  }
  for (const path of ["recv", "send.layers"]) {
    for (const value of [null, {}, () => ({}), [1], [() => ({}), undefined]]) {
      assertEquals(wrong(nested(path, value)), [path]);
    }
  }
  for (const value of [null, {}, "t", { event: 1 }]) {
    assertEquals(wrong({ tracer: value }), ["tracer"]);
  }
  for (const value of [null, {}, new AbortController()]) {
    assertEquals(wrong({ signal: value }), ["signal"]);
  }
  for (const value of [null, {}, { attempts: 5, windowMs: 1 }, 60]) {
    assertEquals(wrong({ attemptBudget: value }), ["attemptBudget"]);
  }
  for (const value of ["dropNewest", "", 1, null, true]) {
    assertEquals(wrong({ buffer: { overflow: value } }), ["buffer.overflow"]);
  }
});

test("resolveOptions() refuses a probe without its time, and one that cannot be sent", () => {
  assertEquals(wrong({ liveness: { probe: {} } }), ["liveness.probe.afterMs"]);
  for (const frame of [1, null, {}, new Blob(["x"])]) {
    assertEquals(wrong({ liveness: { probe: { afterMs: 1, frame } } }), ["liveness.probe.frame"]);
  }
  for (const frame of ["", new ArrayBuffer(1), new Uint8Array(2), () => "ping"]) {
    resolveOptions({ liveness: { probe: { afterMs: 1, frame } } }, leaf);
  }
});

test("resolveOptions() holds the rules between options, at their very edge", () => {
  const cases: [ConnectionOptions, string | undefined][] = [
    [{ backoff: { minDelayMs: 5, maxDelayMs: 5 } }, undefined],
    [{ backoff: { minDelayMs: 6, maxDelayMs: 5 } }, "backoff.minDelayMs"],
    [{ backoff: { maxDelayMs: 499 } }, "backoff.minDelayMs"],
    [{ backoff: { multiplier: 1 } }, undefined],
    [{ backoff: { multiplier: 0.99 } }, "backoff.multiplier"],
    [{ liveness: { staleAfterMs: 5, deadAfterMs: 6 } }, undefined],
    [{ liveness: { staleAfterMs: 5, deadAfterMs: 5 } }, "liveness.deadAfterMs"],
    [{ liveness: { deadAfterMs: 60_000 } }, "liveness.deadAfterMs"],
    [{ liveness: { staleAfterMs: 5, probe: { afterMs: 4 } } }, undefined],
    [{ liveness: { staleAfterMs: 5, probe: { afterMs: 5 } } }, "liveness.probe.afterMs"],
    [{ liveness: { probe: { afterMs: 60_000 } } }, "liveness.probe.afterMs"],
    [{ attemptBudget: budget(2) }, undefined],
    [{ attemptBudget: budget(1) }, "attemptBudget.attempts"],
  ];
  for (const [options, path] of cases) {
    if (path === undefined) resolveOptions(options, leaf);
    else assertEquals(wrong(options), [path], JSON.stringify(options));
  }
});

test("resolveOptions() reports all problems together, each with its path, value and rule", () => {
  const options = {
    connectTimeoutMs: 0,
    shutdownTimeoutMs: "2s",
    backoff: { minDelayMs: 10, maxDelayMs: 5, multiplier: 0.5 },
    liveness: { staleAfterMs: -1, probe: { afterMs: NaN }, isLife: 1 },
    buffer: { maxFrames: 0.5, overflow: "panic" },
    send: { timeoutMs: null },
    auth: "key",
    attemptBudget: budget(1),
    retries: 3,
  };
  assertEquals(wrong(options).sort(), [
    "attemptBudget.attempts",
    "auth",
    "backoff.minDelayMs",
    "backoff.multiplier",
    "buffer.maxFrames",
    "buffer.overflow",
    "connectTimeoutMs",
    "liveness.isLife",
    "liveness.probe.afterMs",
    "liveness.staleAfterMs",
    "retries",
    "send.timeoutMs",
    "shutdownTimeoutMs",
  ]);
  const [first] = problemsOf({ connectTimeoutMs: 0 });
  assertEquals(first, { path: "connectTimeoutMs", value: "0", rule: "a finite number above 0" });
});

test("resolveOptions() refuses a name that it does not know, at every depth, and says which there are", () => {
  const cases: [unknown, string, string][] = [
    [{ reconnect: true }, "reconnect", "connectTimeoutMs"],
    [{ backoff: { factor: 2 } }, "backoff.factor", "multiplier"],
    [{ liveness: { timeoutMs: 2 } }, "liveness.timeoutMs", "staleAfterMs"],
    [{ liveness: { probe: { afterMs: 1, everyMs: 2 } } }, "liveness.probe.everyMs", "afterMs"],
    [{ buffer: { size: 2 } }, "buffer.size", "maxFrames"],
    [{ send: { rate: 2 } }, "send.rate", "timeoutMs"],
  ];
  for (const [options, path, known] of cases) {
    const problems = problemsOf(options);
    assertEquals(problems.map((problem) => problem.path), [path]);
    assert(problems[0]?.rule.includes(known));
  }
  // Not even when its value is undefined: a name that is there was meant.
  assertEquals(wrong({ stale: undefined }), ["stale"]);
});

test("resolveOptions() shows no string that it was given, which may be a secret", () => {
  const secret = "s3cret";
  const problems = problemsOf({
    auth: secret,
    connectTimeoutMs: secret,
    token: secret,
    buffer: { overflow: secret },
    signal: { secret },
  });
  assertEquals(problems.length, 5);
  assertFalse(JSON.stringify(problems).includes(secret));
});

test("resolveOptions() refuses a protocol ping where the leaf cannot send one, and names the way out", () => {
  const mute = { ...leaf, ping: false };
  const error = assertThrows(
    () => resolveOptions({ liveness: { probe: { afterMs: 1_000 } } }, mute),
    Error,
    "liveness.probe.frame",
  );
  assert(isTransportError(error, "unsupported"));
  assert(error.message.includes("tcp()"), "it has pings on Deno and Node, too");
  resolveOptions({ liveness: { probe: { afterMs: 1_000, frame: "ping" } } }, mute);
  resolveOptions({ liveness: { probe: { afterMs: 1_000 } } }, leaf);
});
