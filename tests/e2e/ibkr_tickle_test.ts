// What the REST side says to a tickle.
import { assertEquals } from "@std/assert";
import { ibkrLines } from "../../examples/adapters/ibkr_lines.ts";
import { open } from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";
import { Signal } from "./support.ts";

/** A gateway that answers every tickle alike, and what becomes of the feed after so many. */
async function tickled(status: number, body: string, tickles: number) {
  const mock = mockRuntime();
  const signal = new Signal();
  const atMs: number[] = [];
  const rest = await startRawServer({
    onPeer(peer) {
      atMs.push(mock.clock.now());
      peer.refuse(status, {}, body);
    },
  });
  const failures: string[] = [];
  const { feed, done } = ibkrLines({
    conids: ["265598"],
    restUrl: rest.httpUrl.replace(/\/$/, ""),
    open,
    connection: {
      runtime: mock.runtime,
      tracer: {
        event(event) {
          if (event.type === "failure") failures.push(`${event.error.code} ${event.verdict}`);
          signal.ring();
        },
      },
    },
  });
  done.catch(() => {});
  try {
    for (let n = 1; n <= tickles && feed.lifecycle.value.phase !== "unrecoverable"; n++) {
      await signal.until(() => failures.length === n);
      await mock.settle();
      if (n < tickles) mock.clock.fireNext(3_600_000); // the backoff
      await mock.settle();
    }
    return { atMs, failures, phase: feed.lifecycle.value.phase };
  } finally {
    await feed.control.shutdown();
    await done.catch(() => {});
    await rest.close();
  }
}

test("ibkrLines() gives up when the gateway wants a login, whatever its answer looks like", async () => {
  const { phase, failures } = await tickled(401, "Access Denied", 5);
  assertEquals(failures[0], "auth_rejected permanent");
  assertEquals(phase, "unrecoverable");
});

test("ibkrLines() waits out the penalty box before it tickles again", async () => {
  const { atMs } = await tickled(429, "{}", 3);
  assertEquals(atMs.map((ms, at) => ms - (atMs[at - 1] ?? ms) >= 900_000), [false, true, true]);
});
