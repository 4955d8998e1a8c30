/**
 * One run: starts the server, opens the feed, lets the script play, ends both, and closes the books.
 *
 * @module
 */
import process from "node:process";
import type { ConnectionStats, TraceEvent } from "../../mod.ts";
import { account } from "./accounting.ts";
import { isShown, missingKinds } from "./evidence.ts";
import { type Feed, openFeed } from "./feed.ts";
import type { DemoFlags } from "./flags.ts";
import type { FaultReport, ServerLine, SessionReport } from "./messages.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { Timeline } from "./timeline.ts";
import { levelAfter, lineOf } from "./told.ts";
import { countKinds, lastLine, reasonsAgainst, table } from "./verdict.ts";
import { type View, viewFor } from "./view.ts";

/** The script may take as long as the default one (20 s) at least, and so much more than its length: all ends within 30 s. */
const LEAST_S = 20;
const GRACE_S = 7;

/** How often steps that the client did not meet are played again. */
const MAX_REPEATS = 2;

/** Runs the demo, and prints it. @returns the exit code. */
export async function run(flags: DemoFlags): Promise<number> {
  const demo = new Demo(flags);
  await demo.play();
  return demo.conclude();
}

class Demo {
  readonly #flags: DemoFlags;
  readonly #view: View;
  readonly #startedMs: number = performance.now();
  readonly #timeline: Timeline = new Timeline();
  readonly #faults: FaultReport[] = [];
  readonly #reports: SessionReport[] = [];
  /** What went wrong beside the books. */
  readonly #troubles: string[] = [];
  #server: ServerProcess | undefined;
  #feed: Feed | undefined;
  #repeats = 0;
  #interrupted = false;
  #ending = false;
  #finish: () => void = () => {};

  constructor(flags: DemoFlags) {
    this.#flags = flags;
    this.#view = viewFor(flags);
  }

  /** Until the script is over, or something went wrong; then until both sides have ended. */
  async play(): Promise<void> {
    const { durationS } = this.#flags;
    const finished = new Promise<void>((resolve) => this.#finish = resolve);
    this.#timeline.mark(0, "down");
    this.#server = startServer(this.#flags, (line) => this.#onLine(line));
    this.#server.ended.then(
      (code) => this.#fail(`the server ended by itself (exit code ${code})`),
      (error) => this.#fail(`the server could not run: ${messageOf(error)}`),
    );
    const limit = setTimeout(
      () => this.#fail("the script did not end in time"),
      (Math.max(durationS, LEAST_S) + GRACE_S) * 1_000,
    );
    // A terminal's Ctrl+C may come twice, from it and from the runner; the end takes 2 s at most.
    const interrupt = () => {
      this.#interrupted = true;
      this.#finish();
    };
    process.on("SIGINT", interrupt);
    const ticker = setInterval(() => this.#show(), this.#view.everyMs);
    try {
      await finished;
      this.#ending = true;
      await this.#feed?.connection.control.shutdown({ timeoutMs: 1_000 });
      await this.#feed?.read;
      // The feed first: what the server reports then is the whole of it.
      const code = await this.#server.close();
      if (code !== 0) this.#troubles.push(`the server did not end by itself (exit code ${code})`);
    } catch (error) {
      this.#troubles.push(messageOf(error));
    } finally {
      clearTimeout(limit);
      clearInterval(ticker);
      process.off("SIGINT", interrupt);
    }
    this.#show();
    this.#view.end();
  }

  /** Closes the books, and says how it was. @returns the exit code. */
  conclude(): number {
    const feed = this.#feed;
    const books = account({
      sent: this.#reports.filter(({ epoch }) => epoch > 0),
      spans: feed?.spans ?? [],
      heard: feed?.heard.runs ?? [],
      delivered: feed?.delivered.runs ?? [],
      stats: feed?.connection.stats() ?? NOTHING,
    });
    const kinds = countKinds(this.#faults, (fault) => this.#isShown(fault));
    const reasons = this.#interrupted
      ? ["interrupted", ...books.problems] // the rest of the script was not played
      : reasonsAgainst(books, kinds, this.#troubles);
    const { sessions, totals } = books;
    if (this.#flags.json) {
      const { seed, durationS } = this.#flags;
      console.log(JSON.stringify({ seed, durationS, sessions, totals, faults: kinds, reasons }));
    } else {
      const met = kinds.map(({ kind, done, shown }) => `${kind} ${shown}/${done}`);
      console.log(["", ...table(books), "", `faults met: ${met.join(", ")}`, ""].join("\n"));
    }
    console.log(lastLine(books, reasons));
    return this.#interrupted ? 130 : reasons.length === 0 ? 0 : 1;
  }

  get #nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  #fail(trouble: string): void {
    if (!this.#ending) this.#troubles.push(trouble);
    this.#finish();
  }

  #isShown(fault: FaultReport): boolean {
    const feed = this.#feed;
    return feed !== undefined && isShown(fault, feed.symptoms, (epoch) => feed.heard.lastOf(epoch));
  }

  #onLine(line: ServerLine): void {
    switch (line.type) {
      case "listening":
        this.#feed = openFeed(line.url, (event) => this.#onTrace(event));
        this.#feed.read.then(
          () => this.#fail("the feed ended by itself"),
          (error) => this.#fail(`the feed failed: ${messageOf(error)}`),
        );
        return;
      case "fault": {
        this.#faults.push(line);
        const place = line.epoch > 0 ? `session ${line.epoch}` : `dial ${line.dial}`;
        return this.#view.event(this.#nowMs, `server  ${line.kind} (${place})`);
      }
      case "session":
        this.#reports.push(line);
        return;
      case "done":
        return this.#done();
      default:
        return line satisfies never;
    }
  }

  /** The script is over. What the client did not meet, as it may happen on a busy machine, comes again. */
  #done(): void {
    const missing = missingKinds(this.#faults, (fault) => this.#isShown(fault));
    if (missing.length === 0 || this.#repeats === MAX_REPEATS) return this.#finish();
    this.#repeats++;
    this.#view.event(this.#nowMs, `server  once more, not met so far: ${missing.join(", ")}`);
    this.#server?.again(missing);
  }

  #onTrace(event: TraceEvent): void {
    const level = levelAfter(event);
    if (level !== undefined) this.#timeline.mark(this.#nowMs, level);
    const line = lineOf(event, this.#ending);
    if (line !== undefined) this.#view.event(this.#nowMs, `client  ${line}`);
  }

  #show(): void {
    const connection = this.#feed?.connection;
    if (connection === undefined) return;
    this.#view.show({
      atMs: this.#nowMs,
      durationMs: this.#flags.durationS * 1_000,
      seed: this.#flags.seed,
      lifecycle: connection.lifecycle.value,
      stats: connection.stats(),
      timeline: this.#timeline,
    });
  }
}

/** The counts of a connection that never was. */
const NOTHING: Pick<
  ConnectionStats,
  "received" | "delivered" | "buffered" | "leafDropped" | "totalLagged" | "totalDiscarded"
> = {
  received: 0,
  delivered: 0,
  buffered: 0,
  leafDropped: 0,
  totalLagged: 0,
  totalDiscarded: 0,
};

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
