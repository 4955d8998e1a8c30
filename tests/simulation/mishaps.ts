/**
 * What goes wrong, by plan. A mishap that finds nothing to harm has no effect and is not counted.
 *
 * @module
 */
import type { Mischief } from "./adapter.ts";
import type { Client } from "./client.ts";
import type { Reader } from "./reader.ts";
import type { SimRandom } from "./random.ts";
import type { Sender } from "./sender.ts";
import { type Mood, MOODS, type ServerSession } from "./server.ts";
import type { World } from "./world.ts";

/** Whom a mishap meets. */
export interface Victim {
  readonly client: Client;
  readonly reader: Reader;
  readonly sender: Sender;
  readonly world: World;
  readonly random: SimRandom;
}

type Mishap = (victim: Victim) => void;

const CODES = [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 3000, 4001];
const POISON = [1002, 1003, 1007, 1009, 1010];

/** Something that needs a session. */
function inSession(act: (session: ServerSession, victim: Victim) => void): Mishap {
  return (victim) => {
    const { session } = victim.client.server;
    if (session !== undefined && !session.silent) act(session, victim);
  };
}

function setsMood(mood: Mood): Mishap {
  return ({ client, world, random }) => {
    client.server.mood = mood;
    // Some outages last for hours.
    world.in(random.span(1_000, 14_400_000), () => client.server.mood = "healthy");
  };
}

function misbehaves<K extends keyof Mischief>(what: K, how: Mischief[K]): Mishap {
  return ({ client, world, random }) => {
    const { mischief } = client.adapter;
    mischief[what] = how;
    world.in(random.span(1_000, 600_000), () => mischief[what] = "good");
  };
}

const SESSION: readonly Mishap[] = [
  inSession((session, { client, world }) => {
    world.fault("reset", client.index);
    client.server.end(session, { code: 1006 });
  }),
  inSession((session, { client, world, random }) => {
    world.fault("close code", client.index);
    client.server.end(session, { code: random.pick(CODES) });
  }),
  inSession((session, { client, world, random }) => {
    world.fault("protocol violation", client.index);
    client.server.end(session, { code: random.pick(POISON), origin: "protocol" });
  }),
  inSession((session, { client, world }) => {
    world.fault("ends twice", client.index);
    client.server.end(session, { code: 1006 });
    client.server.end(session, { code: 1011 });
  }),
  inSession((session, { client, world }) => {
    world.fault("half-open", client.index);
    session.silent = true;
    client.server.connector.answersClose = false;
  }),
  inSession((session, { client, world, random }) => {
    world.fault("silence", client.index);
    session.silent = true;
    world.in(random.span(5_000, 400_000), () => session.silent = false);
  }),
  inSession((session, { client, world, random }) => {
    world.fault("flood", client.index);
    const frames = random.int(20, 120);
    for (let i = 0; i < frames; i++) client.server.send(session, "flood", random.int(0, 100));
  }),
  inSession((session, { client, world, random }) => {
    world.fault("flood, then close", client.index);
    const frames = random.int(20, 120);
    for (let i = 0; i < frames; i++) client.server.send(session, "flood");
    session.dial.receiveControl("ping");
    client.server.end(session, { code: 1001 });
  }),
  inSession((session, { client, world, random }) => {
    world.fault("ping flood", client.index);
    for (let i = random.int(20, 80); i > 0; i--) session.dial.receiveControl("ping");
  }),
  inSession((session, { client, world, random }) => {
    world.fault("frame above the byte bound", client.index);
    client.server.send(session, "huge", random.pick([200, 201, 5_000]));
  }),
  inSession((session, { client, world, random }) => {
    world.fault("leaf drops", client.index);
    client.server.drop(session, random.int(1, 50));
  }),
  inSession((session, { client, world }) => {
    world.fault("socket is stuck", client.index);
    session.dial.bufferedAmount = 9_000_000;
  }),
  inSession((session, { client, world, random }) => {
    world.fault("socket is slow", client.index);
    session.dial.bufferedAmount = 9_000_000;
    world.in(random.span(50, 5_000), () => session.dial.bufferedAmount = 0);
  }),
  inSession((session, { client, world, random }) => {
    const { socket } = client;
    if (socket === undefined || socket.ended) return;
    world.fault("socket is deaf", client.index);
    socket.deaf = true;
    client.touched = true;
    world.in(random.pick([0, 1, 100]), () => client.server.end(session, { code: 1006 }));
  }),
];

const NETWORK: readonly Mishap[] = [
  ...MOODS.map(setsMood),
  ({ client, world, random }) => {
    const { link } = client;
    if (link === undefined) return;
    world.fault("link half-open", client.index);
    link.halfOpen(random.pick(["in", "out", "both"] as const));
    world.in(random.span(1_000, 600_000), () => link.heal());
  },
  ({ client, world }) => {
    if (client.link === undefined) return;
    world.fault("link reset", client.index);
    client.link.reset();
  },
  ({ client, world }) => {
    for (const { sink, epoch } of client.abandonedSockets.splice(0)) {
      world.fault("abandoned socket talks", client.index);
      const before = client.connection.stats().received;
      sink?.frame({ type: "text", data: `late:${epoch}:1:` });
      sink?.dropped(3, 30);
      sink?.end({ code: 1006, reason: "", clean: false, origin: "network" });
      if (client.connection.stats().received !== before) {
        world.fail("I3", `an abandoned socket (epoch ${epoch}) was heard`);
      }
    }
  },
  ({ client, world }) => {
    if (client.server.endZombies()) world.fault("abandoned socket ends", client.index);
  },
];

const APPLICATION: readonly Mishap[] = [
  misbehaves("auth", "fails"),
  misbehaves("auth", "rejects"),
  misbehaves("auth", "is slow"),
  misbehaves("auth", "hangs"),
  misbehaves("start", "fails"),
  misbehaves("start", "rejects"),
  misbehaves("recv", "throws"),
  misbehaves("recv", "terminates"),
  misbehaves("send", "throws"),
  misbehaves("probe", "throws"),
  ({ client, world, random }) => {
    client.server.ignoresRequests = true;
    world.in(random.span(1_000, 600_000), () => client.server.ignoresRequests = false);
  },
  ({ client, reader, world, random }) => {
    world.fault("consumer stalls", client.index);
    reader.stall();
    world.in(random.span(1_000, 1_800_000), () => reader.permit(Infinity));
  },
  ({ client, reader, world, random }) => {
    world.fault(reader.pending ? "reader leaves a read behind" : "reader changes", client.index);
    reader.change(random.pick(["frames", "batches", "readable"] as const));
  },
  ({ client, world, random }) => {
    world.fault("forceReconnect storm", client.index);
    client.backoff.forced();
    const { spawn } = world.mock;
    const before = spawn.pending;
    for (let i = random.int(2, 40); i > 0; i--) client.connection.control.forceReconnect();
    if (spawn.pending > before + 1) {
      world.fail("I12", `forceReconnect posted ${spawn.pending - before} events`);
    }
    client.touched = true;
  },
  ({ client, world }) => {
    world.fault("markHealthy", client.index);
    client.backoff.markedHealthy();
    client.connection.control.markHealthy();
    client.touched = true;
  },
];

const TIME: readonly Mishap[] = [
  ({ world, random }) => {
    world.fault("wall clock forward");
    world.mock.clock.jumpWall(random.span(5_000, 28_800_000));
  },
  ({ world }) => {
    world.fault("wall clock back");
    world.mock.clock.jumpWall(-3_600_000);
  },
  ({ world, random }) => {
    world.fault("sleep");
    world.sleep(random.span(5_000, 28_800_000));
  },
];

/** Ways to end a connection. */
export const ENDINGS: readonly Mishap[] = [
  (victim) => shutdown(victim),
  (victim) => {
    const { client, world } = victim;
    world.fault("shutdown twice", client.index);
    shutdown(victim);
    shutdown(victim, victim.random.pick([0, 100, 5_000]));
  },
  (victim) => {
    const { client, world } = victim;
    client.server.connector.answersClose = false;
    if (client.openEpoch !== undefined) world.fault("peer ignores close", client.index);
    shutdown(victim);
  },
  (victim) => {
    const { client, world } = victim;
    const { server } = client;
    const { session } = server;
    server.connector.answersClose = false;
    shutdown(victim);
    if (session === undefined || session.silent) return;
    world.in(10, () => {
      if (session.over || session.dial.abandoned) return;
      world.fault("frames during close", client.index);
      for (let i = 0; i < 5; i++) server.send(session, "late");
      client.touched = true;
    });
  },
  (victim) => {
    const { client, world } = victim;
    if (!client.profile.usesConnectSignal) return shutdown(victim);
    world.fault("signal aborts", client.index);
    client.shutDown = true;
    client.abort.abort(new Error("no longer wanted"));
  },
  ({ sender }) => sender.close(),
  ({ sender }) => sender.abort(),
  (victim) => {
    const { client, reader, world } = victim;
    reader.cancel();
    if (!reader.cancelled) return shutdown(victim);
    client.shutDown = true;
    world.fault("consumer cancels", client.index);
  },
];

function shutdown({ client, world }: Victim, timeoutMs?: number): void {
  world.fault("shutdown", client.index);
  client.shutDown = true;
  client.touched = true;
  const ended = client.connection.control.shutdown(timeoutMs === undefined ? {} : { timeoutMs });
  const withinMs = timeoutMs ?? client.profile.shutdownTimeoutMs;
  client.promises.follow(ended, "shutdown", world.now, withinMs);
}

/** Draws a mishap; time and shutdowns are rare, because all else suffers from them. */
export function mishapOf(random: SimRandom): Mishap {
  const dice = random.int(1, 100);
  if (dice <= 45) return random.pick(SESSION);
  if (dice <= 72) return random.pick(NETWORK);
  if (dice <= 94) return random.pick(APPLICATION);
  if (dice <= 98) return random.pick(TIME);
  return random.pick(ENDINGS);
}
