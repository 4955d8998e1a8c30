/**
 * One connection of a history, with everything around it: its seams, its leaf, its server, its application.
 *
 * @module
 */
import {
  type AttemptBudget,
  type Frame,
  type FrameLayer,
  type Handshake,
  open,
  type ReconnectingConnection,
  type Runtime,
  type Task,
  type TraceEvent,
} from "../../mod.ts";
import { FaultyLink } from "../../src/testing/mod.ts";
import { Adapter } from "./adapter.ts";
import { BackoffCheck } from "./invariants/backoff.ts";
import { checkBounds } from "./invariants/bounds.ts";
import { DeliveryCheck } from "./invariants/delivery.ts";
import type { Truth } from "./invariants/observers.ts";
import { checkTransition } from "./invariants/phases.ts";
import { PromiseCheck } from "./invariants/promises.ts";
import { SendCheck } from "./invariants/sends.ts";
import { SocketCheck } from "./invariants/sockets.ts";
import type { WindowCheck } from "./invariants/windows.ts";
import { type LeafObserver, WatchedLeaf, type WatchedSocket } from "./leaf.ts";
import { FINAL, type Profile } from "./profile.ts";
import type { SimRandom } from "./random.ts";
import { Server } from "./server.ts";
import { shownTrace } from "./shown.ts";
import type { Tally } from "./tally.ts";
import type { World } from "./world.ts";

/** Largest frame that any part of a history makes. */
export const LARGEST_FRAME = 5_100;

/** What several connections share. */
export interface Shared {
  readonly budget: AttemptBudget;
  readonly dials: WindowCheck;
  readonly tally: Tally;
}

/** One connection. */
export class Client implements LeafObserver {
  readonly index: number;
  readonly profile: Profile;
  readonly server: Server;
  readonly link: FaultyLink | undefined;
  readonly connection: ReconnectingConnection;
  readonly abort: AbortController = new AbortController();
  readonly adapter: Adapter = new Adapter(this);
  readonly promises: PromiseCheck = new PromiseCheck();
  readonly sends: SendCheck = new SendCheck();
  readonly delivery: DeliveryCheck = new DeliveryCheck();
  readonly backoff: BackoffCheck;
  /** Windows of what is handed to sockets, and of what arrives at the server. */
  readonly handOffs: WindowCheck | undefined;
  readonly arrivals: WindowCheck | undefined;
  /** Something happened since the last look. */
  touched = false;
  /** Whether the application ended it. */
  shutDown = false;
  /** When it was up last. */
  upAt = -1;
  /** The socket that was attached last, and those that were let go of. */
  socket: WatchedSocket | undefined;
  abandonedSockets: WatchedSocket[] = [];
  /** Listeners on the application's signal. */
  listeners = 0;
  readonly world: World;
  readonly random: SimRandom;
  readonly #shared: Shared;
  readonly #sockets: SocketCheck = new SocketCheck();
  /** Whether a dial at the leaf is waited for. */
  wantsDial = false;
  #opens = 0;
  #dials = 0;
  #stales = 0;
  #downEpoch = 0;
  #wireCost = 0;
  #step: string[] | undefined;

  constructor(world: World, shared: Shared, setup: {
    readonly index: number;
    readonly profile: Profile;
    readonly random: SimRandom;
    readonly handOffs: WindowCheck | undefined;
    readonly arrivals: WindowCheck | undefined;
    readonly rateLimit: FrameLayer | undefined;
  }) {
    const { index, profile, random } = setup;
    this.index = index;
    this.profile = profile;
    this.world = world;
    this.random = random;
    this.#shared = shared;
    this.handOffs = setup.handOffs;
    this.arrivals = setup.arrivals;
    this.backoff = new BackoffCheck(profile, (place) => shared.tally.firstDelay(place));
    this.server = new Server(world, profile, {
      client: index,
      random,
      received: (data) => this.#arrived(data),
    });
    const runtime = this.#runtime();
    if (profile.link !== undefined) this.link = new FaultyLink(runtime, profile.link);
    const connector = new WatchedLeaf(this.link ?? this.server.connector, this, profile.stubborn);
    this.#countListeners(this.abort.signal);
    this.connection = open("ws://venue/feed", {
      ...this.adapter.options,
      tracer: { event: (event) => this.#traced(event) },
      attemptBudget: shared.budget,
      ...profile.usesConnectSignal ? { signal: this.abort.signal } : {},
      ...setup.rateLimit === undefined ? {} : { sendRateLimit: setup.rateLimit },
      runtime: { ...runtime, connector },
    });
    this.promises.follow(this.connection.ready, "ready", world.now);
  }

  /** Whether nothing will come any more. */
  get ended(): boolean {
    return this.connection.lifecycle.ended;
  }

  /** The open session, if there is one. */
  get openEpoch(): number | undefined {
    return this.socket === undefined || this.socket.epoch === this.#downEpoch
      ? undefined
      : this.socket.epoch;
  }

  /** What really happened. */
  get truth(): Truth {
    const { totalLagged, totalDiscarded } = this.connection.stats();
    return {
      opens: this.#opens,
      dials: this.#dials,
      stales: this.#stales,
      lagged: totalLagged,
      discarded: totalDiscarded,
    };
  }

  /** Something for the full trace. */
  note(what: string): void {
    this.world.trace.note(this.world.now, this.index, what);
  }

  /** When all is quiet. */
  check(): void {
    this.touched = false;
    const { fail } = this.world;
    const stats = this.connection.stats();
    this.delivery.check(stats, fail);
    this.#sockets.check(stats.zombies, fail);
    checkBounds(stats, { ...this.profile, largestFrame: LARGEST_FRAME }, fail);
    this.sends.check(this.openEpoch, fail);
    this.promises.check(this.world.now, fail);
    const { socket } = this;
    if (socket?.ended && this.#downEpoch < socket.epoch) {
      fail("I12", `socket ${socket.epoch} has ended, and nobody handled it`);
    }
    const { lifecycle } = this.connection;
    if (lifecycle.ended) {
      const { phase, exhausted } = lifecycle.value;
      if (!FINAL.has(phase) && !exhausted) fail("I9", `the watch ended in phase ${phase}`);
    } else if (FINAL.has(lifecycle.value.phase) && this.openEpoch === undefined) {
      fail("I9", `phase ${lifecycle.value.phase} is final, and the watch goes on`);
    }
  }

  /** After the end. */
  checkEnd(): void {
    const { fail } = this.world;
    this.promises.checkEnd(fail);
    this.#sockets.checkEnd(fail);
    if (this.listeners !== 0 && !this.abort.signal.aborted) {
      fail("I8", `${this.listeners} listeners are left on the signal`);
    }
    if (this.connection.readable.locked) fail("I8", "the reader's lock is left");
    if (this.link !== undefined && this.link.carried > 0) {
      fail("I8", `the link carries ${this.link.carried} sessions`);
    }
  }

  // What the leaf sees.

  dialled(handshake: Handshake): void {
    this.#effect("leaf dials");
    const { fail, now } = this.world;
    this.#shared.dials.count(now, "dials", fail);
    this.#wireCost = 1;
    this.wantsDial = true;
    if (this.profile.auth) {
      this.adapter.auth.dialled(handshake.headers.get("x-token"), this.#dials, fail);
    }
  }

  dialFailed(): void {
    this.#effect("leaf fails");
    this.wantsDial = false;
    // A leaf that costs two connections per failing dial has made the second by now.
    if (this.profile.wireDials > this.#wireCost) {
      this.#shared.dials.count(this.world.now, "dials", this.world.fail);
    }
  }

  opened(socket: WatchedSocket): void {
    this.#effect("leaf opens");
    this.wantsDial = false;
    this.#sockets.opened(socket);
  }

  attached(socket: WatchedSocket): void {
    this.#effect("attach");
    this.socket = socket;
    socket.epoch = this.connection.lifecycle.value.epoch;
    this.#sockets.attached(this.world.fail);
  }

  handedOver(socket: WatchedSocket, frame: Frame): void {
    this.touched = true;
    if (frame.type !== "text" && frame.type !== "binary") return;
    const { fail, now } = this.world;
    this.handOffs?.count(now, "frames handed over", fail);
    const id = idOf(frame.data);
    if (id !== undefined) this.sends.handedOver(id, socket.epoch, fail);
  }

  closing(_socket: WatchedSocket, code: number): void {
    this.#effect(`close ${code}`);
  }

  abandoned(socket: WatchedSocket): void {
    this.#effect("abandon");
    if (socket.attached) this.abandonedSockets.push(socket);
  }

  #arrived(data: unknown): void {
    this.arrivals?.count(this.world.now, "frames arrived", this.world.fail);
    this.note(`server got ${String(data).slice(0, 20)}`);
  }

  /** Notes an effect of the machine, under the event that caused it. */
  #effect(what: string): void {
    this.touched = true;
    if (this.#step === undefined) this.world.trace.machine(this.world.now, this.index, what);
    else this.#step.push(what);
  }

  #runtime(): Runtime {
    const { clock, spawn } = this.world.mock;
    return {
      connector: this.server.connector,
      random: this.random.fraction,
      spawn: {
        spawn: (name, task) => spawn.spawn(name, this.#watched(task)),
      },
      clock: {
        now: () => clock.now(),
        wallNow: () => clock.wallNow(),
        setTimer: (callback, delayMs) => {
          if (this.#step !== undefined) this.#step.push(`timer ${delayMs}`);
          return clock.setTimer(() => {
            this.touched = true;
            callback();
          }, delayMs);
        },
        turn: (callback) => clock.turn(callback),
      },
    };
  }

  /** The actor, with somebody who compares before and after. */
  #watched(task: Task): Task {
    return {
      get pending() {
        return task.pending;
      },
      onWork: (wake) => task.onWork(wake),
      step: () => {
        this.touched = true;
        const { lifecycle } = this.connection;
        const before = lifecycle.value;
        const effects: string[] = [];
        this.#step = effects;
        const goesOn = task.step();
        this.#step = undefined;
        const after = lifecycle.value;
        checkTransition(before, after, this.world.fail);
        this.#shared.tally.phases.add(after.phase);
        if (after.up) this.upAt = this.world.now;
        if (effects.length > 0 || before.phase !== after.phase) {
          const { phase, epoch, attempts, stales } = after;
          const what = `${effects.join(", ")} => ${phase} ${epoch}/${attempts}/${stales}`;
          this.world.trace.machine(this.world.now, this.index, what);
        }
        return goesOn;
      },
    };
  }

  #traced(event: TraceEvent): void {
    this.#effect(shownTrace(event));
    this.backoff.follow(event, this.world.fail);
    const { tally } = this.#shared;
    switch (event.type) {
      case "dial":
        this.#dials++;
        if (event.attempt !== this.#dials) {
          this.world.fail("I2", `dial ${event.attempt} after ${this.#dials - 1} dials`);
        }
        break;
      case "open":
        this.#opens++;
        tally.sessions++;
        if (this.#opens > 1) tally.reconnects++;
        if (event.epoch !== this.#opens) {
          this.world.fail("I2", `epoch ${event.epoch} after ${this.#opens - 1} sessions`);
        }
        break;
      case "stale":
        this.#stales++;
        break;
      case "down":
        this.#downEpoch = event.epoch;
        break;
      case "exhausted":
        tally.exhausted++;
        break;
      case "failure": {
        const { epoch, code } = event.error;
        if (epoch !== undefined && epoch !== this.#opens) {
          this.world.fail("I3", `${code} of session ${epoch} ends session ${this.#opens}`);
        }
        break;
      }
    }
    if (this.profile.tracerThrows && this.random.chance(0.2)) {
      this.world.fault("tracer throws", this.index);
      throw new Error("tracer throws");
    }
  }

  #countListeners(signal: AbortSignal): void {
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      this.listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      this.listeners--;
      remove(...args);
    };
  }
}

/** The number of a frame that the application sent; other frames have none. */
function idOf(data: unknown): number | undefined {
  if (typeof data !== "string" || !data.startsWith("m:")) return undefined;
  return Number(data.slice(2, data.indexOf(":", 2)));
}
