/**
 * The chain: first listed is outermost.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { chain } from "../../src/connect/chain.ts";
import type { Connector, DialLayer, Layer, WsConnector } from "../../src/contract/connector.ts";
import type { ReconnectingConnection } from "../../src/contract/reconnecting.ts";
import { test } from "../support/harness.ts";
import { DeafLeaf, greeting } from "./bench.ts";

test("chain() puts the first of each list outermost, outer around reconnect around dial", () => {
  const order: string[] = [];
  const outer = (name: string): Layer => <C>(next: Connector<C>): Connector<C> => ({
    connect(handshake, context) {
      order.push(name);
      return next.connect(handshake, context);
    },
  });
  const dial = (name: string): DialLayer => (next) => ({
    capabilities: next.capabilities,
    connect(handshake, context) {
      order.push(name);
      return next.connect(handshake, context);
    },
  });
  const leaf = new DeafLeaf();
  const seen: WsConnector[] = [];
  const reconnect = (next: WsConnector): Connector<ReconnectingConnection> => {
    seen.push(next);
    return {
      connect(handshake, context) {
        order.push("reconnect");
        return next.connect(handshake, context) as never;
      },
    };
  };
  const signal = new AbortController().signal;
  void chain(leaf, {
    outer: [outer("outer 1"), outer("outer 2")],
    reconnect,
    dial: [dial("dial 1"), dial("dial 2")],
  }).connect(greeting(), { signal });
  assertEquals(order, ["outer 1", "outer 2", "reconnect", "dial 1", "dial 2"]);
  assertEquals(leaf.dials.length, 1);
  void chain(leaf, { reconnect }).connect(greeting(), { signal });
  assertEquals([seen[1] === leaf, leaf.dials.length], [true, 2]);
});
