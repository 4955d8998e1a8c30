/**
 * The simulated server of one connection: it answers dials as its mood says, numbers what it sends, and can misbehave.
 *
 * @module
 */
import type { Data, SessionEnd } from "../../mod.ts";
import { MockConnector, type MockDial } from "../../src/testing/mod.ts";
import type { Origin } from "./invariants/delivery.ts";
import type { Profile } from "./profile.ts";
import type { SimRandom } from "./random.ts";
import type { World } from "./world.ts";

/** How dials are answered. */
export const MOODS = [
  "healthy",
  "refuses",
  "status 401",
  "status 429",
  "status 503",
  "hangs",
  "is slow",
  "answers at the deadline",
  "opens late",
  "wrong subprotocol",
  "accepts, then closes",
] as const;

/** One of {@link MOODS}. */
export type Mood = typeof MOODS[number];

/** One session, as the server sees it. */
export interface ServerSession {
  readonly id: number;
  readonly dial: MockDial;
  /** Frames sent so far, lost ones included. */
  sent: number;
  /** Frames read so far. */
  read: number;
  /** Neither sends nor answers, for ever. */
  silent: boolean;
  over: boolean;
}

/** Says where a frame of a simulated server comes from. */
export function originOf(data: Data): Origin {
  const text = typeof data === "string" ? data : new TextDecoder().decode(data);
  const [, session, number] = text.split(":", 3);
  return { session: Number(session), number: Number(number) };
}

/** One server; it has one client. */
export class Server {
  readonly connector: MockConnector;
  mood: Mood = "healthy";
  /** Whether requests at the start of a session stay unanswered. */
  ignoresRequests = false;
  /** Whether sessions that open send data by themselves. */
  talks = true;
  readonly #world: World;
  readonly #profile: Profile;
  readonly #random: SimRandom;
  readonly #client: number;
  readonly #received: (data: Data) => void;
  /** Sessions that go on; more than one only until the stack has let go of one that opened too late. */
  #live: ServerSession[] = [];
  /** Sockets that nobody talks to any more. */
  #zombies: ServerSession[] = [];
  #unanswered: ServerSession[] = [];

  /** `received` hears of each data frame that arrives. */
  constructor(
    world: World,
    profile: Profile,
    { client, random, received }: {
      client: number;
      random: SimRandom;
      received: (data: Data) => void;
    },
  ) {
    this.#world = world;
    this.#profile = profile;
    this.#client = client;
    this.#random = random;
    this.#received = received;
    this.connector = new MockConnector({ capabilities: { wireDials: profile.wireDials } });
  }

  /** The session that the client talks in, if there is one. */
  get session(): ServerSession | undefined {
    return this.#live.find(({ over, dial }) => !over && !dial.abandoned);
  }

  /** Answers what came in the meantime. @returns whether there was anything. */
  poll(): boolean {
    let busy = false;
    for (let dial = this.connector.next(); dial !== undefined; dial = this.connector.next()) {
      busy = true;
      this.#answer(dial);
    }
    for (const session of this.#live) {
      if (this.#hear(session)) busy = true;
    }
    this.#live = this.#live.filter((session) => {
      if (session.over) return false;
      if (!session.dial.abandoned) return true;
      session.over = true;
      this.#zombies.push(session);
      return false;
    });
    return busy;
  }

  /** Sends one frame of the session. */
  send(session: ServerSession, kind: string, padding = 0): void {
    if (session.over || session.silent) return;
    session.sent++;
    const text = `${kind}:${session.id}:${session.sent}:${"x".repeat(padding)}`;
    session.dial.receive(session.sent % 7 === 0 ? new TextEncoder().encode(text) : text);
  }

  /** The leaf dropped frames that were sent. */
  drop(session: ServerSession, frames: number): void {
    if (session.over || session.silent) return;
    session.sent += frames;
    session.dial.drop(frames, frames * 20);
  }

  /** The session ends. */
  end(session: ServerSession, end: Partial<SessionEnd>): void {
    session.over = true;
    session.dial.end(end);
  }

  /** Abandoned sockets end at last. @returns whether there were any. */
  endZombies(): boolean {
    const zombies = this.#zombies.splice(0);
    for (const { dial } of zombies) dial.end();
    return zombies.length > 0;
  }

  /** What is stuck in the socket goes out. */
  drain(): void {
    const { session } = this;
    if (session !== undefined) session.dial.bufferedAmount = 0;
  }

  /** Everything is good again. */
  heal(): void {
    this.mood = "healthy";
    this.talks = false;
    this.ignoresRequests = false;
    this.connector.answersClose = true;
    this.drain();
    const { session } = this;
    if (session === undefined) return;
    // A peer that was frozen goes on, unless somebody is there to notice that it does not.
    if (this.#profile.deadAfterMs === undefined) session.silent = false;
    for (const waiting of this.#unanswered.splice(0)) {
      if (waiting === session) this.send(session, "ok");
    }
  }

  #answer(dial: MockDial): void {
    const world = this.#world;
    const { connectTimeoutMs } = this.#profile;
    const fail = (end: Partial<SessionEnd>) => dial.fail(end);
    switch (this.mood) {
      case "healthy":
        return void this.#open(dial);
      case "refuses":
        world.fault("refused", this.#client);
        return fail({});
      case "status 401":
        world.fault("status 401", this.#client);
        return fail({ status: 401 });
      case "status 429":
        world.fault("status 429 with Retry-After", this.#client);
        return fail({ status: 429, retryAfterMs: this.#random.pick([1_000, 30_000]) });
      case "status 503":
        world.fault("status 503", this.#client);
        return fail({ status: 503 });
      case "hangs":
        return world.fault("handshake hangs", this.#client);
      case "is slow":
        world.fault("handshake is slow", this.#client);
        return world.in(this.#random.int(1, connectTimeoutMs - 1), () => this.#openIf(dial));
      case "answers at the deadline":
        world.fault("handshake at the very deadline", this.#client);
        return world.in(connectTimeoutMs + this.#random.int(-1, 1), () => this.#openIf(dial));
      case "opens late":
        return world.in(connectTimeoutMs + this.#random.span(10, 30_000), () => {
          world.fault("opens late", this.#client);
          this.#openIf(dial);
        });
      case "wrong subprotocol":
        world.fault("wrong subprotocol", this.#client);
        return dial.open({ protocol: "nobody.asked" });
      case "accepts, then closes": {
        world.fault("accepted, then closed", this.#client);
        const session = this.#open(dial);
        return world.in(this.#random.pick([0, 0, 1, 500]), () => {
          this.end(session, { code: this.#random.pick([1000, 1006, 1008, 1011]) });
        });
      }
      default:
        return this.mood satisfies never;
    }
  }

  /** Opens a dial that may have been given up meanwhile; only a stubborn leaf makes something of that. */
  #openIf(dial: MockDial): void {
    if (dial.aborted) return;
    this.#open(dial);
  }

  #open(dial: MockDial): ServerSession {
    const id = ++this.#world.sessions;
    const session: ServerSession = { id, dial, sent: 0, read: 0, silent: false, over: false };
    this.#live.push(session);
    dial.open();
    if (this.#random.chance(0.3)) this.send(session, "hello");
    if (this.talks) this.#tick(session);
    return session;
  }

  #tick(session: ServerSession): void {
    this.#world.in(this.#random.int(1, this.#profile.tickMs), () => {
      if (session.over || session.dial.abandoned) return;
      const frames = this.#random.int(1, 6);
      for (let i = 0; i < frames; i++) this.send(session, "data", this.#random.int(0, 40));
      this.#tick(session);
    });
  }

  #reply(session: ServerSession, frame: { readonly type: string; readonly data?: unknown }): void {
    if (frame.type === "ping") session.dial.receiveControl("pong");
    if (frame.data === "probe") this.send(session, "pong");
    if (typeof frame.data !== "string" || !frame.data.startsWith("sub")) return;
    if (this.ignoresRequests) {
      this.#world.fault("start hangs", this.#client);
      this.#unanswered.push(session);
      return;
    }
    this.#world.in(this.#random.pick([0, 5, 200]), () => this.send(session, "ok"));
  }

  #hear(session: ServerSession): boolean {
    const { sentFrames } = session.dial;
    let busy = false;
    while (session.read < sentFrames.length) {
      const frame = sentFrames[session.read++]!;
      busy = true;
      if (frame.type === "text" || frame.type === "binary") this.#received(frame.data);
      if (!session.silent && !session.over) this.#reply(session, frame);
    }
    return busy;
  }
}
