/**
 * A strict venue in a process of its own: it pings every 100 ms and cuts whoever has not answered for 500 ms, which it counts in pings, so that a machine
 * with too few cores for both sides does not make it unfair. Meanwhile it sends the numbers 1, 2, ... as text, `?burst=N` of them every 10 ms.
 *
 * It says `listening`, `cut` and `stopped` as lines of JSON; told `stop`, it sends no more numbers and says how many there were, and how late the latest
 * pong was.
 *
 * @module
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import { frame, joined, OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";

const PING_MS = 100;
const LIMIT_PINGS = 5;
const BURST_MS = 10;

function tell(event: string, members: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(JSON.stringify({ event, ...members }) + "\n");
}

/** The facts of one session. */
class Session {
  sent = 0;
  pongs = 0;
  latestMs = 0;
  cut = false;
  readonly #peer: RawPeer;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #unanswered = 0;

  constructor(peer: RawPeer, burst: number) {
    this.#peer = peer;
    peer.recording = false;
    peer.accept();
    peer.onPong = (data) => {
      this.#unanswered = 0;
      this.pongs++;
      const sentAt = Number(new TextDecoder().decode(data));
      this.latestMs = Math.max(this.latestMs, performance.now() - sentAt);
    };
    this.#timers.push(
      setInterval(() => this.#ping(), PING_MS),
      setInterval(() => this.#numbers(burst), BURST_MS),
    );
    void peer.closed.then(() => this.#timers.forEach(clearInterval));
  }

  stop(): void {
    clearInterval(this.#timers[1]);
    const { sent, pongs, latestMs, cut } = this;
    tell("stopped", { sent, pongs, latestMs, cut });
  }

  #ping(): void {
    if (this.#unanswered >= LIMIT_PINGS) {
      // A pong may have come in the same turn of the event loop, behind this timer.
      setImmediate(() => this.#unanswered >= LIMIT_PINGS && this.#cutOff());
      return;
    }
    this.#unanswered++;
    this.#peer.ping(String(performance.now()));
  }

  #cutOff(): void {
    this.cut = true;
    tell("cut", { pongs: this.pongs });
    this.#peer.destroy();
  }

  #numbers(burst: number): void {
    const frames = Array.from({ length: burst }, () => frame(OPCODE.text, String(++this.sent)));
    this.#peer.sendRaw(joined(frames));
  }
}

let session: Session | undefined;
const server = await startRawServer({
  onPeer(peer) {
    session = new Session(peer, Number(peer.request.url.searchParams.get("burst") ?? 1));
  },
});
process.stdin.setEncoding("utf8");
process.stdin.on("data", () => session?.stop()); // the one command
process.stdin.on("end", () => void server.close());
tell("listening", { url: server.url });
