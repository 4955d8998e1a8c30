/**
 * What a person sees: a live picture on a terminal, plain lines elsewhere, nothing beside JSON.
 *
 * @module
 */
import process from "node:process";
import type { ConnectionStats, LifecycleSnapshot } from "../../mod.ts";
import type { Level, Timeline } from "./timeline.ts";

/** The state at one moment. */
export interface Status {
  readonly atMs: number;
  readonly durationMs: number;
  readonly seed: number;
  readonly lifecycle: LifecycleSnapshot;
  readonly stats: ConnectionStats;
  readonly timeline: Timeline;
}

/** Where the demo shows itself. */
export interface View {
  /** How often {@link show} should be called, in milliseconds. */
  readonly everyMs: number;
  /** Something happened. */
  event(atMs: number, text: string): void;
  /** The state now. */
  show(status: Status): void;
  /** No more of it; what follows are plain lines. */
  end(): void;
}

/** The view that fits the output. */
export function viewFor({ json }: { readonly json: boolean }): View {
  if (json) return { everyMs: 1_000, event() {}, show() {}, end() {} };
  return process.stdout.isTTY ? new LiveView() : new PlainView();
}

/** Frames per second between two looks. */
class Rate {
  #atMs = 0;
  #received = 0;
  #perSecond = 0;

  of({ atMs, stats }: Status): number {
    const elapsed = atMs - this.#atMs;
    if (elapsed >= 250) {
      this.#perSecond = Math.round((stats.received - this.#received) * 1_000 / elapsed);
      this.#atMs = atMs;
      this.#received = stats.received;
    }
    return this.#perSecond;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

class PlainView implements View {
  readonly everyMs = 1_000;
  readonly #rate = new Rate();

  event(atMs: number, text: string): void {
    console.log(`${seconds(atMs).padStart(7)}  ${text}`);
  }

  show(status: Status): void {
    const { phase, epoch, totalLagged } = status.lifecycle;
    this.event(
      status.atMs,
      `phase=${phase} epoch=${epoch} rate=${this.#rate.of(status)}/s ` +
        `delivered=${status.stats.delivered} lagged=${totalLagged} buffered=${status.stats.buffered}`,
    );
  }

  end(): void {}
}

const STYLE: Readonly<Record<Level | "dim" | "bold", string>> = {
  up: "\x1b[32m",
  stale: "\x1b[33m",
  down: "\x1b[31m",
  dim: "\x1b[2m",
  bold: "\x1b[1m",
};
/** Told apart by height as well as by colour. */
const CELL: Readonly<Record<Level, string>> = { up: "█", stale: "▄", down: "▁" };
const MAX_EVENTS = 8;
/** Lines of the picture that are not events, and one for the cursor. */
const OTHER_LINES = 10;

class LiveView implements View {
  readonly everyMs = 100;
  readonly #rate = new Rate();
  readonly #events: string[] = [];
  readonly #colours = (process.env["NO_COLOR"] ?? "") === "";
  #lines = 0;

  event(atMs: number, text: string): void {
    this.#events.push(`${seconds(atMs).padStart(7)}  ${text}`);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  show(status: Status): void {
    const { atMs, durationMs, seed, lifecycle, stats, timeline } = status;
    const { phase, epoch, attempts, stales, totalLagged, up } = lifecycle;
    const columns = Math.max(40, process.stdout.columns ?? 80);
    // A picture that is higher than the terminal could not be drawn over.
    const room = Math.max(0, Math.min(MAX_EVENTS, (process.stdout.rows ?? 24) - OTHER_LINES));
    const events = room === 0 ? [] : this.#events.slice(-room);
    const level: Level = up ? "up" : phase === "stale" ? "stale" : "down";
    const total = Math.max(durationMs, atMs);
    const lag = stats.buffered + (totalLagged > 0 ? ` (${totalLagged} lost to it)` : "");
    this.#draw([
      `${this.#in("bold", "Holdfast demo")}   seed ${seed}   ${seconds(atMs)} of ${
        seconds(durationMs)
      }`,
      "",
      `phase  ${
        this.#in(level, phase.padEnd(14))
      } epoch ${epoch}   dials ${attempts}   stales ${stales}`,
      `rate   ${`${this.#rate.of(status)}/s`.padEnd(14)} delivered ${stats.delivered}`,
      `lag    ${lag}`,
      "",
      this.#row(timeline, columns - 2, total, atMs),
      this.#in("dim", `0${seconds(total).padStart(columns - 3)}`),
      "",
      ...Array.from(
        { length: room },
        (_, i) => this.#in("dim", (events[i] ?? "").slice(0, columns - 1)),
      ),
    ]);
  }

  end(): void {
    if (this.#lines > 0) process.stdout.write("\n");
    this.#lines = 0;
  }

  #in(style: keyof typeof STYLE, text: string): string {
    return this.#colours ? `${STYLE[style]}${text}\x1b[0m` : text;
  }

  #row(timeline: Timeline, width: number, totalMs: number, atMs: number): string {
    const known = Math.ceil(width * atMs / totalMs);
    return timeline.cells(width, totalMs)
      .map((level, at) =>
        level === undefined || at >= known ? this.#in("dim", "·") : this.#in(level, CELL[level])
      ).join("");
  }

  /** Over the picture before: up, and each line anew. */
  #draw(lines: readonly string[]): void {
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A\r` : "";
    process.stdout.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(""));
    this.#lines = lines.length;
  }
}
