/**
 * Ours, in its three forms, over the platform's socket and over the tcp leaf, with everything on that is on by default: heartbeat, buffer,
 * counters, epoch and seq.
 *
 * @module
 */
import { attemptBudget } from "../../src/connect/attempt_budget.ts";
import type { ConnectionOptions } from "../../src/contract/options.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import type { ReconnectingConnection } from "../../src/contract/reconnecting.ts";
import type { Runtime } from "../../src/contract/runtime.ts";
import type { TcpOptions } from "../../src/runtime/tcp_options.ts";
import { ws, type WsConstructor } from "../../src/runtime/ws.ts";
import type { Entry } from "../../src/stack.ts";
import type { Counted, Receive } from "./controls.ts";
import { CA_CERTIFICATE } from "../../tests/support/tls/certificates.ts";
import { host } from "./host.ts";
import type { Meter } from "./meter.ts";
import { load, type Target } from "./peer_packages.ts";

interface Platform {
  readonly connect: Entry["connect"];
  readonly runtime: () => Runtime;
  readonly tcp: (options?: TcpOptions) => WsConnector;
}

/** Our entry point of the runtime that this is. */
export async function platform(): Promise<Platform> {
  switch (host) {
    case "deno": {
      const { connect, deno, tcp } = await import("../../src/runtime/deno.ts");
      return { connect, runtime: deno, tcp };
    }
    case "bun": {
      const { connect, bun, tcp } = await import("../../src/runtime/bun.ts");
      return { connect, runtime: bun, tcp };
    }
    default: {
      const { connect, node, tcp } = await import("../../src/runtime/node.ts");
      return { connect, runtime: node, tcp };
    }
  }
}

/** Which leaf: the platform's socket, our own over TCP, or the npm package `ws`. */
export type LeafName = "native" | "tcp" | "ws";

/** How a leaf of ours is changed before it is used; for measurements that look at what it hands over. */
export const leaves: { wrap: ((leaf: WsConnector) => WsConnector) | undefined } = {
  wrap: undefined,
};

/** Connects over a leaf. The attempt budget is as wide as a benchmark needs; it is not on the way of a frame. */
export async function connectOver(
  leaf: LeafName,
  url: Target,
  options: ConnectionOptions = {},
  budget: "wide" | "as it is" = "wide",
): Promise<ReconnectingConnection> {
  const { connect, runtime, tcp } = await platform();
  const all = budget === "as it is" ? options : {
    attemptBudget: attemptBudget({ attempts: 10_000, windowMs: 1_000 }),
    ...options,
  };
  if (leaf === "native") return await connect(url, all);
  const secure = typeof url === "string" && url.startsWith("wss:");
  const connector = leaf === "tcp"
    ? tcp(secure ? { tls: { ca: CA_CERTIFICATE } } : {})
    : ws((await load<{ WebSocket: WsConstructor }>("ws")).WebSocket);
  return await connect(url, {
    ...all,
    runtime: { ...runtime(), connector: leaves.wrap?.(connector) ?? connector },
  });
}

type Read = (connection: ReconnectingConnection, meter: Meter) => Promise<void>;

async function forAwait(connection: ReconnectingConnection, meter: Meter): Promise<void> {
  for await (const frame of connection) if (meter.take(frame.data)) break;
}

async function batches(connection: ReconnectingConnection, meter: Meter): Promise<void> {
  for await (const frames of connection.batches()) {
    for (const frame of frames) if (meter.take(frame.data)) return;
  }
}

async function readable(connection: ReconnectingConnection, meter: Meter): Promise<void> {
  const reader = connection.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream ended before the feed");
    if (meter.take(value.data)) break;
  }
  void reader.cancel();
}

function over(leaf: LeafName, read: Read): Receive {
  return async (url, meter): Promise<Counted> => {
    const connection = await connectOver(leaf, url);
    const reading = read(connection, meter);
    meter.start();
    await connection.send("go");
    await reading;
    return { dropped: connection.stats().totalLagged };
  };
}

/** Ours, by name. */
export const holdfast: Readonly<Record<string, Receive>> = {
  forAwait: over("native", forAwait),
  batches: over("native", batches),
  readable: over("native", readable),
  "tcp.forAwait": over("tcp", forAwait),
  "tcp.batches": over("tcp", batches),
  "tcp.readable": over("tcp", readable),
  "ws.forAwait": over("ws", forAwait),
};
