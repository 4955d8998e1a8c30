/**
 * The modes of the machine, each with the shortest way into it, and the events to try in each of them.
 *
 * @module
 */
import { TransportError } from "../../src/contract/errors.ts";
import type { ReconnectEvent, TimerName } from "../../src/reconnect/machine_state.ts";
import { gone, goneBy, policyOf, refused, shown, World } from "./world.ts";

const ended = { code: 1012, reason: "", clean: true, origin: "server" } as const;

function after(...steps: readonly ((world: World) => void)[]): () => World {
  return () => {
    const world = new World(policyOf({ renewAfterMs: 100_000, readyTimeoutMs: 90_000 }));
    for (const step of steps) {
      world.now += 100;
      step(world);
    }
    world.now += 100;
    return world;
  };
}

const start = (world: World) => void world.feed({ type: "start" });
const open = (world: World) =>
  void world.feed({ type: "opened", dial: world.state.attempts, protocol: "p" });
const started = (world: World) => void world.feed({ type: "started", epoch: world.state.epoch });
const stale = (world: World) => void world.feed({ type: "stale", epoch: world.state.epoch });
const fail = (world: World) => void world.refuse();
const lose = (world: World) => void world.lose();
const retry = (world: World) => void world.fire("retry");
const shutdown = (world: World) =>
  void world.feed({ type: "shutdown", code: 1000, reason: "", timeoutMs: undefined });

/** Every mode, and the two faces of those that look different before and after the first session. */
export const modes: { readonly [mode: string]: () => World } = {
  idle: after(),
  dialing: after(start),
  "dialing again": after(start, open, started, lose, retry),
  waiting: after(start, fail),
  "waiting again": after(start, open, started, lose),
  starting: after(start, open),
  up: after(start, open, started),
  "up again": after(start, open, started, lose, retry, open, started),
  stale: after(start, open, started, stale),
  closing: after(start, open, started, shutdown),
  ended: after(start, open, started, shutdown, lose),
};

function timer(name: TimerName): (world: World) => ReconnectEvent {
  return (world) => ({ type: "timer", name, id: world.timers.get(name)?.id ?? 0 });
}

/** Every event, as it concerns the world it happens in; and the late and duplicate ones that do not. */
export const events: { readonly [event: string]: (world: World) => ReconnectEvent } = {
  start: () => ({ type: "start" }),
  opened: ({ state }) => ({ type: "opened", dial: Math.max(1, state.attempts), protocol: "p" }),
  "opened late": () => ({ type: "opened", dial: 0, protocol: "p" }),
  dialFailed: ({ state }) => ({ type: "dialFailed", dial: state.attempts, error: refused }),
  "dialFailed late": () => ({ type: "dialFailed", dial: 0, error: refused }),
  started: ({ state }) => ({ type: "started", epoch: state.epoch }),
  "started late": ({ state }) => ({ type: "started", epoch: state.epoch - 1 }),
  startFailed: ({ state }) => ({
    type: "startFailed",
    epoch: state.epoch,
    error: new TransportError("start_failed", "Session lost: onSession failed"),
  }),
  "startFailed late": ({ state }) => ({
    type: "startFailed",
    epoch: state.epoch - 1,
    error: gone,
  }),
  lost: ({ state }) => ({ type: "lost", epoch: state.epoch, error: goneBy(ended) }),
  "lost late": ({ state }) => ({ type: "lost", epoch: state.epoch - 1, error: gone }),
  stale: ({ state }) => ({ type: "stale", epoch: state.epoch }),
  "stale late": ({ state }) => ({ type: "stale", epoch: state.epoch - 1 }),
  alive: ({ state }) => ({ type: "alive", epoch: state.epoch }),
  "alive late": ({ state }) => ({ type: "alive", epoch: state.epoch - 1 }),
  "timer retry": timer("retry"),
  "timer start": timer("start"),
  "timer stable": timer("stable"),
  "timer renew": timer("renew"),
  "timer ready": timer("ready"),
  "timer shutdown": timer("shutdown"),
  "timer late": ({ state }) => ({ type: "timer", name: "retry", id: state.timerCount + 1 }),
  forceReconnect: () => ({ type: "forceReconnect" }),
  markHealthy: () => ({ type: "markHealthy" }),
  shutdown: () => ({ type: "shutdown", code: 4000, reason: "bye", timeoutMs: undefined }),
  "shutdown sooner": () => ({ type: "shutdown", code: 4000, reason: "bye", timeoutMs: 10 }),
};

/** What an event does in a mode, in one line; `-` where it does nothing at all. */
export function outcome(mode: string, event: string): string {
  const world = modes[mode]!();
  const before = world.state;
  const effects = world.feed(events[event]!(world));
  const { state } = world;
  if (state === before && effects.length === 0) return "-";
  return [`${state.mode} (${state.phase})`, ...effects.map(shown)].join(", ");
}
