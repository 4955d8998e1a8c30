/// <reference lib="dom" />
/**
 * The chart: phase, rate and buffer over the last minute, on one axis of time. Colours come from the style sheet, so that light and dark are its
 * business alone.
 *
 * @module
 */
import { type History, type Level, levelOf, type Sample, WINDOW_MS } from "./history.ts";

/** Height of a phase within its lane: told apart without colour. */
const HEIGHT: Readonly<Record<Level, number>> = { up: 1, stale: 0.55, down: 0.18, closed: 0.06 };

interface Lane {
  readonly top: number;
  readonly height: number;
}

const LANES = {
  phase: { top: 24, height: 44 },
  rate: { top: 98, height: 92 },
  buffer: { top: 220, height: 72 },
} as const satisfies Record<string, Lane>;
const AXIS_TOP = 304;
/** Height of the drawing in CSS pixels. */
export const CHART_HEIGHT = 326;
const LEFT = 46;
const RIGHT = 8;

/** Draws on a canvas. */
export class Chart {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #maxFrames: number;

  /** @param maxFrames What the buffer holds: the top of its lane. */
  constructor(canvas: HTMLCanvasElement, maxFrames: number) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This browser draws on no canvas");
    this.#canvas = canvas;
    this.#context = context;
    this.#maxFrames = maxFrames;
  }

  /** Draws everything anew. */
  draw(history: History, nowMs: number): void {
    const style = getComputedStyle(this.#canvas);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const width = this.#fit();
    const context = this.#context;
    context.font = `12px ${style.fontFamily}`;
    const x = (atMs: number) =>
      LEFT + (width - LEFT - RIGHT) * Math.max(0, 1 - (nowMs - atMs) / WINDOW_MS);
    this.#axis(width, colour("grid"), colour("muted"));
    this.#title("Phase and session", LANES.phase, colour("muted"));
    this.#title("Frames per second (logarithmic)", LANES.rate, colour("muted"));
    this.#title("Buffer", LANES.buffer, colour("muted"));
    this.#phases(history, { nowMs, x, colour });
    this.#rates(history.samples, { x, width, colour });
    this.#buffer(history.samples, { x, width, colour });
  }

  /** Makes the canvas as fine as the screen. @returns its width in CSS pixels. */
  #fit(): number {
    const { clientWidth } = this.#canvas;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#canvas.width = Math.round(clientWidth * ratio);
    this.#canvas.height = Math.round(CHART_HEIGHT * ratio);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return clientWidth;
  }

  #text(text: string, x: number, y: number, align: CanvasTextAlign = "left"): void {
    this.#context.textAlign = align;
    this.#context.fillText(text, x, y);
  }

  #title(text: string, lane: Lane, colour: string): void {
    this.#context.fillStyle = colour;
    this.#text(text, LEFT, lane.top - 9);
  }

  #axis(width: number, grid: string, muted: string): void {
    const context = this.#context;
    for (let s = 60; s >= 0; s -= 10) {
      const x = Math.round(LEFT + (width - LEFT - RIGHT) * (1 - s * 1_000 / WINDOW_MS)) + 0.5;
      context.fillStyle = grid;
      for (const { top, height } of Object.values(LANES)) context.fillRect(x, top, 1, height);
      context.fillStyle = muted;
      this.#text(s === 0 ? "now" : `${s} s`, x, AXIS_TOP + 12, s === 0 ? "right" : "center");
    }
  }

  #line(lane: Lane, share: number, width: number, label: string, colour: (name: string) => string) {
    const y = Math.round(lane.top + lane.height * (1 - share)) + 0.5;
    this.#context.fillStyle = colour("grid");
    this.#context.fillRect(LEFT, y, width - LEFT - RIGHT, 1);
    this.#context.fillStyle = colour("muted");
    this.#text(label, LEFT - 8, y + 4, "right");
  }

  #phases(
    { spans }: History,
    { nowMs, x, colour }: {
      nowMs: number;
      x: (atMs: number) => number;
      colour: (name: string) => string;
    },
  ): void {
    const { top, height } = LANES.phase;
    const context = this.#context;
    let labelled = 0;
    for (const [at, { fromMs, phase, epoch }] of spans.entries()) {
      const level = levelOf(phase);
      const [from, to] = [x(fromMs), x(spans[at + 1]?.fromMs ?? nowMs)];
      const high = height * HEIGHT[level];
      context.fillStyle = colour(level);
      // At least a pixel: a short outage must not vanish.
      context.fillRect(from, top + height - high, Math.max(1, to - from), high);
      if (level !== "up" || epoch === labelled || to - from < 14) continue;
      labelled = epoch;
      context.fillStyle = colour("on-level");
      this.#text(String(epoch), from + 5, top + 16);
    }
  }

  #rates(
    samples: readonly Sample[],
    { x, width, colour }: {
      x: (atMs: number) => number;
      width: number;
      colour: (name: string) => string;
    },
  ): void {
    const most = samples.reduce((most, { rate }) => Math.max(most, rate), 0);
    const decades = Math.max(2, Math.ceil(Math.log10(1 + most)));
    for (let decade = 1; decade <= decades; decade++) {
      const label = decade < 3 ? String(10 ** decade) : `${10 ** (decade - 3)}k`;
      this.#line(LANES.rate, decade / decades, width, label, colour);
    }
    const share = ({ rate }: Sample) => Math.log10(1 + rate) / decades;
    this.#area(samples, LANES.rate, { x, share, colour: colour("rate") });
  }

  #buffer(
    samples: readonly Sample[],
    { x, width, colour }: {
      x: (atMs: number) => number;
      width: number;
      colour: (name: string) => string;
    },
  ): void {
    const lane = LANES.buffer;
    this.#line(lane, 1, width, "full", colour);
    this.#line(lane, 0.5, width, "half", colour);
    const share = ({ buffered }: Sample) => Math.min(1, buffered / this.#maxFrames);
    this.#area(samples, lane, { x, share, colour: colour("buffer") });
    this.#context.fillStyle = colour("down");
    let lost = 0;
    for (const [index, { atMs, lagged }] of samples.entries()) {
      if (lagged === 0) continue;
      const at = x(atMs);
      this.#context.fillRect(at - 1.5, lane.top, 3, lane.height);
      lost += lagged;
      if ((samples[index + 1]?.lagged ?? 0) > 0) continue; // one label for losses in a row
      const text = `${lost.toLocaleString("en")} lost`;
      if (at > LEFT + 90) this.#text(text, at - 14, lane.top + 14, "right");
      else this.#text(text, at + 7, lane.top + 14);
      lost = 0;
    }
  }

  #area(
    samples: readonly Sample[],
    lane: Lane,
    { x, share, colour }: {
      x: (atMs: number) => number;
      share: (sample: Sample) => number;
      colour: string;
    },
  ): void {
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) return;
    const context = this.#context;
    const bottom = lane.top + lane.height;
    const line = new Path2D();
    const y = (sample: Sample) => bottom - lane.height * share(sample);
    line.moveTo(x(first.atMs), y(first));
    for (const sample of samples) line.lineTo(x(sample.atMs), y(sample));
    const area = new Path2D(line);
    area.lineTo(x(last.atMs), bottom);
    area.lineTo(x(first.atMs), bottom);
    context.fillStyle = colour;
    context.globalAlpha = 0.18;
    context.fill(area);
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.stroke(line);
  }
}
