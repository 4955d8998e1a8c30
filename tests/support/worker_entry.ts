/**
 * The suite as an edge worker: a request runs it, and the answer is the report, one line of JSON
 * per step, written while the tests run. The runner bundles it behind `tests/portable.ts`, which
 * registers the tests.
 *
 * @module
 */
import { runRegistered } from "./run_registered.ts";

interface Host {
  conformanceServer?: string;
}

const handler: { fetch(request: Request): Response } = {
  fetch(request: Request): Response {
    const server = new URL(request.url).searchParams.get("server");
    if (server !== null) (globalThis as Host).conformanceServer = server;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    runRegistered((step) => writer.write(encoder.encode(`${JSON.stringify(step)}\n`)))
      .then(() => writer.close(), (error) => writer.abort(error));
    return new Response(readable);
  },
};

export default handler;
