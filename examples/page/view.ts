/// <reference lib="dom" />
/**
 * The page's words and figures.
 *
 * @module
 */
import type { ConnectionStats, LifecycleSnapshot, Phase, TraceEvent } from "../../mod.ts";
import { lineOf } from "../demo/told.ts";
import { levelOf } from "./history.ts";

const MAX_EVENTS = 40;

const WORDS: Readonly<Record<Phase, string>> = {
  connecting: "Connecting",
  connected: "Connected",
  stale: "Stale: open, but nothing is heard",
  reconnecting: "Reconnecting",
  resumed: "Resumed",
  closed: "Closed",
  unrecoverable: "Unrecoverable",
};

/** An element of the page by its id. */
export function element<Kind extends Element = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}`);
  return found as unknown as Kind;
}

function put(id: string, text: string): void {
  const at = element(id);
  // Only what changed: the phase is a live region, which would be read aloud again.
  if (at.textContent !== text) at.textContent = text;
}

const count = (value: number) => Math.round(value).toLocaleString("en");

/** Shows the phase. */
export function showPhase({ phase, epoch, error, up }: LifecycleSnapshot): void {
  put("phase", WORDS[phase] + (up && epoch > 0 ? `, session ${epoch}` : ""));
  element("state").dataset["level"] = levelOf(phase);
  put("why", up || error === undefined ? "" : error.message);
}

/** Shows the figures. */
export function showFigures(
  { attempts, stales, totalLagged, downSinceMs, epoch }: LifecycleSnapshot,
  stats: ConnectionStats,
  { rate, nowMs, maxFrames }: { rate: number; nowMs: number; maxFrames: number },
): void {
  put("rate", `${count(rate)}/s`);
  put("epoch", count(epoch));
  put("lagged", count(totalLagged));
  put("attempts", count(attempts));
  put("stales", count(stales));
  put(
    "downFor",
    downSinceMs === undefined ? "–" : `${((nowMs - downSinceMs) / 1_000).toFixed(1)} s`,
  );
  put("fill", `${Math.round(100 * stats.buffered / maxFrames)} %`);
  element<HTMLMeterElement>("meter").value = stats.buffered / maxFrames;
  const { received, delivered, buffered, totalDiscarded, leafDropped } = stats;
  const balanced = received + leafDropped ===
    delivered + stats.totalLagged + buffered + totalDiscarded;
  put(
    "books",
    `${count(received)} received = ${count(delivered)} delivered + ${
      count(stats.totalLagged)
    } lost + ` +
      `${count(buffered)} buffered + ${count(totalDiscarded)} discarded`,
  );
  put("balance", balanced ? "It balances." : "It does not balance.");
}

/** Adds what happened to the list; one line for losses in a row. */
export function showEvent(event: TraceEvent, sinceMs: number): void {
  // The page subscribes to nothing.
  const text = event.type === "start" ? `session ${event.epoch} up` : lineOf(event, false);
  if (text !== undefined) addLine(event.type, text, sinceMs);
}

/** Adds what the reader of the page did: what follows is its consequence. */
export function showDeed(name: string, sinceMs: number): void {
  addLine("deed", `you: ${name}`, sinceMs);
}

/** A line of the list, newest first. */
function addLine(type: string, text: string, sinceMs: number): void {
  const list = element("log");
  const newest = list.firstElementChild;
  const item = document.createElement("li");
  item.dataset["type"] = type;
  const time = document.createElement("time");
  time.textContent = `${(sinceMs / 1_000).toFixed(1)} s`;
  item.append(time, text);
  if (type === "lag" && newest?.getAttribute("data-type") === "lag") newest.replaceWith(item);
  else list.prepend(item);
  while (list.childElementCount > MAX_EVENTS) list.lastElementChild?.remove();
}
