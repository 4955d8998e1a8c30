/**
 * The simulated world: virtual time, what is going to happen in it, and what went wrong.
 *
 * @module
 */
import { type MockRuntime, mockRuntime } from "../../src/testing/mod.ts";
import type { Fail, Invariant } from "./invariants/fail.ts";
import { SimRandom } from "./random.ts";
import type { Fault, Tally } from "./tally.ts";
import { Trace } from "./trace.ts";

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Most events of one history. */
export const MAX_EVENTS = 2_000;

/** Virtual time and the events of one history. */
export class World {
  /** Clock, executor and settling of the kit. */
  readonly mock: MockRuntime;
  /** What happened. */
  readonly trace: Trace;
  /** What was broken, oldest first. */
  readonly violations: string[] = [];
  /** Events so far. */
  events = 0;
  /** How long timers slept so far. */
  sleptMs = 0;
  /** Sessions that servers opened so far. */
  sessions = 0;
  readonly #tally: Tally;
  readonly #queue: Happening[] = [];
  #order = 0;

  /** Makes one, at time 0. */
  constructor(seed: number, tally: Tally, keepTrace: boolean) {
    this.mock = mockRuntime({ seed, stepped: true });
    this.trace = new Trace(keepTrace);
    this.#tally = tally;
  }

  /** Time. */
  get now(): number {
    return this.mock.clock.now();
  }

  /** An invariant is broken. */
  readonly fail: Fail = (invariant: Invariant, detail: string): void => {
    const line = `${invariant} at ${this.now}: ${detail}`;
    this.violations.push(line);
    this.trace.note(this.now, -1, `BROKEN ${line}`);
  };

  /** A fault took effect. */
  fault(name: Fault, client = -1): void {
    this.#tally.fault(name);
    this.trace.note(this.now, client, `fault: ${name}`);
  }

  /** Something will happen. Things of one moment happen in the order in which they were planned, before timers of that moment. */
  in(delayMs: number, run: () => void): void {
    const happening: Happening = { at: this.now + delayMs, order: ++this.#order, run };
    let at = this.#queue.length;
    // Sorted, soonest last: there are few at a time, and most are near.
    while (at > 0 && this.#queue[at - 1]!.at <= happening.at) at--;
    this.#queue.splice(at, 0, happening);
  }

  /** Timers sleep, as on a suspended machine: time passes, and nothing fires. */
  sleep(ms: number): void {
    this.sleptMs += ms;
    this.mock.clock.skip(ms);
  }

  /** The next event, a planned one or a timer, if it is due by then. @returns whether there was one. */
  next(untilMs: number): boolean {
    const { clock } = this.mock;
    const planned = this.#queue.at(-1);
    const timerAt = clock.nextAt ?? Infinity;
    const plannedAt = planned?.at ?? Infinity;
    if (Math.min(timerAt, plannedAt) > untilMs) return false;
    this.events++;
    if (planned === undefined || timerAt < plannedAt) return clock.fireNext(untilMs - clock.now());
    this.#queue.pop();
    if (plannedAt > clock.now()) clock.skip(plannedAt - clock.now());
    planned.run();
    return true;
  }

  /** Nothing that was planned happens any more. */
  forget(): void {
    this.#queue.length = 0;
  }
}

/** Randomness of one part of a history. */
export function randomOf(seed: number, part: number): SimRandom {
  return new SimRandom(seed, part);
}
