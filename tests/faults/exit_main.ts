/**
 * A whole program: it connects over the leaf and to the url that it is given, shuts down, and has nothing more to do. It
 * must end by itself then, if the leaf can let go of a socket.
 *
 * @module
 */
import process from "node:process";
import { Feed } from "./feed.ts";
import { leafNamed } from "./leaves.ts";

const [name, url] = process.argv.slice(-2);
const { connection } = new Feed(url!, {}, leafNamed(name));
await connection.ready;
const started = performance.now();
await connection.control.shutdown({ timeoutMs: 200 });
const tookMs = performance.now() - started;
const { phase } = connection.lifecycle.value;
const { zombies } = connection.stats();
process.stdout.write(JSON.stringify({ event: "shut down", tookMs, phase, zombies }) + "\n");
