/**
 * What the `Spawn` of Deno, Node and Bun promises beyond stepping: the actor is outside the async context of whoever connected, and what keeps
 * the process alive is as the module says.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import type { Runtime } from "../../src/contract/runtime.ts";
import type { TraceEvent } from "../../src/contract/trace.ts";
import { diagnosticsTracer } from "../../src/runtime/diagnostics.ts";
import { opener } from "../../src/stack.ts";
import { bun } from "../../src/runtime/bun.ts";
import { deno } from "../../src/runtime/deno.ts";
import { node } from "../../src/runtime/node.ts";
import { platform, test } from "../support/harness.ts";
import { startRawServer } from "../support/raw_server.ts";

const platforms: Record<string, () => Runtime> = { bun, deno, node };
const open = opener(() => platforms[platform]!());

test("Spawn keeps the async context of the first caller out of the actor", async () => {
  const storage = new AsyncLocalStorage<string>();
  const server = await startRawServer({ onPeer: (peer) => peer.accept() });
  const seen: (string | undefined)[] = [];
  const look = () => void seen.push(storage.getStore());
  try {
    const feed = storage.run(
      "request 1",
      () => open(server.url, { auth: look, onSession: look, tracer: { event: look } }),
    );
    await feed.ready;
    storage.run("request 2", () => feed.control.forceReconnect());
    await feed.lifecycle.waitFor(({ epoch, up }) => epoch === 2 && up);
    await feed.control.shutdown();
  } finally {
    await server.close();
  }
  assert(seen.length > 6);
  assertEquals(seen.filter((value) => value !== undefined), []);
});

test("diagnosticsTracer() publishes every event in order on its channel", async () => {
  const server = await startRawServer({ onPeer: (peer) => peer.accept() });
  const types: string[] = [];
  const listener = (event: unknown) => void types.push((event as TraceEvent).type);
  subscribe("holdfast:test", listener);
  try {
    const feed = open(server.url, { tracer: diagnosticsTracer("holdfast:test") });
    await feed.ready;
    await feed.control.shutdown();
  } finally {
    unsubscribe("holdfast:test", listener);
    await server.close();
  }
  assertEquals(types, ["dial", "open", "start", "down", "end"]);
});

/** Runs `tests/runtime/alive_main.ts` on this runtime. Resolves with its exit code and output. */
function child(what: string, url: string): Promise<{ code: number | null; text: string }> {
  const main = fileURLToPath(new URL("./alive_main.ts", import.meta.url));
  const args = platform === "deno" ? ["run", "--quiet", "--no-check", "--allow-net", main] : [main];
  const running = spawn(process.execPath, [...args, what, url]);
  let text = "";
  running.stdout.on("data", (data) => text += data);
  running.stderr.on("data", (data) => text += data);
  return new Promise((resolve) => running.on("close", (code) => resolve({ code, text })));
}

test("a process ends by itself after shutdown()", async () => {
  const server = await startRawServer({ onPeer: (peer) => peer.accept() });
  try {
    assertEquals(await child("shutdown", server.url), { code: 0, text: "up\nshut down\n" });
  } finally {
    await server.close();
  }
});

test("a connection that waits for its next dial keeps the process alive", async () => {
  let dials = 0;
  const server = await startRawServer({
    onPeer: (peer) => ++dials < 3 ? peer.refuse(503) : peer.accept(),
  });
  try {
    assertEquals(await child("shutdown", server.url), { code: 0, text: "up\nshut down\n" });
    assertEquals(dials >= 3, true);
  } finally {
    await server.close();
  }
});
