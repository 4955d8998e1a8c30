/**
 * What all simulators share: a raw server with the venue's HTTP side, handshake faults, a record of everything, and timers that
 * are given back.
 *
 * A simulator speaks the venue's grammar with the venue's timing. Its rules are in real time; `scale` makes all of them shorter,
 * and single rules can be set. It is a model of documents and observations, never a proof about the live venue.
 *
 * @module
 */
import { type RawPeer, type RawServer, startRawServer } from "./raw.ts";
import { Link } from "./link.ts";
import { SimRecord } from "./record.ts";
import { Timers } from "./timers.ts";

/** A fault of the next handshake. */
export type HandshakeFault =
  | { readonly type: "httpReject"; readonly status: number; readonly retryAfterS?: number }
  | { readonly type: "hangHandshake" }
  | { readonly type: "delayOpen"; readonly ms: number }
  | { readonly type: "rst" }
  | { readonly type: "fin" };

/** An HTTP answer. */
export interface HttpAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A venue behind the shared part. */
export interface Venue {
  /** Decides about a handshake before it is accepted: an answer refuses it. */
  admit?(request: RawPeer["request"]): HttpAnswer | undefined;
  /** An accepted connection. The peer is for its handlers; send through the link. */
  opened(link: Link, peer: RawPeer): void;
  /** A request that asks for no WebSocket. */
  http(request: RawPeer["request"]): HttpAnswer;
}

/** How a simulator is started. */
export interface SimOptions<Rules> {
  /** The port; zero for a free one. @default {0} */
  readonly port?: number;
  /** Speaks TLS with the test certificate. @default {false} */
  readonly secure?: boolean;
  /** Rules that replace those of the simulator, in milliseconds as they are. */
  readonly rules?: Partial<Rules>;
  /** How much faster than the real venue: 0.01 is a hundred times. @default {1} */
  readonly scale?: number;
}

/** Rules in real time, made shorter: every duration (a name that ends in `Ms`) is multiplied. */
export function scaledRules<Rules extends object>(
  real: Rules,
  { scale = 1, rules = {} }: Pick<SimOptions<Rules>, "scale" | "rules">,
): Rules {
  const scaled = Object.entries(real).map(([name, value]) =>
    [name, name.endsWith("Ms") ? value * scale : value] as const
  );
  return { ...Object.fromEntries(scaled) as Rules, ...rules };
}

/** A running simulator's shared part. */
export class Sim {
  /** Everything that happened. */
  readonly record: SimRecord = new SimRecord();
  /** Every connection that was accepted, ended ones included. */
  readonly links: Link[] = [];
  /** Faults of the next handshakes, first come first served. */
  readonly nextHandshakes: HandshakeFault[] = [];
  /** Timers that end with the simulator. */
  readonly timers: Timers = new Timers();
  /** How far the venue's clock is ahead, in milliseconds. */
  clockSkewMs = 0;
  /** A fault of every handshake, until it is cleared. */
  handshakeFault: HandshakeFault | undefined;
  #server: RawServer | undefined;

  /** `ws://127.0.0.1:PORT`, without a slash. */
  get url(): string {
    return this.#running.url.replace(/\/$/, "");
  }

  /** `http://127.0.0.1:PORT`, without a slash. */
  get httpUrl(): string {
    return this.#running.httpUrl.replace(/\/$/, "");
  }

  /** The connections that are open. */
  get open(): Link[] {
    return this.links.filter((link) => !link.ended);
  }

  /** The latest connection. */
  get last(): Link {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error("No connection yet");
    return link;
  }

  /** The venue's time of day, in milliseconds since the epoch. */
  wallNow(): number {
    return Date.now() + this.clockSkewMs;
  }

  /** Starts to listen. */
  async start(venue: Venue, options: { port?: number; secure?: boolean } = {}): Promise<void> {
    const { port = 0, secure = false } = options;
    const onPeer = (peer: RawPeer) => this.#decide(venue, peer);
    this.#server = await startRawServer({ onPeer, port, secure });
  }

  /** Ends every connection and timer. */
  async close(): Promise<void> {
    this.timers.clear();
    for (const link of this.links) link.timers.clear();
    await this.#running.close();
  }

  get #running(): RawServer {
    if (this.#server === undefined) throw new Error("The simulator is not started");
    return this.#server;
  }

  #decide(venue: Venue, peer: RawPeer): void {
    const { method, url, upgrade } = peer.request;
    if (!upgrade) {
      const answer = venue.http(peer.request);
      const { status = 200 } = answer;
      this.record.note({ type: "http", detail: `${method} ${url.pathname}`, value: status });
      return respond(peer, answer);
    }
    this.record.note({ type: "dial", detail: url.pathname + url.search });
    const fault = this.nextHandshakes.shift() ?? this.handshakeFault;
    switch (fault?.type) {
      case "httpReject": {
        const { status, retryAfterS } = fault;
        const headers: Record<string, string> = retryAfterS === undefined
          ? {}
          : { "Retry-After": String(retryAfterS) };
        this.record.note({ type: "refused", value: status });
        return respond(peer, { status, headers, body: {} });
      }
      case "hangHandshake":
        return peer.hang();
      case "rst":
        return peer.reset();
      case "fin":
        peer.hang();
        return peer.fin();
      case "delayOpen": {
        const cancel = this.timers.after(fault.ms, () => this.#open(venue, peer));
        return void peer.closed.then(cancel);
      }
      case undefined:
        return this.#open(venue, peer);
      default:
        return fault satisfies never;
    }
  }

  #open(venue: Venue, peer: RawPeer): void {
    const refusal = venue.admit?.(peer.request);
    if (refusal !== undefined) {
      this.record.note({ type: "refused", value: refusal.status ?? 400 });
      return respond(peer, refusal);
    }
    peer.accept();
    const link = new Link(this.links.length + 1, peer);
    this.links.push(link);
    this.record.note({ type: "open", connection: link.id, detail: peer.request.url.pathname });
    void peer.closed.then((end) => {
      this.record.note({ type: "end", connection: link.id, value: end.code, detail: end.reason });
    });
    venue.opened(link, peer);
  }
}

function respond(peer: RawPeer, answer: HttpAnswer): void {
  const { status = 200, headers = {}, body } = answer;
  peer.refuse(status, {
    "Content-Type": "application/json",
    "Access-Control-Allow-Origin": "*",
    ...headers,
  }, JSON.stringify(body));
}
