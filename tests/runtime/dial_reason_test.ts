// A dial that fails says why in the platform's words, and nothing of where it was to go.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../mod.ts";
import { nativeOpen } from "../e2e/support.ts";
import { closedPort } from "../faults/closed_port.ts";
import { platform, test } from "../support/harness.ts";

test("open() names the reason of a refused dial, without the url", async () => {
  const open = await nativeOpen();
  const url = `ws://127.0.0.1:${await closedPort()}/private?token=secret`;
  const feed = open(url, { maxAttempts: 1 });
  const { cause } = await assertRejects(() => feed.ready, TransportError);
  const refused = platform === "deno" ? "tcp connect error" : "ECONNREFUSED";
  assert(cause instanceof TransportError);
  assertEquals(cause.message, `Cannot connect: ${refused}`);
  await feed.control.shutdown();
});
