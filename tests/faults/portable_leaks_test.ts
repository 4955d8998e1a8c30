/**
 * What 20 failed dials leave behind in an edge worker and in a browser, where nobody can count descriptors: the sockets are
 * counted at the server, timers and listeners here. Dials go one after another, because Chromium and Firefox dial one at a
 * time per host. `leaks_test.ts` is the same on Deno, Node and Bun, with 200.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connectTimeout } from "../../mod.ts";
import type { WsConnector } from "../../src/contract/connector.ts";
import { handshakeOf } from "../../src/contract/handshake.ts";
import type { Clock } from "../../src/contract/runtime.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { KEPT_DIALS } from "../../src/testing/conformance/deviations.ts";
import { platform, test, type TestOptions } from "../support/harness.ts";
import { type ScriptedBases, withServer } from "../support/server.ts";
import { countedSignal } from "./counted_signal.ts";

const DIALS = 20;

/**
 * Dials between two counts. Firefox opens no more than six connections to a host, and counts those that it keeps
 * (`network.http.max-persistent-connections-per-server`): a seventh waits until it fails.
 */
const BATCH = 4;

/** How long the sockets of a batch may take to end, all together. What is still there then is kept. */
const GRACE_MS = 1_000;

const options: TestOptions = { only: ["workerd", "chromium", "firefox"], timeoutMs: 60_000 };

/** The leaves of this platform. */
async function leaves(): Promise<Readonly<Record<string, WsConnector>>> {
  switch (platform) {
    case "workerd": {
      const { workerd } = await import("../../src/runtime/workerd.ts");
      return { workerd: workerd().connector };
    }
    case "chromium":
    case "firefox": {
      const { web } = await import("../../src/runtime/web.ts");
      const { workerConnector } = await import("../../src/worker/mod.ts");
      const { workerOf } = await import("../worker/make_worker.ts");
      return { web: web().connector, worker: workerConnector(workerOf("host_web.ts")) };
    }
    default:
      return {};
  }
}

/** What the server knows of a dial. */
interface Log {
  readonly handshakes: readonly unknown[];
  readonly ended: readonly unknown[];
}

/** What a batch of dials has come to at the server. */
interface Count {
  readonly reached: number;
  readonly kept: number;
}

/** A clock whose timers go off when the test says so, and are counted until then. */
class TestClock implements Clock {
  readonly #timers: Set<() => void> = new Set();

  get live(): number {
    return this.#timers.size;
  }

  now(): number {
    return 0;
  }

  wallNow(): number {
    return 0;
  }

  setTimer(callback: () => void): () => void {
    const timer = () => callback();
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  turn(callback: () => void): void {
    systemClock.turn(callback);
  }

  /** All of them are due. */
  ring(): void {
    const due = [...this.#timers];
    this.#timers.clear();
    for (const timer of due) timer();
  }
}

/** Dials of one kind against one server. */
class Dials {
  readonly clock: TestClock = new TestClock();
  readonly #server: ScriptedBases;
  readonly #connector: WsConnector;
  #ids: string[] = [];

  constructor(server: ScriptedBases, connector: WsConnector) {
    this.#server = server;
    this.#connector = connector;
  }

  /** Dials a script, which must fail; `act` gets the signal's controller and what waits for the request. */
  async fails(
    script: string,
    act: (controller: AbortController, requested: () => Promise<unknown>) => unknown,
  ): Promise<void> {
    const id = crypto.randomUUID();
    this.#ids.push(id);
    const url = new URL(script, this.#server.ws);
    url.searchParams.set("id", id);
    const { controller, listeners } = countedSignal();
    const dial = connectTimeout(1_000, this.clock)(this.#connector)
      .connect(handshakeOf({ url }), { signal: controller.signal })
      .then(() => true, () => false);
    await act(controller, () => this.#ask("wait", { id, for: "open" }));
    assert(!await dial, "the dial fails");
    assertEquals(listeners(), 0, "nobody listens to the signal any more");
    assertEquals(this.clock.live, 0, "no timer is left");
  }

  /** Opens a session and closes it: what was dialled before has reached the server then, or never will. */
  async opens(): Promise<void> {
    const { controller, listeners } = countedSignal();
    const handshake = handshakeOf({ url: `${this.#server.ws}echo` });
    const session = await this.#connector.connect(handshake, { signal: controller.signal });
    session.close();
    await session.closed;
    assertEquals(listeners(), 0, "nobody listens to the signal any more");
  }

  /**
   * How many of the dials since the last count reached the server, and how many of their sockets it still has after
   * the grace. It ends them then, as a network does at last.
   */
  async count(): Promise<Count> {
    const grace = AbortSignal.timeout(GRACE_MS);
    let [reached, kept] = [0, 0];
    for (const id of this.#ids) {
      const { length } = (await this.#ask("log", { id })).handshakes;
      const all = { id, for: "ended", n: String(length) };
      if (length > 0 && !grace.aborted) await this.#ask("wait", all, grace).catch(() => {});
      const left = length - (await this.#ask("log", { id })).ended.length;
      if (left > 0) {
        await this.#ask("do", { id, what: "reset" });
        await this.#ask("wait", all);
      }
      reached += length;
      kept += left;
    }
    this.#ids = [];
    return { reached, kept };
  }

  async #ask(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal | null = null,
  ): Promise<Log> {
    const url = new URL(path, this.#server.http);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return await (await fetch(url, { signal })).json() as Log;
  }
}

/** Fails one dial, each in its way. */
const KINDS: Readonly<Record<string, (dials: Dials, i: number) => Promise<void>>> = {
  refused: (dials) => dials.fails("refuse?status=403", () => {}),
  unanswered: (dials) =>
    dials.fails("hang", async (_, requested) => {
      await requested();
      dials.clock.ring();
    }),
  aborted: (dials, i) =>
    dials.fails("hang", async (controller, requested) => {
      // In the same turn, a microtask later, or when the request is there.
      if (i % 3 === 1) await Promise.resolve();
      if (i % 3 === 2) await requested();
      controller.abort(new Error("not wanted"));
    }),
};

for (const [leaf, connector] of Object.entries(await leaves())) {
  const subject = leaf === "worker" ? `worker on ${platform}` : platform;
  // What the platform itself keeps is told by a deviation, and is then all of it: none is let go of by chance.
  const keeps = KEPT_DIALS.find((it) => it.platform === subject);
  for (const [kind, fail] of Object.entries(KINDS)) {
    const known = kind === "refused" ? undefined : keeps;
    const what = known === undefined ? "leaves nothing behind" : `deviates: ${known.reason}`;
    test(
      `connect() of the ${leaf} leaf ${DIALS} times ${kind} ${what}`,
      options,
      () =>
        withServer(async (server) => {
          const dials = new Dials(server, connector);
          const total = { reached: 0, kept: 0 };
          for (let i = 0; i < DIALS; i++) {
            await fail(dials, i);
            await dials.opens();
            if (i % BATCH < BATCH - 1) continue;
            const { reached, kept } = await dials.count();
            total.reached += reached;
            total.kept += kept;
          }
          const { reached, kept } = total;
          const least = kind === "aborted" ? Math.floor(DIALS / 3) : DIALS;
          assert(reached >= least, `${reached} dials have reached the server`);
          assertEquals(kept, known === undefined ? 0 : reached, `Sockets left of ${reached}`);
        }),
    );
  }
}
