/**
 * One connection from its start to its end: frames out, lines in, signals, and when to stop.
 *
 * @module
 */
import process from "node:process";
import { type DeliveredFrame, isTransportError, type ReconnectingConnection } from "../../mod.ts";
import type { CliFlags } from "./flags.ts";
import { Input } from "./input.ts";
import { isBrokenPipe, lineOfFrame, Output } from "./output.ts";
import type { Report } from "./report.ts";
import { gaveUpLine, statsLine } from "./told.ts";
import type { Until } from "./units.ts";

/** How a program that a signal ended is told apart, by the habit of shells: 128 and the signal's number. */
export const EXIT = {
  ok: 0,
  gaveUp: 1,
  usage: 2,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
};

/** After the connection has ended, what it had buffered may take so long to write, in milliseconds. */
const LAST_WRITES_MS = 1_000;

/** Follows a connection. */
export class Follow {
  readonly #connection: ReconnectingConnection;
  readonly #flags: CliFlags;
  readonly #report: Report;
  readonly #output: Output = new Output();
  readonly #input: Input;
  #code: number | undefined;
  #frames = 0;
  #written = 0;
  #taken = 0;
  #forced: () => void = () => {};

  /** Takes a connection that was just opened. */
  constructor(connection: ReconnectingConnection, flags: CliFlags, report: Report) {
    this.#connection = connection;
    this.#flags = flags;
    this.#report = report;
    this.#input = new Input(connection, report, flags.hold);
  }

  /** Until the connection has ended, by itself or because it was asked to. @returns the exit code. */
  async untilEnd(): Promise<number> {
    const interrupt = () => this.#onSignal(EXIT.interrupted);
    const terminate = () => this.#onSignal(EXIT.terminated);
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", terminate);
    const timers = this.#flags.until.map((until) => this.#timerOf(until));
    const forced = new Promise<void>((resolve) => this.#forced = resolve);
    void this.#input.run();
    try {
      await Promise.race([this.#read(), forced]);
      await this.#connection.control.shutdown();
      this.#input.stop();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", terminate);
    }
    this.#conclude();
    return this.#code ?? EXIT.ok;
  }

  /** What the reader of the output should know at the end. */
  #conclude(): void {
    const stats = this.#connection.stats();
    const unwritten = this.#taken - this.#written + stats.buffered;
    // Who closed the pipe does not want to know what else there was.
    if (unwritten > 0 && this.#code !== EXIT.brokenPipe) {
      this.#report.say(`frames received and not written: ${unwritten}`);
    }
    if (this.#flags.stats) this.#report.say(statsLine(stats, this.#connection.lifecycle.value));
  }

  #timerOf(until: Until): ReturnType<typeof setTimeout> | undefined {
    if (until.type !== "duration") return undefined;
    return setTimeout(() => {
      const never = this.#connection.lifecycle.value.epoch === 0;
      if (never) this.#report.say("there was no session before the time of --until was over");
      this.#end(never ? EXIT.gaveUp : EXIT.ok);
    }, until.ms);
  }

  #onSignal(code: number): void {
    if (this.#code !== undefined) process.exit(code);
    this.#end(code);
  }

  /** Shuts down within its bound; what is buffered is still written, as long as somebody takes it. */
  #end(code: number): void {
    if (this.#code !== undefined) return;
    this.#code = code;
    void this.#connection.control.shutdown().then(() => setTimeout(this.#forced, LAST_WRITES_MS));
  }

  async #read(): Promise<void> {
    // One by one where a frame can be the last: what is taken from the buffer is then written.
    const each = this.#flags.until.some(({ type }) => type !== "duration");
    try {
      for await (const batch of this.#connection.batches(each ? { maxFrames: 1 } : {})) {
        this.#taken += batch.length;
        const lines = batch.map((frame) => lineOfFrame(frame, this.#flags.json) + "\n");
        await this.#output.write(lines.join(""));
        this.#written += batch.length;
        if (batch.some((frame) => this.#isLast(frame))) {
          this.#code ??= EXIT.ok;
          return;
        }
      }
    } catch (error) {
      this.#onReadError(error);
    }
  }

  #onReadError(error: unknown): void {
    if (isTransportError(error)) {
      this.#code ??= EXIT.gaveUp;
      this.#report.say(gaveUpLine(error));
    } else if (isBrokenPipe(error)) {
      this.#code ??= EXIT.brokenPipe;
    } else {
      this.#code ??= EXIT.gaveUp;
      this.#report.say(`cannot write: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #isLast(frame: DeliveredFrame): boolean {
    this.#frames++;
    return this.#flags.until.some((until) => {
      switch (until.type) {
        case "duration":
          return false;
        case "frames":
          return this.#frames >= until.count;
        case "text":
          return frame.type === "text" && until.matches(frame.data);
        default:
          return until satisfies never;
      }
    });
  }
}
