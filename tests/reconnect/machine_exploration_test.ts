/**
 * The machine explored: every event in every state that can be reached, late and duplicate ones included, to a fixed depth. `World` checks the
 * invariants after each: safety (I2, I3, I9, I13) and liveness (what waits names what wakes it).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Phase } from "../../src/contract/lifecycle.ts";
import type {
  Mode,
  ReconnectEvent,
  ReconnectPolicy,
  TimerName,
} from "../../src/reconnect/machine_state.ts";
import { test } from "../support/harness.ts";
import { backoff, gone, goneBy, policyOf, refused, rejected, World } from "./world.ts";

const names: readonly TimerName[] = ["retry", "start", "stable", "renew", "ready", "shutdown"];
const shutdown = { type: "shutdown", code: 1000, reason: "", timeoutMs: undefined } as const;
const poison = { code: 1007, reason: "", clean: true, origin: "server" } as const;

/** Every event that can be told apart in this state; `0` and one too many stand for everything late or duplicate. */
function alphabet({ state }: World): ReconnectEvent[] {
  const { attempts, epoch } = state;
  const events: ReconnectEvent[] = [
    { type: "start" },
    { type: "forceReconnect" },
    { type: "markHealthy" },
    shutdown,
    { ...shutdown, timeoutMs: 5 },
  ];
  for (const dial of new Set([attempts, attempts - 1, attempts + 1])) {
    events.push({ type: "opened", dial, protocol: "" });
    events.push({ type: "dialFailed", dial, error: refused });
    events.push({ type: "dialFailed", dial, error: rejected });
  }
  for (const at of new Set([epoch, epoch - 1, epoch + 1])) {
    events.push({ type: "started", epoch: at });
    events.push({ type: "startFailed", epoch: at, error: gone });
    events.push({ type: "lost", epoch: at, error: gone });
    events.push({ type: "lost", epoch: at, error: goneBy(poison) });
    events.push({ type: "stale", epoch: at });
    events.push({ type: "alive", epoch: at });
  }
  for (const name of names) {
    const id = state.timers[name];
    if (id !== undefined) events.push({ type: "timer", name, id });
    events.push({ type: "timer", name, id: 0 });
    events.push({ type: "timer", name, id: (id ?? state.timerCount) + 1 });
  }
  return events;
}

/** What tells two worlds apart, as far as anything later could. */
function keyOf(world: World): string {
  const { timers, timerCount, error, ...state } = world.state;
  void timerCount;
  return JSON.stringify([
    state,
    error?.code,
    Object.keys(timers).sort(),
    [...world.timers].map(([name, { at }]) => [name, at]).sort(),
    world.now,
    world.dialling,
    world.attached,
    world.finishes,
  ]);
}

interface Explored {
  states: number;
  transitions: number;
  readonly modes: Set<Mode>;
  readonly phases: Set<Phase>;
}

/** Breadth first; two ways to the same state are walked on once. */
function explore(policy: ReconnectPolicy, depth: number): Explored {
  const seen: Explored = { states: 0, transitions: 0, modes: new Set(), phases: new Set() };
  let level = new Map<string, World>([["", new World(policy)]]);
  for (let at = 0; at < depth; at++) {
    const next = new Map<string, World>();
    for (const world of level.values()) {
      for (const event of alphabet(world)) {
        const after = world.fork();
        const timer = event.type === "timer" ? after.timers.get(event.name) : undefined;
        // A timer that is set fires when it is due; anything else happens now.
        if (timer !== undefined && event.type === "timer" && event.id === timer.id) {
          after.now = Math.max(after.now, timer.at);
        }
        after.feed(event, at % 2 === 0 ? 0 : 0.999);
        seen.transitions++;
        seen.modes.add(after.state.mode);
        seen.phases.add(after.state.phase);
        if (after.state === world.state) continue; // late or duplicate: nothing new follows from it
        next.set(keyOf(after), after);
      }
    }
    seen.states += next.size;
    level = next;
  }
  return seen;
}

const policies: { readonly [name: string]: Partial<ReconnectPolicy> } = {
  "the defaults": {},
  "every limit and timer": {
    maxAttempts: 3,
    permanentRetries: 0,
    renewAfterMs: 20_000,
    readyTimeoutMs: 5_000,
    backoff: { ...backoff, stableAfterMs: undefined },
  },
  "hints": {
    renewAfterMs: 15_000,
    classify: ({ stage }) => ({ verdict: "transient", minDelayMs: stage === "dial" ? 700 : 3_000 }),
  },
  "one session": { once: true, renewAfterMs: 20_000 },
};

for (const [name, change] of Object.entries(policies)) {
  test(`transition() keeps its invariants in every history of 7 events, with ${name}`, {
    timeoutMs: 60_000,
  }, () => {
    const { states, transitions, modes, phases } = explore(policyOf(change), 7);
    assert(states > 100 && transitions > 4_000, `${states} states, ${transitions} transitions`);
    assert(modes.size >= 6, `only ${[...modes]}`);
    assert(phases.has("closed"));
  });
}

test("transition() reaches every mode and every phase in the exploration", () => {
  const modes = new Set<Mode>();
  const phases = new Set<Phase>();
  for (const change of Object.values(policies)) {
    const seen = explore(policyOf(change), 5);
    for (const mode of seen.modes) modes.add(mode);
    for (const phase of seen.phases) phases.add(phase);
  }
  explore(policyOf({}), 7).phases.forEach((phase) => phases.add(phase));
  assertEquals([...modes].sort(), [
    "closing",
    "dialing",
    "ended",
    "idle",
    "stale",
    "starting",
    "up",
    "waiting",
  ]);
  assertEquals([...phases].sort(), [
    "closed",
    "connected",
    "connecting",
    "reconnecting",
    "resumed",
    "stale",
    "unrecoverable",
  ]);
});

test("transition() keeps its invariants in long random histories", () => {
  const policy = fc.constantFrom(...Object.values(policies));
  const step = fc.record({ pick: fc.nat(1_000_000), dt: fc.nat(9_000), random: fc.nat(999) });
  fc.assert(
    fc.property(
      policy,
      fc.array(step, { minLength: 50, maxLength: 400, size: "max" }),
      (change, steps) => {
        const world = new World(policyOf(change));
        world.feed({ type: "start" });
        for (const { pick, dt, random } of steps) {
          if (world.ended) break;
          const due = [...world.timers].filter(([, { at }]) => at <= world.now + dt)
            .sort(([, a], [, b]) => a.at - b.at)[0];
          // Timers fire in time, and among the rest the end is rare, so that histories get long.
          if (due !== undefined) {
            world.fire(due[0], random / 1_000);
            continue;
          }
          world.now += dt;
          const likely = alphabet(world).filter(({ type }) =>
            type !== "timer" && (type !== "shutdown" || pick % 50 === 0)
          );
          world.feed(likely[pick % likely.length]!, random / 1_000);
        }
        if (!world.ended) world.feed(shutdown);
        if (!world.ended) world.fire("shutdown");
        assert(world.ended, "a shutdown ends it, from wherever");
      },
    ),
    { numRuns: 400 },
  );
});
