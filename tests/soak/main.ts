/**
 * The soak test: `npm run soak -- --minutes N`. Per leaf a client with many kinds of consumers, and servers that end
 * every session in some nasty way, each in a process of its own; this one watches.
 *
 * @module
 */
import process from "node:process";
import { program } from "../../tools/runner/programs.mjs";
import { Child } from "../faults/child.ts";
import { HELP, parse, UsageError } from "./arguments.ts";
import { isSecure } from "./leaves.ts";
import { line, reportOf, thousands } from "./report.ts";
import { watch } from "./watch.ts";

/** How each runtime is started so that garbage can be collected on demand. */
function startOf(name: string): { readonly runtime: string; readonly flags: readonly string[] } {
  const runtime = program(name);
  if (runtime === undefined) throw new UsageError(`Cannot run on ${name}: not on this machine`);
  if (name === "bun") return { runtime, flags: [] };
  if (name !== "deno") {
    return { runtime, flags: ["--expose-gc", "--disable-warning=ExperimentalWarning"] };
  }
  const map = process.env.STD === "jsr" ? [] : ["--import-map=tools/std/import_map.json"];
  return { runtime, flags: ["run", "--quiet", "-A", "--v8-flags=--expose-gc", ...map] };
}

/** @returns the exit code. */
async function soak(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  const { minutes, runtime, seed, leaves } = options;
  const sampleMs = Math.min(10_000, Math.max(500, Math.round(minutes * 60_000 / 100)));
  const start = { ...startOf(runtime), detached: true };
  const servers = new Map<boolean, { readonly child: Child; readonly url: string }>();
  for (const secure of new Set(leaves.map(isSecure))) {
    const child = new Child(new URL("./server.ts", import.meta.url), {
      ...start,
      // All leaves together get what one machine can make.
      args: [secure ? "tls" : "plain", `${leaves.length}`, `${seed}`],
    });
    const { url } = await child.until(({ event }) => event === "listening");
    servers.set(secure, { child, url: String(url) });
  }
  console.log(
    `soak: ${minutes} min on ${runtime}, seed ${seed}, over ${leaves.join(", ")}; ` +
      "each leaf has a process of its own, and the servers have theirs",
  );
  const clients = leaves.map((leaf) => {
    const { url } = servers.get(isSecure(leaf))!;
    const args = [leaf, url, `${minutes}`, `${seed}`, `${sampleMs}`];
    return { leaf, child: new Child(new URL("./client.ts", import.meta.url), { ...start, args }) };
  });

  let interrupted = false;
  const stop = () => {
    for (const { child } of clients) {
      if (interrupted) child.kill("SIGKILL");
      child.tell("stop");
    }
    interrupted = true;
  };
  process.on("SIGINT", stop);
  const shownEvery = Math.max(1, Math.round(minutes * 60_000 / sampleMs / 12));
  const watched = await Promise.all(clients.map(({ leaf, child }) => {
    let count = 0;
    return watch(leaf, child, {
      show: (sample, descriptors) => {
        if (++count % shownEvery === 0) console.log(line(leaf, sample, descriptors));
      },
    });
  })).finally(() => process.off("SIGINT", stop));

  const failures: string[] = [];
  const reports = watched.map((one) => ({ ...one, ...reportOf(one) }));
  for (const { leaf, lines, failures: own } of reports) {
    console.log(`soak: ${leaf}`);
    for (const text of lines.slice(0, -1)) console.log(text);
    failures.push(...own.map((failure) => `${leaf}: ${failure}`));
  }
  for (const [secure, { child }] of servers) {
    child.tell("totals");
    const served = await child.until(({ event }) => event === "totals").catch(() => undefined);
    if (served === undefined) failures.push(`the server ended: ${child.errors.slice(-2_000)}`);
    const open = Number(served?.open ?? 0);
    if (open > 0) failures.push(`${open} connections at the ${secure ? "TLS " : ""}server`);
    console.log(
      `      server: ${thousands(Number(served?.tcp))} connections, ` +
        `${thousands(Number(served?.handshakes))} handshakes, ${open} open, ends ${
          JSON.stringify(served?.ends)
        }`,
    );
  }
  for (const { child } of clients) await child.close();
  for (const { child } of servers.values()) await child.close();
  for (const failure of failures) console.log(`soak: ${failure}`);
  for (const { lines } of reports) console.log(`soak: ${lines.at(-1)}`);
  const took = Math.max(...watched.map(({ end, samples }) => (end ?? samples.at(-1))?.atMs ?? 0));
  console.log(
    `soak: ${failures.length > 0 ? "FAIL" : "PASS"} ${(took / 60_000).toFixed(1)} min on ` +
      `${runtime}${interrupted ? " (interrupted)" : ""} over ${leaves.join(", ")}`,
  );
  return failures.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await soak(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
