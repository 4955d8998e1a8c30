/**
 * A whole program: it connects to the url it is given, shuts down, and has nothing more to do. It
 * must end by itself then, if the leaf can let go of a socket.
 *
 * @module
 */
import process from "node:process";
import { Feed } from "./feed.ts";

const { connection } = new Feed(process.argv.at(-1)!);
await connection.ready;
const started = performance.now();
await connection.control.shutdown({ timeoutMs: 200 });
const tookMs = performance.now() - started;
const { phase } = connection.lifecycle.value;
const { zombies } = connection.stats();
process.stdout.write(JSON.stringify({ event: "shut down", tookMs, phase, zombies }) + "\n");
