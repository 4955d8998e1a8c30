/**
 * The stack put together by hand, with layers that do not behave: the actor relies on none of them.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  chain,
  connectTimeout,
  type DialLayer,
  type FrameSink,
  isTransportError,
  passthrough,
  reconnect,
  stack,
  type TraceEvent,
  tracing,
  TransportError,
  type WsConnection,
} from "../../mod.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { assertBalanced, codeOf, outcome } from "./bench.ts";

const handshake = () => handshakeOf({ url: "ws://venue.example/feed" });

/** Hides the signal of each dial from what is inside. */
const deaf: DialLayer = (next) => ({
  capabilities: next.capabilities,
  connect: (own, context) =>
    next.connect(own, { ...context, signal: new AbortController().signal }),
});

test("reconnect() lets go of a socket that a dial layer lets through after the shutdown", async () => {
  const mock = mockRuntime();
  const { signal } = new AbortController();
  const connecting = outcome(
    chain(mock.connector, { reconnect: reconnect({}, mock.runtime), dial: [deaf] })
      .connect(handshake(), { signal }),
  );
  await mock.settle();
  assertEquals(connecting.state, "pending");
  const abort = new AbortController();
  const other = outcome(
    chain(mock.connector, { reconnect: reconnect({}, mock.runtime), dial: [deaf] })
      .connect(handshake(), { signal: abort.signal }),
  );
  await mock.dial();
  const dial = await mock.dial();
  abort.abort(new Error("over"));
  await mock.settle();
  assertEquals([other.state, (other.value as Error).message], ["failed", "over"]);
  dial.open();
  await mock.settle();
  assert(dial.abandoned);
});

test("reconnect() gives each dial a handshake of its own, whatever a layer does to it", async () => {
  const mock = mockRuntime();
  let dials = 0;
  const scribble: DialLayer = (next) => ({
    capabilities: next.capabilities,
    connect(own, context) {
      own.headers.append("x-dial", String(++dials));
      own.protocols.push(`p${dials}`);
      own.url.searchParams.append("dial", String(dials));
      return next.connect(own, context);
    },
  });
  const given = handshake();
  const connecting = chain(mock.connector, {
    reconnect: reconnect({ headers: { "x-base": "1" }, protocols: ["base"] }, mock.runtime),
    dial: [scribble],
  }).connect(given, { signal: new AbortController().signal });
  for (let i = 1; i <= 3; i++) {
    const dial = await mock.dial();
    const { url, protocols, headers } = dial.handshake;
    assertEquals([url.search, protocols, headers.get("x-dial"), headers.get("x-base")], [
      `?dial=${i}`,
      ["base", `p${i}`],
      String(i),
      "1",
    ]);
    if (i < 3) dial.fail();
    else dial.open();
  }
  await mock.settle();
  const feed = await connecting;
  assertEquals([given.url.search, [...given.headers].length, given.protocols], ["", 0, []]);
  void feed.control.shutdown();
  await mock.settle();
  assertEquals(mock.clock.timers, 0);
});

test("reconnect() contains a trace function that throws", async () => {
  const mock = mockRuntime();
  let events = 0;
  const connecting = chain(mock.connector, { reconnect: reconnect({}, mock.runtime) }).connect(
    handshake(),
    {
      signal: new AbortController().signal,
      trace: () => {
        events++;
        throw new Error("trace");
      },
    },
  );
  (await mock.dial()).fail();
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  assertEquals([feed.lifecycle.value.phase, events], ["connected", 6]);
  void feed.control.shutdown();
  await mock.settle();
});

/** Remembers where the frames of each socket go, so that a test can deliver when nobody should listen any more. */
function tapped(): { readonly layer: DialLayer; readonly sinks: FrameSink[] } {
  const sinks: FrameSink[] = [];
  const layer: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      const outer: WsConnection = {
        protocol: inner.protocol,
        get bufferedAmount() {
          return inner.bufferedAmount;
        },
        closed: inner.closed,
        get readable() {
          return inner.readable;
        },
        get writable() {
          return inner.writable;
        },
        attach(sink) {
          sinks.push(sink);
          inner.attach!(sink);
        },
        send: (frame) => inner.send(frame),
        close: (code, reason) => inner.close(code, reason),
        abandon: () => inner.abandon(),
      };
      return outer;
    },
  });
  return { layer, sinks };
}

test("reconnect() hears nothing of an abandoned socket that goes on delivering", async () => {
  const mock = mockRuntime();
  const { layer, sinks } = tapped();
  const connecting = chain(mock.connector, {
    reconnect: reconnect({ liveness: { staleAfterMs: 10_000 } }, mock.runtime),
    dial: [layer],
  }).connect(handshake(), { signal: new AbortController().signal });
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  feed.control.forceReconnect();
  (await mock.dial()).open();
  await mock.settle();
  const [old, current] = sinks;
  assert(old !== undefined && current !== undefined);
  old.frame({ type: "text", data: "from the grave" });
  old.dropped(5, 500);
  old.end({ code: 1006, reason: "", clean: false, origin: "network" });
  await mock.settle();
  assertEquals([feed.stats().received, feed.stats().leafDropped], [0, 0]);
  assertEquals([feed.lifecycle.value.phase, feed.lifecycle.value.epoch], ["resumed", 2]);
  await mock.advance(9_000);
  old.frame({ type: "text", data: "no sign of life of the new one" });
  await mock.advance(4_000);
  assertEquals(feed.lifecycle.value.phase, "stale");
  current.frame({ type: "text", data: "alive" });
  await mock.settle();
  assertEquals([feed.lifecycle.value.phase, feed.stats().received], ["resumed", 1]);
  void feed.control.shutdown();
  await mock.advance(2_000);
  assertBalanced(feed);
  assertEquals(mock.clock.timers, 0);
});

test("reconnect() reads a connection without the synchronous path by its stream", async () => {
  const mock = mockRuntime();
  const streamed: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      return new Proxy(inner, {
        get(target, name) {
          if (name === "attach") return undefined;
          const value = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  });
  const connecting = chain(mock.connector, {
    reconnect: reconnect({}, mock.runtime),
    dial: [streamed],
  }).connect(handshake(), { signal: new AbortController().signal });
  const dial = await mock.dial();
  dial.open();
  dial.receive("early");
  await mock.settle();
  const feed = await connecting;
  dial.receive("later");
  await mock.settle();
  const iterator = feed.frames({ preventCancel: true });
  assertEquals((await iterator.next()).value?.data, "early");
  assertEquals((await iterator.next()).value?.data, "later");
  await iterator.return!();
  void feed.control.shutdown();
  await mock.settle();
  assertEquals(mock.clock.timers, 0);
});

test("reconnect() survives a connection that cannot be attached", async () => {
  const mock = mockRuntime();
  let opens = 0;
  const broken: DialLayer = (next) => ({
    capabilities: next.capabilities,
    async connect(own, context) {
      const inner = await next.connect(own, context);
      if (++opens === 1) void inner.readable; // and now nobody else can have the frames
      return inner;
    },
  });
  const connecting = chain(mock.connector, {
    reconnect: reconnect({}, mock.runtime),
    dial: [broken],
  }).connect(handshake(), { signal: new AbortController().signal });
  const first = await mock.dial();
  first.open();
  await mock.settle();
  assert(first.abandoned);
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  assertEquals(feed.lifecycle.value.epoch, 2);
  void feed.control.shutdown();
  await mock.settle();
});

test("reconnect() takes what a dial layer throws for a failed dial", async () => {
  const mock = mockRuntime();
  let dials = 0;
  const throwing: DialLayer = (next) => ({
    capabilities: next.capabilities,
    connect(own, context) {
      if (++dials === 1) throw new Error("not a promise");
      if (dials === 2) return Promise.reject("not even an error");
      return next.connect(own, context);
    },
  });
  const trace: TraceEvent[] = [];
  const connecting = chain(mock.connector, {
    outer: [tracing({ event: (event) => trace.push(event) })],
    reconnect: reconnect({}, mock.runtime),
    dial: [throwing],
  }).connect(handshake(), { signal: new AbortController().signal });
  (await mock.dial()).open();
  await mock.settle();
  const feed = await connecting;
  const codes = trace.flatMap((event) => event.type === "failure" ? [event.error.code] : []);
  assertEquals(codes, ["connect_failed", "connect_failed"]);
  void feed.control.shutdown();
  await mock.settle();
});

test("passthrough() is one session: its end is the end, and forceReconnect is no way to a second one", async () => {
  const endings = ["server", "network", "force", "start"] as const;
  for (const ending of endings) {
    const mock = mockRuntime();
    const connecting = outcome(
      chain(mock.connector, {
        reconnect: passthrough({
          onSession: () => {
            if (ending === "start") throw new Error("no such channel");
          },
        }, mock.runtime),
        dial: [connectTimeout(1_000, mock.clock)],
      }).connect(handshake(), { signal: new AbortController().signal }),
    );
    const dial = await mock.dial();
    dial.open();
    await mock.settle();
    if (ending === "start") {
      assertEquals([connecting.state, codeOf(connecting.value)], ["failed", "start_failed"]);
    } else {
      const feed = connecting.value as Awaited<ReturnType<ReturnType<typeof stack>["connect"]>>;
      if (ending === "server") dial.end({ code: 1000 });
      if (ending === "network") dial.end();
      if (ending === "force") feed.control.forceReconnect();
      await mock.settle();
      assertEquals([feed.lifecycle.value.phase, feed.lifecycle.ended], ["closed", true], ending);
      const read = outcome(feed.frames().next());
      await mock.settle();
      assertEquals(read.state, ending === "server" ? "done" : "failed");
    }
    await mock.advance(600_000);
    assertEquals([mock.connector.dials.length, mock.clock.timers, mock.spawn.tasks], [1, 0, 0]);
  }
});

test("passthrough() rejects when its one dial fails", async () => {
  const mock = mockRuntime();
  const connecting = outcome(
    chain(mock.connector, { reconnect: passthrough({}, mock.runtime) })
      .connect(handshake(), { signal: new AbortController().signal }),
  );
  (await mock.dial()).fail({ status: 503 });
  await mock.settle();
  assertEquals([connecting.state, codeOf(connecting.value)], ["failed", "connect_failed"]);
});

test("stack() is the canonical chain, and checks its options before any work", async () => {
  const mock = mockRuntime();
  const trace: string[] = [];
  const connector = stack(mock.connector, mock.runtime, {
    tracer: { event: ({ type }) => trace.push(type) },
    auth: ({ headers }) => headers.set("x-auth", "1"),
    connectTimeoutMs: 500,
  });
  const first = connector.connect(handshake(), { signal: new AbortController().signal });
  await mock.dial();
  await mock.advance(500); // never answered
  const dial = await mock.dial();
  assertEquals(dial.handshake.headers.get("x-auth"), "1");
  dial.open();
  await mock.settle();
  const feed = await first;
  assertEquals(trace, ["dial", "failure", "retry", "dial", "open", "start"]);
  void feed.control.shutdown();
  await mock.settle();
  const error = assertThrows(
    () => stack(mock.connector, mock.runtime, { connectTimeoutMs: 0, maxAttempts: 0.5 }),
    TransportError,
  );
  assert(isTransportError(error, "invalid_options"));
  assertEquals(error.problems.map(({ path }) => path), ["connectTimeoutMs", "maxAttempts"]);
  assertEquals(mock.connector.dials.length, 2);
});

test("stack() refuses what the leaf cannot honour, before any work", () => {
  const mock = mockRuntime({ capabilities: { headers: false, ping: false } });
  const refusals = [
    { headers: { cookie: "a=b" } },
    { liveness: { probe: { afterMs: 1_000 } } },
  ];
  for (const options of refusals) {
    const error = assertThrows(
      () => stack(mock.connector, mock.runtime, options),
      TransportError,
      "./",
    );
    assert(isTransportError(error, "unsupported"));
  }
  assertEquals(mock.connector.dials.length, 0);
});

test("stack() makes headers that auth sets on a leaf without them a permanent failure, not a silent loss", async () => {
  const mock = mockRuntime({ capabilities: { headers: false } });
  const connecting = stack(mock.connector, mock.runtime, {
    auth: ({ headers }) => headers.set("authorization", "secret"),
    permanentRetries: 0,
  }).connect(handshake(), { signal: new AbortController().signal });
  connecting.catch(() => {});
  await mock.settle();
  const error = await assertRejects(() => connecting);
  assert(isTransportError(error, "unrecoverable"));
  assertEquals([codeOf(error.cause), mock.connector.dials.length], ["unsupported", 0]);
  assert(!error.message.includes("secret"));
});
