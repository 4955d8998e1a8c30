/**
 * The suite as a page: it runs on load and posts every step of its report. The
 * runner bundles it behind `tests/portable.ts`, which registers the tests. With `?only=` it runs
 * the tests whose name starts so, and with `?note=` it says something behind each name.
 *
 * @module
 */
import type { Registered } from "./harness.ts";
import { runRegistered } from "./run_registered.ts";

interface Host {
  conformanceServer?: string;
  registeredTests?: Registered[];
  location: { search: string };
}

const host = globalThis as unknown as Host;
const query = new URLSearchParams(host.location.search);
const server = query.get("server");
if (server !== null) host.conformanceServer = server;
const [only, note] = [query.get("only"), query.get("note")];
if (only !== null) {
  host.registeredTests = host.registeredTests?.filter(({ name }) => name.startsWith(only)) ?? [];
}
if (note !== null) {
  host.registeredTests =
    host.registeredTests?.map((one) => ({ ...one, name: `${one.name} (${note})` })) ?? [];
}
await runRegistered(async (step) => {
  const answer = await fetch("/report", { method: "POST", body: JSON.stringify(step) });
  await answer.body?.cancel();
});
