/**
 * Runs the scripted server in a process of its own until its input ends. The first line of its
 * output is its `ws:` base; the others are at `/info` of the same port.
 *
 * @module
 */
import process from "node:process";
import { startScripted } from "./scripted.ts";

const server = await startScripted();
console.log(server.ws);
process.stdin.on("end", () => void server.close());
process.stdin.resume();
