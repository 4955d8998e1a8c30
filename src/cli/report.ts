/**
 * The error output: lines with the time of day, for people and logs.
 *
 * @module
 */
import process from "node:process";
import type { TraceEvent, Tracer } from "../../mod.ts";
import { lineOf } from "./told.ts";

/** Lag may come with every turn; a line about it at most so often, in milliseconds. */
const LAG_EVERY_MS = 1_000;

/** Says what happens. */
export class Report implements Tracer {
  readonly #quiet: boolean;
  #lagToldMs = -LAG_EVERY_MS;
  #untold: TraceEvent | undefined;

  /** @param quiet Whether only what {@link say} is given is shown. */
  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  /** Takes a trace event. */
  event(event: TraceEvent): void {
    if (this.#quiet) return;
    if (event.type === "lag") {
      this.#untold = event;
      if (event.atMs - this.#lagToldMs < LAG_EVERY_MS) return;
      this.#lagToldMs = event.atMs;
    }
    if (event.type === "lag" || event.type === "end") this.#tellLag();
    else this.#line(lineOf(event));
  }

  /** Says something in any case. */
  say(text: string): void {
    this.#line(text);
  }

  #tellLag(): void {
    if (this.#untold !== undefined) this.#line(lineOf(this.#untold));
    this.#untold = undefined;
  }

  #line(text: string | undefined): void {
    if (text === undefined) return;
    const time = new Date().toISOString().slice(11, 23);
    process.stderr.write(`${time} ${text}\n`);
  }
}
