/**
 * A program for `spawn_test.ts`: connects without waiting for anything itself, and shuts down once it is up.
 *
 * @module
 */
import process from "node:process";
import { open } from "../../mod.ts";

const [, , , url] = process.argv;
const feed = open(url!, { backoff: { minDelayMs: 10, maxDelayMs: 50 } });
// Nothing here holds the process but the connection itself.
void feed.ready.then(async () => {
  console.log("up");
  await feed.control.shutdown();
  console.log("shut down");
});
