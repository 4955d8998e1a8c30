/**
 * The client side of the soak test: all actors at once, and what they hold, measured at intervals.
 * It is told the leaf, the url and the minutes, reports in lines of JSON, and ends when its input does.
 *
 * @module
 */
import process from "node:process";
import type { ConnectionOptions, ReconnectingConnection } from "../../mod.ts";
import { attemptBudget, isTransportError } from "../../mod.ts";
import type { WsConnection } from "../../src/contract/connection.ts";
import type { Runtime } from "../../src/contract/runtime.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { CountingClock, nativeOpen, nativeRuntime } from "../faults/feed.ts";
import { countedSignal } from "../faults/resources.ts";
import { ACTORS, type Stage } from "./actors.ts";
import { soaked } from "./connectors.ts";
import type { SoakLeaf } from "./leaves.ts";
import { addTotals, noTotals, type Sample, type Totals } from "./sample.ts";

const [leaf, url = "", minutes = "1", seed = "1", sampleMs = "1000"] = process.argv.slice(-5);
const { connector, options: own, actors: names = Object.keys(ACTORS) } = soaked(leaf as SoakLeaf);

interface Host {
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

/** Collects what is garbage, so that the heap shows what is held. */
function collect(): void {
  const host = globalThis as Host;
  if (host.Bun !== undefined) return host.Bun.gc(true);
  if (host.gc === undefined) throw new Error("Cannot measure the heap: gc is not exposed");
  host.gc();
}

function tell(event: string, members: object): void {
  process.stdout.write(JSON.stringify({ event, ...members }) + "\n");
}

const clock = new CountingClock();
const life = countedSignal();
/** Sockets that opened and whose end was not reported yet. */
let sockets = 0;
/** Connections that have not ended. */
const connections = new Set<ReconnectingConnection>();
const violations: string[] = [];
let totals: Totals = noTotals();

const runtime: Runtime = {
  ...nativeRuntime,
  clock,
  connector: {
    capabilities: connector.capabilities,
    async connect(handshake, context) {
      const session: WsConnection = await connector.connect(handshake, context);
      sockets++;
      void session.closed.then(() => sockets--);
      return session;
    },
  },
};

function check(connection: ReconnectingConnection): void {
  const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded } = connection
    .stats();
  if (received + leafDropped !== delivered + totalLagged + buffered + totalDiscarded) {
    violations.push(`conservation: ${JSON.stringify(connection.stats())}`);
  }
}

function open(path: string, options: ConnectionOptions = {}): ReconnectingConnection {
  const connection = nativeOpen(new URL(path, url), {
    runtime,
    attemptBudget: attemptBudget({ attempts: 500, windowMs: 1_000 }),
    backoff: { minDelayMs: 2, maxDelayMs: 10, stableAfterMs: 500 },
    liveness: { staleAfterMs: 700, deadAfterMs: 1_400 },
    shutdownTimeoutMs: 200,
    signal: life.controller.signal,
    ...options,
    ...own,
  });
  connections.add(connection);
  const ended = () => {
    check(connection);
    connections.delete(connection);
    totals = addTotals(totals, connection);
  };
  connection.lifecycle.waitFor(() => false).catch(ended);
  return connection;
}

/** Totals of the connections that ended and of those that did not. */
function now(): Totals {
  let sum = totals;
  for (const connection of connections) {
    check(connection);
    sum = addTotals(sum, connection);
  }
  return sum;
}

const started = performance.now();

function sample(): Sample {
  collect();
  let zombies = 0;
  for (const connection of connections) zombies += connection.stats().zombies;
  return {
    atMs: Math.round(performance.now() - started),
    heapBytes: process.memoryUsage().heapUsed,
    timers: clock.live,
    listeners: life.listeners(),
    connections: connections.size,
    sockets,
    zombies,
    totals: now(),
  };
}

const stage: Stage = { clock, open, signal: life.controller.signal, random: seededRandom(+seed) };
const actors = names.map(async (name) => {
  try {
    await ACTORS[name]!(stage);
    if (!stage.signal.aborted) violations.push(`${name} ended before it was over`);
  } catch (error) {
    // What ends a connection from outside is not a violation; what an actor found is.
    if (!isTransportError(error)) violations.push(`${name}: ${error}`);
  }
});

process.on("SIGINT", () => {}); // the launcher decides when it is over
const over = new Promise<void>((resolve) => {
  const timer = setTimeout(resolve, +minutes * 60_000);
  process.stdin.setEncoding("utf8").once("data", () => {
    clearTimeout(timer);
    resolve();
  });
});
const sampling = setInterval(() => tell("sample", sample()), +sampleMs);
await over;
clearInterval(sampling);
life.controller.abort(new Error("the soak is over"));
await Promise.all(actors);
await Promise.all([...connections].map((connection) => connection.control.shutdown()));
// The platform reports the end of a socket when the server has let go of it, at the latest.
const endedAt = performance.now();
const gone = setInterval(() => {
  if (sockets > 0 && performance.now() - endedAt < 20_000) return;
  clearInterval(gone);
  tell("end", { ...sample(), violations });
}, 100);
