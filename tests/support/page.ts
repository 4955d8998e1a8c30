/**
 * The suite as a page: it runs on load and posts every step of its report. The
 * runner bundles it behind `tests/portable.ts`, which registers the tests.
 *
 * @module
 */
import { runRegistered } from "./run_registered.ts";

interface Host {
  conformanceServer?: string;
  location: { search: string };
}

const host = globalThis as unknown as Host;
const server = new URLSearchParams(host.location.search).get("server");
if (server !== null) host.conformanceServer = server;
await runRegistered(async (step) => {
  const answer = await fetch("/report", { method: "POST", body: JSON.stringify(step) });
  await answer.body?.cancel();
});
