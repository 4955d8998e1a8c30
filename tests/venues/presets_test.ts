// Presets are data with sources, and become options that the library accepts.
import { assert, assertEquals, assertGreater, assertMatch, assertThrows } from "@std/assert";
import { open } from "../../mod.ts";
import {
  okxRequests,
  type Preset,
  presetOptions,
  PRESETS,
  type Sourced,
} from "../../src/venues/mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

/** Every value with a source in a preset, with its path. */
function sourced(preset: Preset): [string, Sourced<unknown>][] {
  return Object.entries(preset).flatMap(([name, part]): [string, Sourced<unknown>][] => {
    if (name === "name") return [];
    const parts = Array.isArray(part) ? part : [part];
    return parts.map((one, at) => [`${preset.name}.${name}[${at}]`, one as Sourced<unknown>]);
  });
}

test("PRESETS give every value a source with a title and a date", () => {
  for (const preset of [...Object.values(PRESETS)]) {
    const values = sourced(preset);
    assertGreater(values.length, 12);
    for (const [path, { value, source }] of values) {
      assert(value !== undefined, path);
      assertGreater(source.title.length, 5, path);
      assertMatch(source.date, /^(\d{4}(-\d{2}-\d{2})?|undated)$/);
    }
  }
  assertEquals(okxRequests.value, { limit: 480, windowMs: 3_600_000 });
});

test("PRESETS know each other by name, and each name is a key", () => {
  for (const [name, preset] of Object.entries(PRESETS)) assertEquals(preset.name, name);
});

test("PRESETS cannot be changed", () => {
  const preset = PRESETS["ibkr-gateway"] as { staleAfterMs: { value: number } };
  assertThrows(() => preset.staleAfterMs.value = 1, TypeError);
  const presets = PRESETS as Record<string, unknown>;
  assertThrows(() => delete presets["okx-v5"], TypeError);
});

test("presetOptions() makes options that open() accepts, for every preset", async () => {
  for (const preset of Object.values(PRESETS)) {
    const mock = mockRuntime();
    const feed = open("ws://venue.test", { ...presetOptions(preset), runtime: mock.runtime });
    (await mock.dial()).open();
    await mock.settle();
    assertEquals(feed.lifecycle.value.phase, "connected");
    await feed.control.shutdown({ timeoutMs: 1 }).catch(() => {});
  }
});

test("presetOptions() sends the venue's own keepalive when nothing is heard, numbered anew", async () => {
  for (let connection = 0; connection < 2; connection++) {
    const mock = mockRuntime();
    const feed = open("ws://venue.test", {
      ...presetOptions(PRESETS["binance-streams"]),
      runtime: mock.runtime,
    });
    const dial = await mock.dial();
    dial.open();
    await mock.settle();
    await mock.advance(5_100);
    assertEquals(dial.sent, ['{"method":"LIST_SUBSCRIPTIONS","id":900001}']);
    dial.receive('{"result":[],"id":900001}');
    await mock.settle();
    await mock.advance(9_900); // the timer compares counters: a probe can come one period late
    assertEquals(dial.sent[1], '{"method":"LIST_SUBSCRIPTIONS","id":900002}');
    await feed.control.shutdown({ timeoutMs: 1 });
  }
});

test("presetOptions() lets changes win and merges backoff, liveness and buffer", () => {
  const options = presetOptions(PRESETS["coinbase-market"], {
    connectTimeoutMs: 1,
    liveness: { staleAfterMs: 7_000 },
    backoff: { maxDelayMs: 9_000 },
    buffer: { overflow: "fail" },
  });
  assertEquals(options.connectTimeoutMs, 1);
  assertEquals([options.liveness?.staleAfterMs, options.liveness?.deadAfterMs], [7_000, 15_000]);
  assertEquals([options.backoff?.minDelayMs, options.backoff?.maxDelayMs], [500, 9_000]);
  assertEquals(options.buffer, {
    maxFrames: 8_192,
    maxBytes: 134_217_728,
    overflow: "fail",
  });
});

test("presetOptions() makes an attempt budget per call, so that sharing one is a decision", () => {
  const [one, other] = [presetOptions(PRESETS["okx-v5"]), presetOptions(PRESETS["okx-v5"])];
  assert(one.attemptBudget !== other.attemptBudget);
  assertEquals(one.attemptBudget?.attempts, 60);
  assertEquals("sendRateLimit" in one, false);
  assertEquals("renewAfterMs" in one, false);
});

test("PRESETS of one venue differ where the venue does", () => {
  assertEquals(PRESETS["ibkr-oauth"].connectTimeoutMs.value, 10_000);
  assertEquals(PRESETS["ibkr-oauth"].staleAfterMs, PRESETS["ibkr-gateway"].staleAfterMs);
  assertEquals(PRESETS["binance-wsapi"].probe.value.text, '{"id":{n},"method":"ping"}');
  assertEquals(PRESETS["binance-wsapi"].renewAfterMs, PRESETS["binance-streams"].renewAfterMs);
  assertEquals(PRESETS["coinbase-user"].overlap.value, false);
});

test("PRESETS number their probes from where no application does: the answers share a socket", () => {
  for (const { name, probe } of Object.values(PRESETS)) {
    const { text, countFrom = 1 } = probe.value;
    if (text.includes("{n}")) assertEquals(countFrom, 900_001, name);
  }
});
