/**
 * The application's part in a connection: credentials, start, layers, policy, and how each of them can misbehave.
 *
 * @module
 */
import {
  type ConnectionOptions,
  defaultClassify,
  type Frame,
  type FrameLayer,
  type Handshake,
  type SessionStart,
  TransportError,
} from "../../mod.ts";
import type { Client } from "./client.ts";
import { AuthCheck } from "./invariants/auth.ts";

/** How the application of one connection misbehaves at the moment. */
export interface Mischief {
  auth: "good" | "fails" | "rejects" | "is slow" | "hangs";
  start: "good" | "fails" | "rejects";
  recv: "good" | "throws" | "terminates";
  send: "good" | "throws";
  probe: "good" | "throws";
}

/** No mischief. */
export const GOOD: Readonly<Mischief> = {
  auth: "good",
  start: "good",
  recv: "good",
  send: "good",
  probe: "good",
};

/** What a connection calls back. */
export class Adapter {
  /** What it does at the moment. */
  readonly mischief: Mischief = { ...GOOD };
  /** Follows what credentials are pulled and used. */
  readonly auth: AuthCheck = new AuthCheck();
  readonly #client: Client;

  /** The adapter of one client. */
  constructor(client: Client) {
    this.#client = client;
  }

  /** What the connection is told. */
  get options(): ConnectionOptions {
    const { profile } = this.#client;
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
        if (profile.classifyThrows && this.#client.random.chance(0.2)) {
          this.#client.world.fault("classify throws", this.#client.index);
          throw new Error("classify throws");
        }
        const verdict = defaultClassify(failure);
        if (profile.hintMs === 0 || !this.#client.random.chance(0.3)) return verdict;
        return { ...verdict, minDelayMs: profile.hintMs };
      },
    };
    return defined(options) as ConnectionOptions;
  }

  #probe(): { readonly afterMs: number; readonly frame?: () => string } | undefined {
    const { probe, staleAfterMs } = this.#client.profile;
    if (probe === "none") return undefined;
    const afterMs = staleAfterMs / 2;
    if (probe === "ping") return { afterMs };
    return {
      afterMs,
      frame: () => {
        if (this.mischief.probe === "good") return "probe";
        this.#client.world.fault("probe throws", this.#client.index);
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
          this.#client.world.fault("recv layer throws", this.#client.index);
          throw new Error("recv layer throws");
        }
        if (recv === "terminates") {
          this.#client.world.fault("recv layer terminates", this.#client.index);
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
        this.#client.world.fault("send layer throws", this.#client.index);
        throw new Error("send layer throws");
      }
      controller.enqueue(frame);
    };
    if (this.#client.profile.sendLayer === "sync") return () => ({ transform: pass });
    return () => ({
      async transform(frame, controller) {
        await Promise.resolve();
        pass(frame, controller);
      },
    });
  }

  async #pull(handshake: Handshake, signal: AbortSignal): Promise<void> {
    const { token, done } = this.auth.pulled(signal, this.#client.world.fail);
    const { auth } = this.mischief;
    const { world, index } = this.#client;
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
      const delayMs = this.#client.random.int(1, this.#client.profile.connectTimeoutMs * 2);
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
    const { mischief } = this;
    const { world, index, profile, promises, connection } = this.#client;
    const { epoch } = connection.lifecycle.value;
    if (start.epoch !== epoch) world.fail("I2", `start of epoch ${start.epoch} in ${epoch}`);
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
      ? promises.follow(
        start.next((frame) => frame.type === "text" && frame.data.startsWith("ok:")),
        `next ${what}`,
        world.now,
      )
      : undefined;
    await promises.follow(start.send(`sub:${start.epoch}`), `send ${what}`, world.now);
    await answer;
  }
}

/** The same object without members that are `undefined`. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
