/**
 * One history: a seed, lived through.
 *
 * @module
 */
import { attemptBudget, type FrameLayer, sendRateLimit } from "../../mod.ts";
import { GOOD } from "./adapter.ts";
import { Client, type Shared } from "./client.ts";
import { WindowCheck } from "./invariants/windows.ts";
import { ENDINGS, mishapOf, type Victim } from "./mishaps.ts";
import { FINAL, type Profile, profileOf } from "./profile.ts";
import type { SimRandom } from "./random.ts";
import { Reader } from "./reader.ts";
import { Sender } from "./sender.ts";
import { Tally } from "./tally.ts";
import { watch } from "./watchers.ts";
import { MAX_EVENTS, randomOf, World } from "./world.ts";

/** How a history is to be lived. */
export interface HistoryOptions {
  /** Whether the trace is kept as lines. @default {false} */
  readonly keepTrace?: boolean;
  /** Counts over several histories. @default {new} */
  readonly tally?: Tally;
}

/** What became of a seed. */
export interface Outcome {
  readonly seed: number;
  /** What was broken, oldest first. Empty is good. */
  readonly violations: readonly string[];
  readonly machineHash: number;
  readonly fullHash: number;
  readonly lines: readonly string[];
  readonly events: number;
}

/** Events after which faults stop: the rest is for healing and for the end. */
const FAULT_EVENTS = 1_100;

/** Attempts and window. Healing has to wait for them, so the tight ones are short. */
const BUDGETS: readonly (readonly [number, number])[] = [
  [2, 10_000],
  [3, 60_000],
  [10, 60_000],
  [10, 300_000],
  [60, 300_000],
];
const CROWDED_BUDGETS: readonly (readonly [number, number])[] = [
  [5, 10_000],
  [10, 30_000],
  [60, 30_000],
];

/** Lives one seed through. */
export async function live(seed: number, options: HistoryOptions = {}): Promise<Outcome> {
  const { keepTrace = false, tally = new Tally() } = options;
  const history = new History(seed, tally, keepTrace);
  await history.live();
  return history.outcome;
}

class History {
  readonly #seed: number;
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #tally: Tally;
  readonly #victims: Victim[] = [];
  readonly #budgetMs: number;

  constructor(seed: number, tally: Tally, keepTrace: boolean) {
    this.#seed = seed;
    this.#tally = tally;
    this.#world = new World(seed, tally, keepTrace);
    this.#random = randomOf(seed, 0);
    const random = this.#random;
    const connections = random.chance(0.7) ? random.int(1, 4) : random.int(2, 20);
    const [attempts, windowMs] = random.pick(connections > 4 ? CROWDED_BUDGETS : BUDGETS);
    const shared: Shared = {
      budget: attemptBudget({ attempts, windowMs }),
      dials: new WindowCheck("I5", attempts, windowMs),
      tally,
    };
    // Everybody redials, each at the cost of two at worst, and behind a window that is full.
    this.#budgetMs = (Math.ceil(2 * connections / attempts) + 1) * (windowMs + 10_000);
    tally.connections += connections;
    for (let index = 0; index < connections; index++) {
      this.#join(index, shared, Math.ceil(connections / 2));
    }
  }

  get outcome(): Outcome {
    const { violations, trace, events } = this.#world;
    const { machineHash, fullHash, lines } = trace;
    return { seed: this.#seed, violations, machineHash, fullHash, lines, events };
  }

  async live(): Promise<void> {
    const world = this.#world;
    try {
      await this.#quiet();
      await this.#suffer();
      // Some end as they are, so that every state is one in which a connection ends.
      if (!this.#broken && this.#random.chance(0.8)) await this.#heal();
      if (!this.#broken) await this.#end();
    } catch (error) {
      // What the application throws must not come out of the actor or of a timer.
      world.fail("I9", `something threw: ${error}`);
    }
    this.#tally.events += world.events;
    this.#tally.mostEvents = Math.max(this.#tally.mostEvents, world.events);
    this.#tally.virtualMs += world.now;
  }

  get #broken(): boolean {
    return this.#world.violations.length > 0;
  }

  #join(index: number, shared: Shared, pace: number): void {
    const world = this.#world;
    const random = randomOf(this.#seed, index + 1);
    const profile = profileOf(random, pace);
    const limit = rateLimitOf(profile);
    const client = new Client(world, shared, { index, profile, random, ...limit });
    const reader = new Reader(client);
    const victim: Victim = { client, reader, sender: new Sender(client), world, random };
    this.#victims.push(victim);
    watch(client);
    const { readEveryMs, sendEveryMs } = profile;
    if (readEveryMs === undefined) reader.permit(Infinity);
    else this.#every(readEveryMs, victim, () => reader.permit(random.int(1, 10)));
    if (sendEveryMs !== undefined) {
      this.#every(sendEveryMs, victim, () => victim.sender.send(random.int(1, 3)));
    }
    this.#mishap(victim);
  }

  #every(ms: number, victim: Victim, act: () => void): void {
    const { client, random, world } = victim;
    world.in(random.int(1, ms), () => {
      if (client.ended) return;
      act();
      client.touched = true;
      this.#every(ms, victim, act);
    });
  }

  #mishap(victim: Victim): void {
    const { random, world, client } = victim;
    world.in(random.span(500, 900_000), () => {
      if (client.ended) return;
      mishapOf(random)(victim);
      client.touched = true;
      this.#mishap(victim);
    });
  }

  /** Lets everything happen that can happen now, the servers' answers included, and looks. */
  async #quiet(): Promise<void> {
    const { mock, trace } = this.#world;
    for (let busy = true; busy;) {
      const { length } = trace;
      await mock.settle();
      busy = trace.length > length;
      for (const { client } of this.#victims) {
        if (client.server.poll()) busy = client.touched = true;
      }
    }
    for (const { client } of this.#victims) {
      if (client.touched) client.check();
    }
  }

  /** Lets time pass until then, or until something is broken. @returns whether `until` came true before. */
  async #pass(ms: number, until: () => boolean, events: number): Promise<boolean> {
    const world = this.#world;
    const end = world.now + ms;
    let slept = world.sleptMs;
    while (!this.#broken && world.events < events) {
      if (until()) return true;
      if (!world.next(end)) break;
      if (world.sleptMs !== slept) {
        for (const { client } of this.#victims) client.promises.slept(world.sleptMs - slept);
        slept = world.sleptMs;
      }
      await this.#quiet();
    }
    return until();
  }

  async #suffer(): Promise<void> {
    const hours = this.#random.pick([0.5, 1, 3, 8]);
    const all = () => this.#victims.every(({ client }) => client.ended);
    await this.#pass(hours * 3_600_000, all, FAULT_EVENTS);
  }

  /** Faults stop. Whoever was not told to end is up again within the bound. */
  async #heal(): Promise<void> {
    const world = this.#world;
    const from = world.now;
    world.trace.note(from, -1, "faults stop");
    world.forget();
    const open = this.#victims.filter(({ client }) => !client.ended && !client.shutDown);
    for (const victim of this.#victims) {
      const { client, reader } = victim;
      Object.assign(client.adapter.mischief, GOOD);
      client.server.heal();
      client.link?.heal();
      // With a buffer that may not overflow somebody must read.
      if (client.profile.reading !== "nothing") reader.permit(Infinity);
      else if (client.profile.overflow === "fail") reader.drain();
      client.touched = true;
      this.#feed(victim);
    }
    await this.#quiet();
    const boundMs = Math.max(0, ...open.map((victim) => this.#boundMs(victim)));
    const isBack = ({ client }: Victim) => client.upAt >= from || isOver(client) || isUp(client);
    const done = await this.#pass(boundMs, () => open.every(isBack), MAX_EVENTS - 50);
    if (done || this.#broken) return;
    const passed = world.now - from;
    for (const victim of open) {
      if (isBack(victim)) continue;
      const { phase, attempts } = victim.client.connection.lifecycle.value;
      world.fail(
        "I16",
        `connection ${victim.client.index} is ${phase} after ${attempts} dials, ${passed} of ${boundMs} ms after the last fault`,
      );
    }
  }

  /** Data comes again, so that nobody is stale for want of it. */
  #feed(victim: Victim): void {
    const { client, random, world } = victim;
    world.in(random.int(client.profile.staleAfterMs / 4, client.profile.staleAfterMs / 2), () => {
      if (client.ended) return;
      const { session } = client.server;
      if (session !== undefined) client.server.send(session, "data");
      client.touched = true;
      this.#feed(victim);
    });
  }

  #boundMs({ client }: Victim): number {
    const { profile, backoff } = client;
    const { maxDelayMs, connectTimeoutMs, startTimeoutMs, staleAfterMs, deadAfterMs } = profile;
    const hintMs = Math.max(0, backoff.notBefore - this.#world.now) + profile.hintMs;
    const deadMs = (deadAfterMs ?? staleAfterMs) + 15_000;
    const linkMs = 4 * ((profile.link?.latencyMs ?? 0) + (profile.link?.jitterMs ?? 0));
    return deadMs + maxDelayMs + hintMs + this.#budgetMs + 2 * connectTimeoutMs + startTimeoutMs +
      linkMs;
  }

  /** Everybody ends, each in some way; nothing is left. */
  async #end(): Promise<void> {
    const world = this.#world;
    world.forget();
    for (const victim of this.#victims) {
      const { client, random } = victim;
      // A full socket is looked at every 10 ms: closing over it would take a thousand events.
      client.server.drain();
      if (!client.ended) random.pick(ENDINGS)(victim);
      client.touched = true;
    }
    await this.#quiet();
    const all = () => this.#victims.every(({ client }) => client.ended);
    const bounds = this.#victims.map(({ client }) => client.profile.shutdownTimeoutMs);
    const longest = 2 * Math.max(...bounds);
    if (!await this.#pass(longest, all, Infinity) && !this.#broken) {
      // A stream that is told to close while a write waits for room has not heard it yet.
      for (const { client } of this.#victims) void client.connection.control.shutdown();
      await this.#quiet();
      if (!await this.#pass(longest, all, Infinity)) {
        return world.fail("I7", "a shutdown did not end a connection within its bound");
      }
    }
    for (const { reader, client } of this.#victims) {
      reader.drain();
      client.server.endZombies();
    }
    await this.#quiet();
    this.#checkEnd();
  }

  #checkEnd(): void {
    const { mock, fail, events } = this.#world;
    if (this.#broken) return;
    for (const { client, reader } of this.#victims) {
      client.checkEnd();
      this.#checkReader(client, reader);
    }
    if (mock.clock.timers > 0) fail("I8", `${mock.clock.timers} timers are left`);
    if (mock.clock.turns > 0) fail("I8", `${mock.clock.turns} turns are left`);
    if (mock.spawn.tasks > 0) fail("I8", `${mock.spawn.tasks} tasks are left`);
    if (events > MAX_EVENTS) fail("I7", `the history took ${events} events`);
  }

  #checkReader(client: Client, reader: Reader): void {
    const { fail } = this.#world;
    if (reader.cancelled) return;
    const { phase, exhausted, error } = client.connection.lifecycle.value;
    if (reader.end === undefined) return fail("I7", "the reader saw no end");
    const expected = phase === "unrecoverable" || exhausted ? error : undefined;
    if (reader.end.error !== expected) {
      fail("I9", `the reader ended with ${String(reader.end.error)} in phase ${phase}`);
    }
    const { buffered } = client.connection.stats();
    if (buffered > 0) fail("I1", `${buffered} frames were not delivered before the end`);
  }
}

function isOver({ connection }: Client): boolean {
  return FINAL.has(connection.lifecycle.value.phase) || connection.lifecycle.ended;
}

function isUp({ connection }: Client): boolean {
  return connection.lifecycle.value.up;
}

function rateLimitOf({ rateLimit, link }: Profile): {
  readonly rateLimit: FrameLayer | undefined;
  readonly handOffs: WindowCheck | undefined;
  readonly arrivals: WindowCheck | undefined;
} {
  if (rateLimit === undefined) {
    return { rateLimit: undefined, handOffs: undefined, arrivals: undefined };
  }
  const { limit, windowMs, slackMs } = rateLimit;
  // Over a link that is held back everything arrives at once, which no sender can help.
  return {
    rateLimit: sendRateLimit(rateLimit),
    handOffs: new WindowCheck("I6", limit, windowMs + slackMs),
    arrivals: link === undefined ? new WindowCheck("I6", limit, windowMs) : undefined,
  };
}
