/**
 * SimIbkr: the Client Portal gateway with `POST /tickle`, the session behind a cookie, and market data lines that end by themselves.
 *
 * ```sh
 * deno run -A examples/sim/ibkr.ts --port 0 --scale 0.1
 * ```
 *
 * @module
 */
import { runAlone } from "./alone.ts";
import { IbkrLines } from "./ibkr_lines.ts";
import { IBKR_REAL, type IbkrRules } from "./ibkr_rules.ts";
import type { Link } from "./link.ts";
import type { RawPeer } from "./raw.ts";
import { type HttpAnswer, scaledRules, Sim, type SimOptions, type Venue } from "./sim.ts";
import { SlidingWindow } from "./window.ts";

export { IBKR_REAL, IBKR_TEST, type IbkrRules } from "./ibkr_rules.ts";

interface Session {
  readonly id: string;
  tickledMs: number;
}

/** The simulator. */
export class SimIbkr extends Sim implements Venue {
  /** The rules that hold. */
  readonly rules: IbkrRules;
  /** The next tickles are answered with these statuses. */
  readonly nextTickles: number[] = [];
  /** Stops the heartbeats; data goes on. */
  heartbeatsStopped = false;
  readonly #rest: SlidingWindow;
  readonly #lines: Map<Link, IbkrLines> = new Map();
  #session: Session | undefined;
  #sessions = 0;
  #penaltyUntilMs = 0;

  /** Makes one that does not listen yet; see {@link startSimIbkr}. */
  constructor(rules: IbkrRules) {
    super();
    this.rules = rules;
    this.#rest = new SlidingWindow(rules.restLimit, rules.restWindowMs);
    this.timers.every(rules.sessionTtlMs / 10, () => {
      const idleMs = performance.now() - (this.#session?.tickledMs ?? Infinity);
      if (idleMs >= rules.sessionTtlMs) this.loseSession(false);
    });
    this.timers.every(rules.dailyResetMs, () => this.loseSession(false));
  }

  /** Ends the brokerage session, as a competing login or the nightly reset does. */
  loseSession(competing: boolean): void {
    this.#session = undefined;
    this.record.note({ type: "sessionLost", detail: competing ? "competing" : "expired" });
    for (const link of this.open) {
      this.#lines.get(link)?.clear();
      this.#lines.delete(link);
      link.reply(JSON.stringify({ topic: "sts", args: { authenticated: false, competing } }));
      if (this.rules.closesOnSessionLoss) link.close(1000);
      else link.faults.freezeAll = true;
    }
  }

  /** An order update with a byte that is not UTF-8 (ibind issue 148). */
  poison(link: Link = this.last): void {
    link.invalidUtf8();
  }

  /** An accepted connection. */
  opened(link: Link, peer: RawPeer): void {
    const cookie = peer.request.header("cookie") ?? "";
    const given = /api=(\{[^;]*\})/.exec(cookie)?.[1];
    link.timers.every(this.rules.hbEveryMs, () => {
      if (!this.heartbeatsStopped) {
        link.send("system", JSON.stringify({ topic: "system", hb: this.wallNow() }));
      }
    });
    peer.onText = (text) => {
      this.record.note({ type: "in", connection: link.id, detail: text });
      this.#command(link, text);
    };
    if (given !== undefined && this.#knows(given)) this.#greet(link);
    else link.reply('{"message":"waiting for session"}');
  }

  /** The REST side. */
  http({ method, url }: RawPeer["request"]): HttpAnswer {
    const now = performance.now();
    if (now < this.#penaltyUntilMs || !this.#rest.add()) {
      if (now >= this.#penaltyUntilMs) this.#penaltyUntilMs = now + this.rules.penaltyMs;
      return { status: 429, body: { error: "Too many requests" } };
    }
    if (method === "POST" && url.pathname.endsWith("/tickle")) {
      const status = this.nextTickles.shift() ?? 200;
      if (status !== 200) return { status, body: { error: "not authenticated" } };
      this.#session ??= { id: `session-${++this.#sessions}`, tickledMs: now };
      this.#session.tickledMs = now;
      return {
        body: { session: this.#session.id, ssoExpires: this.rules.sessionTtlMs },
        headers: { "Set-Cookie": `x-sess-uuid=0.${this.#sessions}; Path=/; HttpOnly` },
      };
    }
    if (method === "GET" && url.pathname.endsWith("/iserver/account/orders")) {
      return { body: { orders: [], snapshot: true } };
    }
    return { status: 404, body: {} };
  }

  #knows(json: string): boolean {
    try {
      return this.#session !== undefined && JSON.parse(json).session === this.#session.id;
    } catch {
      return false; // what is no JSON names no session
    }
  }

  #greet(link: Link): void {
    const system = { topic: "system", success: "demo_user", isFT: false, isPaper: true };
    const act = {
      topic: "act",
      args: {
        accounts: ["DU1000001"],
        selectedAccount: "DU1000001",
        sessionId: this.#session?.id ?? "",
        isFT: false,
        isPaper: true,
        serverInfo: { serverName: "SIM01", serverVersion: "Build 10.45.1a" },
      },
    };
    const sts = {
      topic: "sts",
      args: {
        connected: true,
        authenticated: true,
        established: true,
        competing: false,
        message: "",
        fail: "",
      },
    };
    [system, act, sts].forEach((greeting, at) =>
      link.timers.after(this.rules.greetingMs * (at + 1) / 3, () => {
        link.reply(JSON.stringify(greeting));
        if (greeting === sts) {
          this.#lines.set(
            link,
            new IbkrLines(link, {
              rules: this.rules,
              record: this.record,
              wallNow: () => this.wallNow(),
            }),
          );
        }
      })
    );
  }

  #command(link: Link, text: string): void {
    const lines = this.#lines.get(link);
    if (text.startsWith("{")) {
      if (this.rules.firstMessageSession && lines === undefined) {
        if (this.#knows(text)) this.#greet(link);
        return;
      }
      return unknown(link, text);
    }
    const [topic = "", conid = "", ...rest] = text.split("+");
    switch (topic) {
      case "tic": {
        const reply = {
          topic: "tic",
          alive: true,
          id: this.#session?.id ?? "",
          lastAccessed: this.wallNow(),
        };
        for (let n = 0; n < this.rules.ticReplies; n++) link.send("tic", JSON.stringify(reply));
        return;
      }
      case "ech":
        return void link.send("system", JSON.stringify({ topic: "system", hb: this.wallNow() }));
      case "smd":
        return lines?.ask(conid, JSON.parse(rest.join("+") || "{}").fields ?? []);
      case "umd":
        return lines?.drop(conid);
      case "smh":
        return this.#history(link, conid);
      case "umh":
        return void [...link.topics].some((name) =>
          name.startsWith("smh+") && link.topics.delete(name)
        );
      case "ssd":
      case "sld":
      case "usd":
      case "uld":
        return link.reply(`{"result":"${topic[0] === "s" ? "" : "un"}subscribed from summary"}`);
      case "sor":
      case "str":
      case "spl":
        return void link.topics.add(topic);
      case "uor":
      case "utr":
      case "upl":
        return void link.topics.delete(topic.replace("u", "s"));
      default:
        return unknown(link, topic);
    }
  }

  #history(link: Link, conid: string): void {
    const running = [...link.topics].filter((name) => name.startsWith("smh+"));
    if (running.length >= this.rules.historyCap) return unknown(link, "smh");
    link.topics.add(`smh+${conid}`);
    link.send(`smh+${conid}`, JSON.stringify({ topic: `smh+${conid}`, conid, data: [] }));
  }
}

function unknown(link: Link, topic: string): void {
  link.reply(JSON.stringify({ error: `Topic unknown '${topic.slice(0, 40)}'`, code: 1 }));
}

/** Starts it. */
export async function startSimIbkr(options: SimOptions<IbkrRules> = {}): Promise<SimIbkr> {
  const sim = new SimIbkr(scaledRules(IBKR_REAL, options));
  await sim.start(sim, options);
  return sim;
}

await runAlone(import.meta.url, startSimIbkr);
