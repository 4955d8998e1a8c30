/**
 * From a loss to the first frame after it; and a thousand connections on one attempt budget when their server restarts.
 *
 * @module
 */
import type { ReconnectResult, RestartResult } from "../client/reconnect.ts";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";
import { quantile } from "./statistics.ts";

const CYCLES = 200;
const CONNECTIONS = 1_000;
const ATTEMPTS = 100;
const WINDOW_MS = 1_000;
/** The server waits so long before it resets a connection that has been greeted. */
const DROP_MS = 3;

/** Measures both. */
export async function measureReconnects(run: SectionRun): Promise<Measured> {
  const { runtime, server, note } = run;
  note(`reconnect on ${runtime}: ${CYCLES} losses`);
  const { client } = await startClient(runtime);
  try {
    const { native, holdfast } = await client.ask<ReconnectResult>({
      job: "reconnect",
      url: `ws://127.0.0.1:${server.port}/greet?drop=${DROP_MS}`,
      cycles: CYCLES,
    });
    note(`reconnect on ${runtime}: ${CONNECTIONS} connections`);
    const restart = {
      job: "restart",
      url: `ws://127.0.0.1:${server.port}/greet`,
      connections: CONNECTIONS,
      attempts: ATTEMPTS,
      windowMs: WINDOW_MS,
    };
    await client.ask<RestartResult>({ ...restart, step: "connect" });
    const recovered = client.ask<RestartResult>({ ...restart, step: "recover" });
    await server.child.ask<unknown>(server.port);
    const figures = fleetFigures(await recovered);
    const medians = [native, holdfast].map((times) => quantile(times, 0.5));
    return {
      figures: {
        nativeMs: round(medians[0]!),
        holdfastMs: round(medians[1]!),
        beyondHandshakeMs: round(medians[1]! - medians[0]!),
        fleet: figures,
      },
      detail: { native: percentiles(native), holdfast: percentiles(holdfast) },
    };
  } finally {
    await client.end();
  }
}

/** What the dials of a fleet say of its budget. */
export function fleetFigures({ dials, wireDials }: RestartResult): Record<string, number> {
  const sorted = [...dials].sort((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; from < sorted.length; from++) {
    while (to < sorted.length && sorted[to]! - sorted[from]! < WINDOW_MS) to++;
    most = Math.max(most, to - from);
  }
  const took = sorted.length === 0 ? 0 : sorted.at(-1)! - sorted[0]!;
  // A dial needs what its leaf reserves, so that the last attempts of a window stay unused where that is more than one. The first window's go at
  // once, each further one's a window later.
  const perWindow = ATTEMPTS - wireDials + 1;
  const bound = (Math.ceil(sorted.length / perWindow) - 1) * WINDOW_MS;
  return {
    dials: sorted.length,
    mostPerWindow: most,
    allowedPerWindow: ATTEMPTS,
    tookMs: Math.round(took),
    boundMs: bound,
    overBound: round(took / bound - 1),
  };
}

function percentiles(times: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    [0.1, 0.5, 0.9, 0.99].map((share) => [`p${share * 100}`, round(quantile(times, share))]),
  );
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
