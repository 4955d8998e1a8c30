/**
 * Every history of the whole stack up to a depth: whatever can happen next, happens once.
 *
 * @module
 */
import { attemptBudget } from "../../mod.ts";
import type { MockDial } from "../../src/testing/mod.ts";
import { Client } from "./client.ts";
import { WindowCheck } from "./invariants/windows.ts";
import { FINAL, type Profile, profileOf } from "./profile.ts";
import { SimRandom } from "./random.ts";
import { Tally } from "./tally.ts";
import { World } from "./world.ts";

/** What can happen. */
export const ACTIONS = [
  "open",
  "fail",
  "refuse for good",
  "open late",
  "receive",
  "answer",
  "end",
  "end twice",
  "zombie ends",
  "timer",
  "force",
  "healthy",
  "shutdown",
  "cancel",
] as const;

/** One of {@link ACTIONS}. */
export type Action = typeof ACTIONS[number];

/** A history that broke something. */
export class BrokenHistory extends Error {}

/**
 * Lives through every sequence of choices up to a depth, each once: a history is lived anew for each, taking the choices that were taken before,
 * and the first that was not.
 *
 * @param depth Choices per history, at most.
 * @param live Lives one history; asks for each choice with what is possible at that point. `undefined` means that the depth is reached.
 * @returns how many histories there were.
 */
export async function explore(
  depth: number,
  live: (choose: (possible: readonly Action[]) => Action | undefined) => Promise<void>,
): Promise<number> {
  const choices: { readonly possible: readonly Action[]; taken: number }[] = [];
  let histories = 0;
  do {
    let step = 0;
    await live((possible) => {
      if (step === depth || possible.length === 0) return undefined;
      if (step === choices.length) choices.push({ possible, taken: 0 });
      const choice = choices[step++]!;
      return choice.possible[choice.taken]!;
    });
    histories++;
    for (let last = choices.at(-1); last !== undefined; last = choices.at(-1)) {
      if (++last.taken < last.possible.length) break;
      choices.pop();
    }
  } while (choices.length > 0);
  return histories;
}

/** A connection whose leaf never gives up a dial by itself, so that everything can come late. */
export function explored(change: Partial<Profile>): Profile {
  return {
    ...profileOf(new SimRandom(1), 1),
    minDelayMs: 1_000,
    maxDelayMs: 8_000,
    multiplier: 2,
    stableAfterMs: 5_000,
    connectTimeoutMs: 10_000,
    startTimeoutMs: 20_000,
    readyTimeoutMs: undefined,
    shutdownTimeoutMs: 2_000,
    maxAttempts: undefined,
    permanentRetries: 1,
    renewAfterMs: undefined,
    staleAfterMs: 4_000,
    deadAfterMs: 8_000,
    probe: "none",
    maxFrames: 16,
    maxBytes: 1_000,
    overflow: "dropOldest",
    recvLayer: false,
    sendLayer: "none",
    auth: false,
    starting: "request",
    wireDials: 1,
    stubborn: true,
    link: undefined,
    reading: "nothing",
    readEveryMs: undefined,
    sendEveryMs: undefined,
    observers: [],
    tracerThrows: false,
    classifyThrows: false,
    hintMs: 0,
    usesConnectSignal: false,
    rateLimit: undefined,
    ...change,
  };
}

/** Steps after which a connection that everybody is kind to must be up. */
const KIND_STEPS = 40;

/** One history under way. */
export class Exploration {
  readonly #world: World;
  readonly #client: Client;
  readonly #taken: Action[] = [];
  #sent = 0;

  /** Begins one. */
  constructor(profile: Profile) {
    const tally = new Tally();
    this.#world = new World(1, tally, false);
    this.#client = new Client(this.#world, {
      budget: attemptBudget({ attempts: 3, windowMs: 10_000 }),
      dials: new WindowCheck("I5", 3, 10_000),
      tally,
    }, {
      index: 0,
      profile,
      random: new SimRandom(1),
      handOffs: undefined,
      arrivals: undefined,
      rateLimit: undefined,
    });
    this.#client.server.mood = "hangs";
  }

  /** Lives it: the choices, then kindness, then the end. */
  async live(choose: (possible: readonly Action[]) => Action | undefined): Promise<void> {
    await this.#quiet();
    for (let action = choose(this.#possible); action; action = choose(this.#possible)) {
      this.#taken.push(action);
      this.#do(action);
      await this.#quiet();
    }
    await this.#beKind();
    await this.#end();
  }

  get #dials(): readonly MockDial[] {
    return this.#client.server.connector.dials;
  }

  /** Dials that wait for an answer. The spy in front of the leaf passes no abort on, so given up is what the stack does not wait for. */
  get #unanswered(): readonly MockDial[] {
    return this.#dials.filter((dial) => !this.#answered.has(dial));
  }

  readonly #answered: Set<MockDial> = new Set();
  readonly #over: Set<MockDial> = new Set();

  get #wanted(): MockDial | undefined {
    return this.#client.wantsDial ? this.#unanswered.at(-1) : undefined;
  }

  get #late(): MockDial | undefined {
    return this.#unanswered.find((dial) => dial !== this.#wanted);
  }

  get #session(): MockDial | undefined {
    return this.#opened.find((dial) => !dial.abandoned && !this.#over.has(dial));
  }

  get #zombie(): MockDial | undefined {
    return this.#opened.find((dial) => dial.abandoned && !this.#over.has(dial));
  }

  readonly #opened: MockDial[] = [];

  get #possible(): Action[] {
    if (this.#client.ended) return [];
    const { nextAt } = this.#world.mock.clock;
    const possible: Action[] = [];
    if (this.#wanted !== undefined) possible.push("open", "fail", "refuse for good");
    if (this.#late !== undefined) possible.push("open late");
    if (this.#session !== undefined) possible.push("receive", "answer", "end", "end twice");
    if (this.#zombie !== undefined) possible.push("zombie ends");
    if (nextAt !== undefined) possible.push("timer");
    possible.push("force", "healthy", "shutdown", "cancel");
    return possible;
  }

  #do(action: Action): void {
    const { control, readable } = this.#client.connection;
    switch (action) {
      case "open":
        return this.#open(this.#wanted!);
      case "open late":
        return this.#open(this.#late!);
      case "fail":
        return this.#fail({});
      case "refuse for good":
        return this.#fail({ status: 401 });
      case "receive":
        return this.#receive("data");
      case "answer":
        return this.#receive("ok");
      case "end":
        return this.#endSocket(this.#session!);
      case "end twice": {
        const session = this.#session!;
        this.#endSocket(session);
        return session.end({ code: 1011 });
      }
      case "zombie ends":
        return this.#endSocket(this.#zombie!);
      case "timer":
        this.#world.mock.clock.fireNext(Infinity);
        return;
      case "force":
        this.#client.backoff.forced();
        return control.forceReconnect();
      case "healthy":
        this.#client.backoff.markedHealthy();
        return control.markHealthy();
      case "shutdown":
        return this.#shutdown();
      case "cancel":
        this.#client.promises.follow(readable.cancel(), "cancel", this.#world.now, 0);
        this.#client.shutDown = true;
        return;
      default:
        return action satisfies never;
    }
  }

  #open(dial: MockDial): void {
    this.#answered.add(dial);
    this.#opened.push(dial);
    dial.open();
  }

  #fail(end: { readonly status?: number }): void {
    const dial = this.#wanted!;
    this.#answered.add(dial);
    dial.fail(end);
  }

  #receive(kind: string): void {
    const dial = this.#session!;
    const session = this.#opened.indexOf(dial) + 1;
    this.#numbers[session] = (this.#numbers[session] ?? 0) + 1;
    this.#sent++;
    dial.receive(`${kind}:${session}:${this.#numbers[session]}:`);
  }

  readonly #numbers: number[] = [];

  #endSocket(dial: MockDial): void {
    this.#over.add(dial);
    dial.end({ code: 1006 });
  }

  #shutdown(): void {
    const { connection, profile, promises } = this.#client;
    this.#client.shutDown = true;
    const ended = connection.control.shutdown();
    promises.follow(ended, "shutdown", this.#world.now, profile.shutdownTimeoutMs);
  }

  async #quiet(): Promise<void> {
    await this.#world.mock.settle();
    this.#client.check();
    this.#check();
  }

  #check(): void {
    const { violations } = this.#world;
    if (violations.length === 0) return;
    throw new BrokenHistory(`${this.#taken.join(", ")}: ${violations.join("; ")}`);
  }

  /** From now on dials open, starts are answered and timers fire: it is up soon, or it has ended. */
  async #beKind(): Promise<void> {
    const { lifecycle } = this.#client.connection;
    for (let step = 0; step < KIND_STEPS; step++) {
      const { up, phase } = lifecycle.value;
      if (lifecycle.ended || up && !FINAL.has(phase)) return;
      if (this.#wanted !== undefined) this.#open(this.#wanted);
      else if (this.#session !== undefined && !this.#client.shutDown) this.#receive("ok");
      else if (!this.#world.mock.clock.fireNext(Infinity)) break;
      await this.#quiet();
    }
    if (lifecycle.ended) return;
    const { phase } = lifecycle.value;
    this.#world.fail("I16", `${phase}, and nothing wakes it`);
    this.#check();
  }

  async #end(): Promise<void> {
    const { connection } = this.#client;
    this.#shutdown();
    await this.#quiet();
    const { clock, spawn } = this.#world.mock;
    while (!this.#client.ended && clock.fireNext(10_000)) await this.#quiet();
    if (!this.#client.ended) this.#world.fail("I7", "the shutdown did not end it");
    const last = connection.lifecycle.value;
    // Whatever still comes changes nothing.
    for (const dial of this.#unanswered) this.#open(dial);
    for (const dial of this.#opened) if (!this.#over.has(dial)) this.#endSocket(dial);
    connection.control.forceReconnect();
    connection.control.markHealthy();
    await this.#quiet();
    if (connection.lifecycle.value !== last) this.#world.fail("I9", "it changed after its end");
    await connection.frames().return!();
    this.#client.checkEnd();
    if (clock.timers > 0) this.#world.fail("I8", `${clock.timers} timers are left`);
    if (spawn.tasks > 0) this.#world.fail("I8", `${spawn.tasks} tasks are left`);
    this.#check();
  }
}
