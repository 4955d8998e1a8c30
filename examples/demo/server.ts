/**
 * The market-data server of the demo, a process of its own: streams numbered quotes, and does to its
 * client what real venues and networks do, on a seeded script.
 *
 * ```sh
 * node examples/demo/server.ts SEED SECONDS   # JSON lines on stdout; ends with its stdin
 * ```
 *
 * The script moves on by what happens, not by the clock: a dial step when a dial comes, a session
 * step when a session has subscribed. A step whose session ended before its fault was done comes
 * again. Only the quotes in between take the time that is left.
 *
 * @module
 */
import process from "node:process";
import { type RawPeer, startRawServer } from "../../tests/support/raw_server.ts";
import { seeded } from "../sim/random.ts";
import {
  type ClientMessage,
  type ControlLine,
  type FeedMessage,
  JsonLines,
  type ServerLine,
} from "./messages.ts";
import {
  type DialStep,
  roundsOf,
  scriptOf,
  type SessionStep,
  type Step,
  STEP_COST_MS,
  stepOf,
} from "./script.ts";

const [seed, durationS] = process.argv.slice(2).map(Number) as [number, number];
if (!Number.isSafeInteger(seed) || !(durationS > 0)) {
  throw new TypeError("Usage: server.ts SEED SECONDS");
}

/** How often quotes go out. */
const TICK_MS = 20;

/** Shortest time of quotes in a session. */
const MIN_QUOTES_MS = 150;

/** After so long a consumer that was asked to stall is asked again. */
const ASK_AGAIN_MS = 1_000;

const SYMBOLS = ["BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD"] as const;
/** The last session, which ends when the client has enough. */
const CALM = { weight: 8, quotesPerSecond: 400 };

/** Quotes for a while. */
type Pace = Pick<SessionStep, "weight" | "quotesPerSecond">;

const random = seeded(seed ^ 0x5eed);
const steps: Step[] = scriptOf(seed, roundsOf(durationS));
/** What was done with each dial. Some platforms dial twice: the second one is treated the same. */
const treated = new Map<number, DialStep | "session">();
const prices = SYMBOLS.map(() => 100 + random() * 900);
let startedMs: number | undefined;
/** Wakes the calm session when there is more to do. */
let more: () => void = () => {};

function say(line: ServerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The part of the time left that is for these quotes: what the steps to come need is kept. */
function quotesMs(weight: number, ownCostMs: number): number {
  const elapsed = performance.now() - (startedMs ?? performance.now());
  const cost = steps.reduce((sum, { kind }) => sum + STEP_COST_MS[kind], ownCostMs);
  const weights = steps.reduce(
    (sum, step) => sum + (step.at === "session" ? step.weight : 0),
    weight + CALM.weight,
  );
  return Math.max(MIN_QUOTES_MS, (durationS * 1_000 - elapsed - cost) * weight / weights);
}

/** One connection that was accepted. */
class Session {
  readonly #peer: RawPeer;
  readonly #dial: number;
  #epoch = 0;
  #sent = 0;
  #close: number | undefined;
  #live = true;
  #onStalling: () => void = () => {};

  constructor(peer: RawPeer, dial: number) {
    this.#peer = peer;
    this.#dial = dial;
  }

  /** Plays one step of the script and tells what was sent. */
  async play(): Promise<void> {
    const peer = this.#peer;
    const gone = peer.closed.then(() => void (this.#live = false));
    peer.onClose = () => this.#live = false;
    peer.accept();
    const subscribed = new Promise<void>((resolve) => {
      peer.onText = (text) => {
        const message = JSON.parse(text) as ClientMessage;
        if (message.op === "subscribe") {
          this.#epoch = message.epoch;
          this.#send({ n: this.#next(), type: "subscribed", epoch: message.epoch });
          resolve();
        } else if (message.op === "stalling") this.#onStalling();
        else if (this.#live) this.#send({ n: this.#next(), type: "pong" });
      };
    });
    await Promise.race([subscribed, gone]);
    if (this.#epoch > 0) await this.#act();
    await gone;
    say({
      type: "session",
      dial: this.#dial,
      epoch: this.#epoch,
      sent: this.#sent,
      ...(this.#close === undefined ? {} : { close: this.#close }),
    });
  }

  async #act(): Promise<void> {
    const at = steps.findIndex((step) => step.at === "session");
    if (at < 0) return await this.#calm();
    const step = steps.splice(at, 1)[0] as SessionStep;
    await this.#quotes(step, STEP_COST_MS[step.kind]);
    if (this.#live) await this.#fault(step);
    else steps.unshift(step);
  }

  async #fault(step: SessionStep): Promise<void> {
    const peer = this.#peer;
    switch (step.kind) {
      case "reset":
        this.#live = false;
        this.#told(step);
        return peer.reset();
      case "close 1001":
      case "close 1008":
      case "close 1012":
        this.#told(step);
        return this.#closeWith(Number(step.kind.slice(6)));
      case "half-open":
        this.#live = false;
        this.#told(step);
        return peer.stopWriting();
      case "flood":
        return await this.#burst(step);
      case "stall": {
        const stalled = await this.#askToStall(step);
        return stalled ? await this.#burst(step) : void steps.unshift(step);
      }
      default:
        return step.kind satisfies never;
    }
  }

  /** As fast as the client reads, and a clean end: every frame of it has to arrive. */
  async #burst(step: SessionStep): Promise<void> {
    const sent = await this.#peer.flood(step.frames, () => JSON.stringify(this.#quote()));
    if (!this.#live || sent < step.frames) return void steps.unshift(step);
    this.#told(step);
    this.#closeWith(1001);
  }

  /** Quotes until the consumer says that it reads no more. */
  async #askToStall({ frames, quotesPerSecond }: SessionStep): Promise<boolean> {
    let stalling = false;
    this.#onStalling = () => stalling = true;
    const lose = Math.floor(frames / 8);
    for (let askedMs = -Infinity; this.#live && !stalling; await pause(TICK_MS)) {
      if (performance.now() - askedMs >= ASK_AGAIN_MS) {
        askedMs = performance.now();
        this.#send({ n: this.#next(), type: "stall", frames: lose });
      }
      this.#some(quotesPerSecond);
    }
    return this.#live;
  }

  async #calm(): Promise<void> {
    if (steps.length === 0) await this.#quotes(CALM, 0);
    if (!this.#live) return;
    let wanted = false;
    more = () => wanted = true;
    if (steps.length === 0) say({ type: "done" });
    for (; this.#live && !wanted && steps.length === 0; await pause(TICK_MS)) {
      this.#some(CALM.quotesPerSecond);
    }
    if (this.#live) this.#closeWith(1001);
  }

  async #quotes({ weight, quotesPerSecond }: Pace, costMs: number): Promise<void> {
    const until = performance.now() + quotesMs(weight, costMs);
    for (; this.#live && performance.now() < until; await pause(TICK_MS)) {
      this.#some(quotesPerSecond);
    }
  }

  /** The quotes of one tick. */
  #some(perSecond: number): void {
    const count = Math.ceil(perSecond * TICK_MS / 1_000);
    for (let i = 0; i < count; i++) this.#send(this.#quote());
  }

  #quote(): FeedMessage {
    const at = Math.floor(random() * SYMBOLS.length);
    const price = prices[at]! * (1 + (random() - 0.5) / 1_000);
    prices[at] = price;
    const [bid, ask] = [price * 0.9999, price * 1.0001].map((side) => Number(side.toFixed(2)));
    return { n: this.#next(), type: "quote", symbol: SYMBOLS[at]!, bid: bid!, ask: ask! };
  }

  #next(): number {
    return ++this.#sent;
  }

  #send(message: FeedMessage): void {
    this.#peer.sendText(JSON.stringify(message));
  }

  #closeWith(code: number): void {
    this.#live = false;
    this.#close = code;
    this.#peer.close(code, "scripted");
  }

  #told({ kind }: SessionStep): void {
    say({ type: "fault", kind, dial: this.#dial, epoch: this.#epoch, sent: this.#sent });
  }
}

function refuse(peer: RawPeer, { how }: DialStep): void {
  if (how === "silence") peer.hang();
  else if (how === "reset") peer.reset();
  else peer.refuse(how);
}

const server = await startRawServer({
  async onPeer(peer) {
    const dial = Number(peer.request.url.searchParams.get("dial") ?? "");
    if (!peer.request.upgrade || !(dial > 0)) return peer.refuse(400);
    startedMs ??= performance.now();
    const before = treated.get(dial);
    if (before === "session") return peer.refuse(409);
    if (before !== undefined) return refuse(peer, before);
    const [step] = steps;
    if (step?.at !== "dial") {
      treated.set(dial, "session");
      return await new Session(peer, dial).play();
    }
    steps.shift();
    treated.set(dial, step);
    refuse(peer, step);
    say({ type: "fault", kind: step.kind, dial, epoch: 0, sent: 0 });
  },
});
say({ type: "listening", url: server.url });

// Ctrl+C reaches both processes; this one ends when the client has got its last reports.
process.on("SIGINT", () => {});
// When nobody listens any more, the end of stdin says so as well.
process.stdout.on("error", () => {});
const lines = new JsonLines();
for await (const chunk of process.stdin) {
  for (const line of lines.push(String(chunk)) as ControlLine[]) {
    steps.push(...line.again.map((kind) => stepOf(kind, random)));
    more();
  }
}
await server.close();
