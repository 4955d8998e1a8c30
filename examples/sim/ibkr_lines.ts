/**
 * The market data lines of one connection: each ends by itself after a while.
 *
 * @module
 */
import type { IbkrRules } from "./ibkr_rules.ts";
import type { Link } from "./link.ts";
import { seeded } from "./random.ts";
import type { SimRecord } from "./record.ts";

interface Line {
  readonly fields: readonly string[];
  readonly values: Map<string, string>;
  readonly random: () => number;
  endsAtMs: number;
  fresh: boolean;
}

/** What the lines need of the simulator. */
export interface LineHost {
  readonly rules: IbkrRules;
  readonly record: SimRecord;
  /** The venue's time of day. */
  readonly wallNow: () => number;
}

/** The lines of one connection. */
export class IbkrLines {
  readonly #link: Link;
  readonly #rules: IbkrRules;
  readonly #record: SimRecord;
  readonly #now: () => number;
  readonly #lines: Map<string, Line> = new Map();

  /** Starts to tick. */
  constructor(link: Link, { rules, record, wallNow }: LineHost) {
    this.#link = link;
    this.#rules = rules;
    this.#record = record;
    this.#now = wallNow;
    link.timers.every(rules.tickEveryMs, () => this.#tick());
  }

  /** `smd+conid+{...}`. */
  ask(conid: string, fields: readonly string[]): void {
    const now = performance.now();
    const live = this.#lines.get(conid);
    if (live !== undefined) {
      this.#record.note({ type: "renew", connection: this.#link.id, detail: conid });
      if (this.#rules.resmdRenews) live.endsAtMs = now + this.#rules.smdLifetimeMs;
      return;
    }
    if (this.#lines.size >= this.#rules.linesCap) {
      // What the venue answers is not known: it stays silent here.
      return this.#record.note({ type: "lineRefused", connection: this.#link.id, detail: conid });
    }
    this.#record.note({ type: "line", connection: this.#link.id, detail: conid });
    this.#link.topics.add(`smd+${conid}`);
    this.#lines.set(conid, {
      fields,
      values: new Map(),
      random: seeded(Number(conid)),
      endsAtMs: now + this.#rules.smdLifetimeMs,
      fresh: true,
    });
  }

  /** `umd+conid+{}`, which nothing answers. */
  drop(conid: string): void {
    this.#lines.delete(conid);
    this.#link.topics.delete(`smd+${conid}`);
  }

  /** The session is lost: all lines with it. */
  clear(): void {
    for (const conid of [...this.#lines.keys()]) this.drop(conid);
  }

  #tick(): void {
    const now = performance.now();
    for (const [conid, line] of this.#lines) {
      if (now < line.endsAtMs) this.#send(conid, line);
      else {
        this.#record.note({ type: "lineEnded", connection: this.#link.id, detail: conid });
        this.drop(conid);
      }
    }
  }

  #send(conid: string, line: Line): void {
    const changed: Record<string, string> = {};
    for (const field of line.fields) {
      // Only what changed is sent, after the first message with all of it.
      if (!line.fresh && line.random() < 0.5) continue;
      const value = (100 + line.random() * 100).toFixed(2);
      line.values.set(field, value);
      changed[field] = value;
    }
    const first = line.fresh ? { "6119": "q2", "6509": "RpB" } : {};
    line.fresh = false;
    this.#link.send(
      `smd+${conid}`,
      JSON.stringify({
        ...changed,
        ...first,
        _updated: this.#now(),
        conid: Number(conid),
        conidEx: conid,
        server_id: "q2",
        topic: `smd+${conid}`,
      }),
    );
  }
}
