// The end of the overlapping way.
import { assertEquals } from "@std/assert";
import { overlapping } from "../../examples/adapters/binance_rollover.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

test("overlapping() opens no connection after close(), whatever is still in the buffer", async () => {
  const mock = mockRuntime();
  let connections = 0;
  const roll = overlapping({
    symbols: ["A"],
    connection: { runtime: mock.runtime },
    onRollover: (count) => connections = count,
  });
  const dial = await mock.dial();
  dial.open();
  const diff = (u: number) => `{"data":{"e":"depthUpdate","s":"A","U":${u},"u":${u}}}`;
  for (const u of [1, 2, 3]) dial.receive(diff(u));
  dial.receive('{"data":{"e":"serverShutdown"}}');
  await mock.settle(); // nobody reads: the shutdown waits behind the diffs
  const closed = roll.close();
  await mock.settle();
  const ids: number[] = [];
  for await (const { u } of roll.readable) ids.push(u);
  await closed;
  await mock.settle();
  assertEquals([ids, connections, mock.connector.dials.length], [[1, 2, 3], 1, 1]);
});
