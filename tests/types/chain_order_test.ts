/**
 * Order that the compiler checks: a chain without `reconnect`, or with it in the wrong place, does not compile. Each `@ts-expect-error` fails
 * the type check as soon as the mistake under it would be accepted.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  auth,
  type AuthSource,
  chain,
  type Connector,
  connectTimeout,
  type DialLayer,
  type Frame,
  type FrameLayer,
  heartbeat,
  type Layer,
  passthrough,
  reconnect,
  type ReconnectingConnection,
  type Runtime,
  sendRateLimit,
  type SessionContext,
  stack,
  type Tracer,
  tracing,
  type WsConnection,
  type WsConnector,
} from "../../mod.ts";
import { test } from "../support/harness.ts";

/** Never called: that it compiles is the test. */
function orders(
  rt: Runtime,
  { source, tracer, mine, context }: {
    source: AuthSource;
    tracer: Tracer;
    mine: DialLayer;
    context: SessionContext;
  },
): void {
  const whole: Connector<ReconnectingConnection> = chain(rt.connector, {
    outer: [tracing(tracer)],
    reconnect: reconnect({}, rt),
    dial: [mine, connectTimeout(10_000, rt.clock), auth(source)],
  });
  const once: Connector<ReconnectingConnection> = chain(rt.connector, {
    reconnect: passthrough({}, rt),
  });
  // @ts-expect-error: a list without reconnect
  chain(rt.connector, { dial: [auth(source)] });
  // @ts-expect-error: reconnect among the dial layers
  chain(rt.connector, { reconnect: reconnect({}, rt), dial: [reconnect({}, rt)] });
  // @ts-expect-error: a dial layer outside reconnect
  chain(rt.connector, { outer: [auth(source)], reconnect: reconnect({}, rt) });
  // @ts-expect-error: reconnect around a connector that reconnects already
  reconnect({}, rt)(whole);
  // @ts-expect-error: a dial layer around a connector that reconnects already
  connectTimeout(10_000, rt.clock)(once);
  // @ts-expect-error: a dial layer in the place of reconnect
  chain(rt.connector, { reconnect: auth(source) });
  // @ts-expect-error: the raw leaf is no usage seam
  const raw: Connector<ReconnectingConnection> = rt.connector;
  // @ts-expect-error: a raw session has no control
  const control = (session: WsConnection) => session.control;
  // @ts-expect-error: a dial layer that forgets the capabilities
  const forgetful: DialLayer = (next: WsConnector) => ({ connect: next.connect });
  // @ts-expect-error: tracing keeps no capabilities, so it is no dial layer
  const inside: DialLayer = tracing(tracer);
  const outside: Layer = tracing(tracer);
  const layers: FrameLayer[] = [heartbeat(), sendRateLimit({ limit: 5, windowMs: 1_000 })];
  const streams: TransformStream<Frame, Frame>[] = layers.map((layer) =>
    new TransformStream(layer(context))
  );
  stack(rt.connector, rt, { sendRateLimit: layers[1]! });
  void [raw, control, forgetful, inside, outside, streams];
}

test("chain() takes its layers in the one right order: the type check is the test", () => {
  assertEquals(typeof orders, "function");
});
