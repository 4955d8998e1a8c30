/**
 * The connect-time chain: a list of functions around a leaf.
 *
 * @module
 */
import type { Connector, DialLayer, Layer, WsConnector } from "../contract/connector.ts";
import type { ReconnectingConnection } from "../contract/reconnecting.ts";

/** A chain. Within each list the first is outermost; `outer` is around `reconnect`, which is around `dial`. */
export interface Chain {
  /** Around the whole connection. @default {[]} */
  readonly outer?: readonly Layer[];
  /** The one layer that changes the type: from single sessions to a connection that holds. */
  readonly reconnect: (next: WsConnector) => Connector<ReconnectingConnection>;
  /** Around each dial. @default {[]} */
  readonly dial?: readonly DialLayer[];
}

/**
 * Puts a chain around a leaf. Order is meaning: with `dial: [connectTimeout(...), auth(...)]` the deadline covers pulling credentials, with
 * the two the other way round it does not.
 *
 * @example
 * ```ts
 * import { auth, chain, connectTimeout, reconnect } from "@holdfast/ws";
 * import { mockRuntime } from "@holdfast/ws/testing";
 *
 * const mock = mockRuntime(); // or web(), deno(), node(), bun()
 * const { runtime } = mock;
 * const connector = chain(runtime.connector, {
 *   reconnect: reconnect({}, runtime),
 *   dial: [connectTimeout(5_000, runtime.clock), auth(() => {})],
 * });
 * const url = new URL("wss://venue.example/feed");
 * const { signal } = new AbortController();
 * const connecting = connector.connect({ url, protocols: [], headers: new Headers() }, { signal });
 * (await mock.dial()).open();
 * const feed = await connecting;
 * console.log(feed.lifecycle.value.phase); // connected
 * await feed.control.shutdown();
 * ```
 */
export function chain(leaf: WsConnector, layers: Chain): Connector<ReconnectingConnection> {
  const { outer = [], reconnect, dial = [] } = layers;
  const dialled = dial.reduceRight((next, layer) => layer(next), leaf);
  return outer.reduceRight<Connector<ReconnectingConnection>>(
    (next, layer) => layer(next),
    reconnect(dialled),
  );
}
