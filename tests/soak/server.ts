/**
 * The server of the soak test, in a process of its own, with TLS or without. It is told how many clients share the machine. Every message of a session has its number
 * in front, so that the client can tell what is missing; every session ends after a while, in one
 * of the ways sessions end in the field.
 *
 * | path | what it does |
 * |---|---|
 * | `/steady` | some hundred messages a second |
 * | `/flood` | as many as the client takes |
 * | `/churn` | a few messages and a Close at once, for ever |
 * | `/flaky` | half of the dials are refused, reset, garbled or never answered |
 * | `/echo` | sends back what it gets; sometimes stops reading |
 *
 * @module
 */
import process from "node:process";
import { seededRandom } from "../../src/testing/mod.ts";
import { frame, joined, OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";

const [kind, clients, seed] = process.argv.slice(-3);

/** How often messages go out, in milliseconds. */
const PUMP_MS = 10;
/** Messages per session and pump. */
const STEADY = 5;
const FLOOD = Math.ceil(400 / Number(clients));
/** A peer whose client does not read gets no more than this, in bytes. */
const MAX_BUFFERED = 1 << 20;
/** A silent session is forgotten after so long, in milliseconds: the client has left it by then. */
const SILENT_MS = 4_000;

const random = seededRandom(Number(seed) || 1);
const between = (least: number, most: number) => least + random() * (most - least);
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

interface Flow {
  readonly peer: RawPeer;
  readonly perPump: number;
  next: number;
}

const flows = new Set<Flow>();
const ends: Record<string, number> = {};

function tell(event: string, members: object = {}): void {
  process.stdout.write(JSON.stringify({ event, ...members }) + "\n");
}

function after(peer: RawPeer, ms: number, act: () => void): void {
  const timer = setTimeout(act, ms);
  void peer.closed.then(() => clearTimeout(timer));
}

/** Ends a session in one of the ways, and counts it. */
function end(peer: RawPeer): void {
  const way = pick(["close", "restart", "reset", "fin", "silence", "mute close"]);
  ends[way] = (ends[way] ?? 0) + 1;
  switch (way) {
    case "close":
      return peer.close(1001, "going away");
    case "restart":
      return peer.close(1012, "restart");
    case "reset":
      return peer.reset();
    case "fin":
      return peer.fin();
    case "silence": // half-open: neither messages nor pongs nor an answer to a Close
      peer.stopWriting();
      return after(peer, SILENT_MS, () => peer.destroy());
    default: // a Close whose TCP connection stays
      peer.close(1000, "", { endTcp: "never" });
      return after(peer, SILENT_MS, () => peer.destroy());
  }
}

function flow(peer: RawPeer, perPump: number, lifeMs: number): void {
  peer.accept();
  const one: Flow = { peer, perPump, next: 0 };
  flows.add(one);
  void peer.closed.then(() => flows.delete(one));
  after(peer, lifeMs, () => {
    flows.delete(one);
    end(peer);
  });
}

function few(peer: RawPeer): void {
  peer.accept();
  peer.sendRaw(joined(Array.from({ length: 3 }, (_, i) => frame(OPCODE.text, `${i} churn`))));
  peer.close(1001, "churn");
}

function flaky(peer: RawPeer): void {
  switch (pick(["refuse", "reset", "hang", "garbage", "steady", "steady", "steady", "steady"])) {
    case "refuse":
      return peer.refuse(pick([429, 500, 503]));
    case "reset":
      return peer.reset();
    case "hang":
      return peer.hang();
    case "garbage":
      peer.hang();
      peer.sendRaw(new TextEncoder().encode("what?\r\n\r\n"));
      return peer.fin();
    default:
      return flow(peer, STEADY, between(50, 500));
  }
}

function echo(peer: RawPeer): void {
  peer.accept();
  let next = 0;
  peer.onText = (text) => peer.sendText(`${next++} ${text}`);
  after(peer, between(500, 4_000), () => {
    if (random() < 0.7) return end(peer);
    peer.stopReading();
    after(peer, SILENT_MS, () => peer.destroy());
  });
}

const server = await startRawServer({
  secure: kind === "tls",
  onPeer(peer) {
    peer.recording = false;
    switch (peer.request.url.pathname) {
      case "/flood":
        return flow(peer, FLOOD, between(1_000, 6_000));
      case "/churn":
        return few(peer);
      case "/flaky":
        return flaky(peer);
      case "/echo":
        return echo(peer);
      default:
        return flow(peer, STEADY, between(200, 3_000));
    }
  },
});

const filler = "x".repeat(40);
const pump = setInterval(() => {
  for (const one of flows) {
    if (one.peer.bufferedBytes > MAX_BUFFERED) continue;
    const messages = Array.from(
      { length: one.perPump },
      () => frame(OPCODE.text, `${one.next++} ${filler}`),
    );
    // Control frames among them, which must not be kept either.
    for (let i = 0; i < one.perPump; i += 5) messages.push(frame(OPCODE.ping, filler));
    one.peer.sendRaw(joined(messages));
  }
}, PUMP_MS);

process.on("SIGINT", () => {}); // the launcher decides when it is over
/** Tells the totals once every connection has gone, or when one is still there after its time. */
function tellTotals(): void {
  const until = performance.now() + 2 * SILENT_MS;
  const timer = setInterval(() => {
    if (server.counters.open > 0 && performance.now() < until) return;
    clearInterval(timer);
    tell("totals", { ...server.counters, ends });
  }, 50);
}

process.stdin.setEncoding("utf8").on("data", tellTotals);
process.stdin.on("end", () => {
  clearInterval(pump);
  // What was open has been told; a TLS socket without its end must not keep this process.
  process.exit(0);
});
tell("listening", { url: server.url });
