/**
 * The soak test: `npm run soak -- --minutes N`. A client with many kinds of consumers and a server
 * that ends every session in some nasty way, each in a process of its own; this one watches.
 *
 * @module
 */
import process from "node:process";
import { program } from "../../tools/runner/programs.mjs";
import { Child } from "../faults/child.ts";
import { openSockets, residentBytes } from "../faults/resources.ts";
import { HELP, parse, UsageError } from "./arguments.ts";
import { judge, type Judgement, noTotals, type Sample, type Series } from "./sample.ts";

/**
 * Growth that is still called flat. Two minutes have some 15,000 sessions (Deno 2.9.5, two cores), so
 * that a leak of 250 bytes per session is above it; a longer run finds a smaller one.
 */
const ALLOWED_HEAP_BYTES = 2 * 2 ** 20;
/** Counts go up and down with what the actors do; a leak of one per reconnect is thousands. */
const ALLOWED_COUNT = 20;

interface End extends Sample {
  readonly violations: readonly string[];
}

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

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const thousands = (count: number) => Math.round(count).toLocaleString("en");

function line({ atMs, heapBytes, timers, sockets, zombies, totals }: Sample, descriptors: number) {
  const { opened, received, lagged } = totals;
  return `${String(Math.round(atMs / 1_000)).padStart(6)} s  ${thousands(opened)} sessions, ` +
    `${thousands(received)} frames received, ${thousands(lagged)} lagged; heap ` +
    `${mebibytes(heapBytes)}, ${timers} timers, ${sockets} sockets (${zombies} abandoned), ` +
    `${descriptors} descriptors`;
}

function shown({ name, flat, growth, perMinute, middle }: Judgement): string {
  const [amount, slope, usual] = name === "heap"
    ? [mebibytes(growth), `${(perMinute / 1024).toFixed(0)} KiB`, mebibytes(middle)]
    : [growth.toFixed(1), perMinute.toFixed(1), middle.toFixed(0)];
  return `${flat ? "flat" : "GREW"}  ${name}: median ${usual}, ${amount} over the time after the ` +
    `warm-up (${slope} per minute)`;
}

/** @returns the exit code. */
async function soak(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  const { minutes, runtime, seed } = options;
  const sampleMs = Math.min(10_000, Math.max(500, Math.round(minutes * 60_000 / 100)));
  const start = { ...startOf(runtime), detached: true };
  const server = new Child(new URL("./server.ts", import.meta.url), {
    ...start,
    args: [`${seed}`],
  });
  const { url } = await server.until(({ event }) => event === "listening");
  console.log(`soak: ${minutes} min on ${runtime}, seed ${seed}; the server is a second process`);
  const client = new Child(new URL("./client.ts", import.meta.url), {
    ...start,
    args: [String(url), `${minutes}`, `${seed}`, `${sampleMs}`],
  });

  const samples: Sample[] = [];
  const descriptors: [number, number][] = [];
  const resident: [number, number][] = [];
  let interrupted = false;
  const stop = () => {
    if (interrupted) client.kill("SIGKILL");
    interrupted = true;
    client.tell("stop");
  };
  process.on("SIGINT", stop);

  const shownEvery = Math.max(1, Math.round(samplesIn(minutes, sampleMs) / 12));
  let end: End | undefined;
  let problem: string | undefined;
  try {
    for await (const event of client.lines()) {
      if (event.event === "end") {
        end = event as unknown as End;
        break;
      }
      if (event.event !== "sample") continue;
      const sample = event as unknown as Sample;
      samples.push(sample);
      descriptors.push([sample.atMs, openSockets(client.pid) ?? 0]);
      resident.push([sample.atMs, residentBytes(client.pid)]);
      if (samples.length % shownEvery === 0) console.log(line(sample, descriptors.at(-1)![1]));
    }
    if (end === undefined) problem = `the client ended: ${client.errors.slice(-2_000)}`;
  } finally {
    process.off("SIGINT", stop);
  }
  const left = openSockets(client.pid) ?? 0;
  server.tell("totals");
  const served = end === undefined
    ? undefined
    : await server.until(({ event }) => event === "totals").catch(() => undefined);
  await client.close();
  await server.close();

  const failures: string[] = problem === undefined ? [] : [problem];
  const series = (of: (sample: Sample) => number): Series =>
    samples.map((sample) => [sample.atMs, of(sample)]);
  const judgements = [
    judge("heap", series(({ heapBytes }) => heapBytes), ALLOWED_HEAP_BYTES),
    judge("timers", series(({ timers }) => timers), ALLOWED_COUNT),
    judge("listeners", series(({ listeners }) => listeners), ALLOWED_COUNT),
    judge("sockets", series(({ sockets }) => sockets), ALLOWED_COUNT),
    judge("descriptors", descriptors, ALLOWED_COUNT),
  ];
  for (const judgement of judgements) console.log(shown(judgement));
  console.log(`      resident: ${mebibytes(judge("", resident, 0).middle)} median, not judged`);
  for (const { name, flat } of judgements) {
    if (!flat) failures.push(samples.length < 8 ? `${name}: too few samples` : `${name} grew`);
  }
  if (end !== undefined) {
    failures.push(...end.violations.slice(0, 10));
    const { timers, listeners, sockets, connections } = end;
    for (const [name, count] of Object.entries({ timers, listeners, sockets, connections })) {
      if (count !== 0) failures.push(`${count} ${name} at the end`);
    }
    if (left > 0) failures.push(`${left} descriptors of sockets at the end`);
    if (Number(served?.open ?? 0) > 0) failures.push(`${served?.open} connections at the server`);
    const { received, delivered, lagged, discarded, buffered } = end.totals;
    if (received !== delivered + lagged + discarded + buffered) {
      failures.push(`conservation: ${JSON.stringify(end.totals)}`);
    }
    console.log(
      `      server: ${thousands(Number(served?.tcp))} connections, ` +
        `${thousands(Number(served?.handshakes))} handshakes, ends ${JSON.stringify(served?.ends)}`,
    );
  }
  for (const failure of failures) console.log(`soak: ${failure}`);
  const { opened, received, delivered, lagged, discarded, buffered } =
    (end ?? samples.at(-1))?.totals ?? noTotals();
  const took = ((end ?? samples.at(-1))?.atMs ?? 0) / 60_000;
  const verdict = failures.length > 0 ? "FAIL" : "PASS";
  console.log(
    `soak: ${verdict} ${took.toFixed(1)} min on ${runtime}${
      interrupted ? " (interrupted)" : ""
    }, ` +
      `${thousands(opened)} sessions, ${thousands(received)} frames = ${thousands(delivered)} ` +
      `delivered + ${thousands(lagged)} lagged + ${thousands(discarded)} discarded + ` +
      `${thousands(buffered)} left unread, ` +
      `heap ${(judgements[0]!.perMinute / 1024).toFixed(0)} KiB per minute, ` +
      `timers ${end?.timers ?? "?"}, listeners ${end?.listeners ?? "?"}, descriptors ${left}`,
  );
  return failures.length > 0 ? 1 : 0;
}

function samplesIn(minutes: number, sampleMs: number): number {
  return minutes * 60_000 / sampleMs;
}

try {
  process.exitCode = await soak(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
