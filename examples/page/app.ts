/// <reference lib="dom" />
/**
 * Holdfast in a browser, and what it tells of itself while its server misbehaves.
 *
 * @module
 */
import { attemptBudget, open, type ReconnectingConnection } from "../../mod.ts";
import { Chart } from "./chart.ts";
import { History } from "./history.ts";
import { element, showDeed, showEvent, showFigures, showPhase } from "./view.ts";

/** Small enough for a flood to fill it. */
const MAX_FRAMES = 4_096;
const SAMPLE_EVERY_MS = 250;
/** The reader takes so many frames and then rests: some 2,400 per second, less than a flood brings. */
const READ_FRAMES = 60;
const READ_EVERY_MS = 25;

interface VenueState {
  readonly frozen: boolean;
  readonly refusing: boolean;
}

const startedMs = performance.now();
const history = new History();
const chart = new Chart(element<HTMLCanvasElement>("chart"), MAX_FRAMES);

function connect(url: string): ReconnectingConnection {
  return open(url, {
    backoff: { minDelayMs: 250, maxDelayMs: 2_000 },
    attemptBudget: attemptBudget({ attempts: 240, windowMs: 60_000 }),
    liveness: { staleAfterMs: 1_500, deadAfterMs: 6_000 },
    buffer: { maxFrames: MAX_FRAMES },
    tracer: { event: (event) => showEvent(event, event.atMs - startedMs) },
  });
}

/** A reader that does not keep up with a flood. */
async function read(connection: ReconnectingConnection): Promise<void> {
  for await (const batch of connection.batches({ maxFrames: READ_FRAMES })) {
    const { data } = batch.at(-1)!;
    if (typeof data === "string" && data.includes("mid")) {
      element("quote").textContent = (JSON.parse(data) as { mid: string }).mid;
    }
    await new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS));
  }
}

async function follow(connection: ReconnectingConnection): Promise<void> {
  for await (const snapshot of connection.lifecycle) {
    history.phase(performance.now(), snapshot);
    showPhase(snapshot);
  }
}

function show(connection: ReconnectingConnection): void {
  const nowMs = performance.now();
  const stats = connection.stats();
  const sample = history.count(nowMs, stats);
  chart.draw(history, nowMs);
  showFigures(connection.lifecycle.value, stats, {
    rate: sample?.rate ?? 0,
    nowMs,
    maxFrames: MAX_FRAMES,
  });
}

function showVenue({ frozen, refusing }: VenueState): void {
  element("freeze").setAttribute("aria-pressed", String(frozen));
  element("refuse").setAttribute("aria-pressed", String(refusing));
}

/** What a button asks for. */
async function ask(fault: string): Promise<void> {
  showDeed(fault, performance.now() - startedMs);
  const answer = await fetch(`/fault/${fault}`, { method: "POST" });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
  showVenue(await answer.json() as VenueState);
}

function fail(error: unknown): void {
  element("why").textContent = error instanceof Error ? error.message : String(error);
}

const { url, ...venue } = await (await fetch("/venue")).json() as VenueState & { url: string };
showVenue(venue);
const connection = connect(url);
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-fault]")) {
  button.addEventListener("click", () => void ask(button.dataset["fault"]!).catch(fail));
}
read(connection).catch(fail);
follow(connection).catch(fail);
show(connection);
setInterval(() => show(connection), SAMPLE_EVERY_MS);
addEventListener("pagehide", () => void connection.control.shutdown());

// For the console, and for the test.
Object.assign(globalThis, { holdfast: { connection, history, show: () => show(connection) } });
