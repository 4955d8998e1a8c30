/**
 * One connection of a history, with everything around it: its seams, its leaf, its server, its application.
 *
 * @module
 */
import {
  type AttemptBudget,
  type ConnectionOptions,
  defaultClassify,
  type Frame,
  type FrameLayer,
  type Handshake,
  open,
  type ReconnectingConnection,
  type Runtime,
  type SessionStart,
  type Task,
  type TraceEvent,
  TransportError,
} from "../../mod.ts";
import { FaultyLink } from "../../src/testing/mod.ts";
import { AuthCheck } from "./invariants/auth.ts";
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

/** How the application of one connection misbehaves at the moment. */
export interface Mischief {
  auth: "good" | "fails" | "rejects" | "is slow" | "hangs";
  start: "good" | "fails" | "rejects";
  recv: "good" | "throws" | "terminates";
  send: "good" | "throws";
  probe: "good" | "throws";
}

/** One connection. */
export class Client implements LeafObserver {
  readonly index: number;
  readonly profile: Profile;
  readonly server: Server;
  readonly link: FaultyLink | undefined;
  readonly connection: ReconnectingConnection;
  readonly abort: AbortController = new AbortController();
  readonly mischief: Mischief = {
    auth: "good",
    start: "good",
    recv: "good",
    send: "good",
    probe: "good",
  };
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
  readonly #auth: AuthCheck = new AuthCheck();
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
      ...this.#options(),
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
      this.#auth.dialled(handshake.headers.get("x-token"), this.#dials, fail);
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

  #options(): ConnectionOptions {
    const { profile } = this;
    const {
      minDelayMs,
      maxDelayMs,
      multiplier,
      stableAfterMs,
      staleAfterMs,
      deadAfterMs,
      maxFrames,
      maxBytes,
      overflow,
      maxWaitingFrames,
      maxWaitingBytes,
      sendTimeoutMs: timeoutMs,
    } = profile;
    const options: { [K in keyof ConnectionOptions]: ConnectionOptions[K] | undefined } = {
      connectTimeoutMs: profile.connectTimeoutMs,
      startTimeoutMs: profile.startTimeoutMs,
      readyTimeoutMs: profile.readyTimeoutMs,
      shutdownTimeoutMs: profile.shutdownTimeoutMs,
      maxAttempts: profile.maxAttempts,
      permanentRetries: profile.permanentRetries,
      renewAfterMs: profile.renewAfterMs,
      backoff: defined({ minDelayMs, maxDelayMs, multiplier, stableAfterMs }),
      liveness: defined({ staleAfterMs, deadAfterMs, probe: this.#probe() }),
      buffer: { maxFrames, maxBytes, overflow },
      send: {
        maxWaitingFrames,
        maxWaitingBytes,
        timeoutMs,
        ...profile.sendLayer === "none" ? {} : { layers: [this.#sendLayer()] },
      },
      recv: profile.recvLayer ? [this.#recvLayer()] : undefined,
      auth: profile.auth ? (handshake, { signal }) => this.#pull(handshake, signal) : undefined,
      onSession: profile.starting === "no hook" ? undefined : (start) => this.#start(start),
      classify: (failure) => {
        if (profile.classifyThrows && this.random.chance(0.2)) {
          this.world.fault("classify throws", this.index);
          throw new Error("classify throws");
        }
        const verdict = defaultClassify(failure);
        if (profile.hintMs === 0 || !this.random.chance(0.3)) return verdict;
        return { ...verdict, minDelayMs: profile.hintMs };
      },
      tracer: { event: (event) => this.#traced(event) },
      attemptBudget: this.#shared.budget,
      signal: profile.usesConnectSignal ? this.abort.signal : undefined,
    };
    return defined(options) as ConnectionOptions;
  }

  #probe(): { readonly afterMs: number; readonly frame?: () => string } | undefined {
    const { probe, staleAfterMs } = this.profile;
    if (probe === "none") return undefined;
    const afterMs = staleAfterMs / 2;
    if (probe === "ping") return { afterMs };
    return {
      afterMs,
      frame: () => {
        if (this.mischief.probe === "good") return "probe";
        this.world.fault("probe throws", this.index);
        this.mischief.probe = "good";
        throw new Error("probe throws");
      },
    };
  }

  #recvLayer(): FrameLayer {
    return () => ({
      transform: (frame, controller) => {
        const { recv } = this.mischief;
        this.mischief.recv = "good";
        if (recv === "throws") {
          this.world.fault("recv layer throws", this.index);
          throw new Error("recv layer throws");
        }
        if (recv === "terminates") {
          this.world.fault("recv layer terminates", this.index);
          return controller.terminate();
        }
        controller.enqueue(frame);
      },
    });
  }

  #sendLayer(): FrameLayer {
    const pass = (frame: Frame, controller: TransformStreamDefaultController<Frame>) => {
      if (this.mischief.send === "throws") {
        this.mischief.send = "good";
        this.world.fault("send layer throws", this.index);
        throw new Error("send layer throws");
      }
      controller.enqueue(frame);
    };
    if (this.profile.sendLayer === "sync") return () => ({ transform: pass });
    return () => ({
      async transform(frame, controller) {
        await Promise.resolve();
        pass(frame, controller);
      },
    });
  }

  async #pull(handshake: Handshake, signal: AbortSignal): Promise<void> {
    const { token, done } = this.#auth.pulled(signal, this.world.fail);
    const { auth } = this.mischief;
    const { world, index } = this;
    if (auth === "fails") {
      world.fault("auth fails", index);
      done();
      throw new Error("the vault is closed");
    }
    if (auth === "rejects") {
      world.fault("auth rejected", index);
      done();
      throw new TransportError("auth_rejected", "Cannot connect: the key was revoked");
    }
    if (auth === "is slow") {
      const delayMs = this.random.int(1, this.profile.connectTimeoutMs * 2);
      world.fault("auth is slow", index);
      await new Promise<void>((resolve) => world.in(delayMs, resolve));
    }
    if (auth === "hangs") {
      world.fault("auth hangs", index);
      await new Promise<void>(() => {});
    }
    handshake.headers.set("x-token", String(token));
    done();
  }

  async #start(start: SessionStart): Promise<void> {
    const { world, mischief, index, profile } = this;
    if (start.epoch !== this.connection.lifecycle.value.epoch) {
      world.fail("I2", `start of epoch ${start.epoch} in ${this.connection.lifecycle.value.epoch}`);
    }
    if (mischief.start === "fails") {
      world.fault("start fails", index);
      throw new Error("the login was refused");
    }
    if (mischief.start === "rejects") {
      world.fault("start rejected", index);
      throw new TransportError("auth_rejected", "Cannot log in: the key was revoked");
    }
    if (profile.starting === "nothing") return;
    const what = `of start ${start.epoch}`;
    const answer = profile.starting === "request"
      ? this.promises.follow(
        start.next((frame) => frame.type === "text" && frame.data.startsWith("ok:")),
        `next ${what}`,
        world.now,
      )
      : undefined;
    await this.promises.follow(start.send(`sub:${start.epoch}`), `send ${what}`, world.now);
    await answer;
  }
}

/** The number of a frame that the application sent; other frames have none. */
function idOf(data: unknown): number | undefined {
  if (typeof data !== "string" || !data.startsWith("m:")) return undefined;
  return Number(data.slice(2, data.indexOf(":", 2)));
}

/** The same object without members that are `undefined`. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
