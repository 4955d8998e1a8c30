/**
 * Tracing may lose events; it may neither break nor reorder anything.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { tracing } from "../../src/connect/tracing.ts";
import type { ConnectContext, Connector } from "../../src/contract/connector.ts";
import type { Handshake } from "../../src/contract/handshake.ts";
import type { TraceEvent } from "../../src/contract/trace.ts";
import { test } from "../support/harness.ts";
import { greeting } from "./bench.ts";

/** A connector that traces one event and gives back what it was called with. */
const echo: Connector<{ handshake: Handshake; context: ConnectContext }> = {
  connect(handshake, context) {
    context.trace?.({ type: "config", message: "hello", atMs: 5 });
    return Promise.resolve({ handshake, context });
  },
};

test("tracing() gives events to the tracer and to the one outside of it, in order", async () => {
  const seen: string[] = [];
  const layer = tracing({ event: ({ type }) => seen.push(`inner ${type}`) });
  const outer = tracing({ event: ({ type }) => seen.push(`outer ${type}`) });
  const { signal } = new AbortController();
  const handshake = greeting();
  const result = await outer(layer(echo)).connect(handshake, { signal });
  assertStrictEquals(result.handshake, handshake);
  assertStrictEquals(result.context.signal, signal);
  assertEquals(seen, ["outer config", "inner config"]);
});

test("tracing() contains a tracer that throws, and keeps its this", async () => {
  class Counting {
    events: TraceEvent[] = [];
    event(event: TraceEvent): void {
      this.events.push(event);
      throw new Error("the tracer is broken");
    }
  }
  const tracer = new Counting();
  await tracing(tracer)(echo).connect(greeting(), { signal: new AbortController().signal });
  assertEquals(tracer.events, [{ type: "config", message: "hello", atMs: 5 }]);
});
