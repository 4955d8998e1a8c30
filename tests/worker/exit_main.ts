/**
 * A program whose session is in a worker: it connects, shuts down at a venue that does not answer the close frame, and has nothing more to do.
 *
 * @module
 */
import process from "node:process";
import { connect } from "../../mod.ts";
import { web } from "../../src/runtime/web.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { workerOf } from "./make_worker.ts";

const connector = workerConnector(workerOf("host_web.ts"));
const feed = await connect(process.argv[2] ?? "", { runtime: { ...web(), connector } });
await feed.control.shutdown({ timeoutMs: 300 });
console.log(JSON.stringify({ event: "down" }));
