/**
 * What the venue allows: dials and REST weight per address, messages and pongs per connection.
 *
 * @module
 */
import type { RawPeer } from "./raw.ts";
import type { BinanceRules } from "./binance_rules.ts";
import type { Link } from "./link.ts";
import type { SimRecord } from "./record.ts";
import type { HttpAnswer } from "./sim.ts";
import { SlidingWindow } from "./window.ts";

const TOO_MUCH = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.";

/** The limits of one address. */
export class BinanceGate {
  readonly #rules: BinanceRules;
  readonly #record: SimRecord;
  readonly #dials: SlidingWindow;
  readonly #windows: WeakMap<Link, SlidingWindow> = new WeakMap();
  #warnings = 0;
  #bannedUntilMs = 0;
  #penaltyUntilMs = 0;

  /** Makes one with nothing counted. */
  constructor(rules: BinanceRules, record: SimRecord) {
    this.#rules = rules;
    this.#record = record;
    this.#dials = new SlidingWindow(rules.connectLimit, rules.connectWindowMs);
  }

  /** A dial. @returns a refusal, or nothing. */
  dial(): HttpAnswer | undefined {
    return this.spend(this.#dials, 1);
  }

  /** An amount of one of the limits. @returns a refusal, or nothing. */
  spend(window: SlidingWindow, amount: number): HttpAnswer | undefined {
    const { banMs, warningsBeforeBan } = this.#rules;
    const leftMs = this.#bannedUntilMs - performance.now();
    if (leftMs > 0) return refusal(418, leftMs, "Way too much request weight used; IP banned.");
    if (window.add(amount)) return undefined;
    if (++this.#warnings > warningsBeforeBan) {
      this.#warnings = 0;
      this.#bannedUntilMs = performance.now() + banMs;
      return refusal(418, banMs, "Way too much request weight used; IP banned.");
    }
    return refusal(429, 1_000, TOO_MUCH);
  }

  /** Watches pings and pongs of a connection. @returns `false` when it is closed at once. */
  guard(link: Link, peer: RawPeer): boolean {
    const { pingEveryMs, pongTimeoutMs, inboundLimit, inboundWindowMs } = this.#rules;
    if (performance.now() < this.#penaltyUntilMs) {
      this.#breached(link);
      return false;
    }
    this.#windows.set(link, new SlidingWindow(inboundLimit, inboundWindowMs));
    const asked = new Map<string, number>();
    let answeredMs = performance.now();
    link.timers.every(pingEveryMs, () => {
      if (performance.now() - answeredMs >= pongTimeoutMs) {
        this.#record.note({ type: "pongTimeout", connection: link.id });
        return link.close(1008, "Pong timeout");
      }
      const payload = crypto.randomUUID().slice(0, 13);
      asked.set(payload, performance.now());
      if (!link.faults.freezeAll) link.ping(new TextEncoder().encode(payload));
    });
    peer.onPing = () => void this.inbound(link, "(ping)");
    peer.onPong = (data) => {
      const payload = new TextDecoder().decode(data);
      const askedMs = asked.get(payload);
      // Pongs that nobody asked for count as messages and do not help.
      if (askedMs !== undefined) {
        answeredMs = performance.now();
        this.#record.note({ type: "pong", connection: link.id, value: answeredMs - askedMs });
      }
      asked.delete(payload);
      void this.inbound(link, "(pong)");
    };
    return true;
  }

  /** A message of the client. @returns `false` when it was one too many. */
  inbound(link: Link, detail: string): boolean {
    this.#record.note({ type: "in", connection: link.id, detail });
    if (this.#windows.get(link)?.add() !== false) return true;
    this.#penaltyUntilMs = performance.now() + this.#rules.penaltyMs;
    this.#breached(link);
    return false;
  }

  /** The most messages of that connection in any window so far. */
  highest(link: Link): number {
    return this.#windows.get(link)?.highest ?? 0;
  }

  #breached(link: Link): void {
    this.#record.note({ type: "tooMany", connection: link.id });
    link.close(1008, "Too many requests");
  }
}

function refusal(status: number, waitMs: number, msg: string): HttpAnswer {
  return {
    status,
    headers: { "Retry-After": String(Math.ceil(waitMs / 1_000)) },
    body: { code: -1003, msg },
  };
}
