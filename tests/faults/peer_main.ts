/**
 * The raw server in a process of its own, told what to do through its input: a peer whose time does
 * not depend on the event loop of the client under test.
 *
 * The path of a WebSocket is a script of `support/raw/scripts.ts`, or accepted without any; with
 * `?tick=MS` the peer sends `tick 0`, `tick 1`, ... in that rhythm. Commands act on the latest peer
 * that is open, or on number `n`.
 *
 * @module
 */
import process from "node:process";
import { Parameters } from "../support/raw/scripts.ts";
import { command, scriptOf } from "../support/raw/scripts.ts";
import { frame, joined, OPCODE, type RawPeer, startRawServer } from "../support/raw_server.ts";

function tell(event: string, members: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(JSON.stringify({ event, ...members }) + "\n");
}

const peers = new Map<number, RawPeer>();
let count = 0;

/** Sends a numbered message in that rhythm until the connection ends. */
function tick(peer: RawPeer, everyMs: number): void {
  let n = 0;
  const timer = setInterval(() => peer.sendText(`tick ${n++}`), everyMs);
  void peer.closed.then(() => clearInterval(timer));
}

/** Pings without an end, as fast as the client takes them. */
async function pingFlood(peer: RawPeer, total: number): Promise<void> {
  const thousand = joined(Array.from({ length: 1_000 }, () => frame(OPCODE.ping, "x".repeat(100))));
  for (let sent = 0; sent < total && await peer.drained(); sent += 1_000) peer.sendRaw(thousand);
}

const server = await startRawServer({
  async onPeer(peer) {
    const n = count++;
    const { pathname, searchParams } = peer.request.url;
    peers.set(n, peer);
    peer.recording = false;
    let bytes = 0;
    let pongs = 0;
    peer.onText = (data) => {
      bytes += data.length;
      tell("text", { n, data: data.slice(0, 100) });
    };
    peer.onBinary = (data) => bytes += data.length;
    peer.onPong = () => pongs++;
    peer.onClose = (code, reason) => tell("close", { n, code, reason });
    void peer.closed.then((end) => {
      peers.delete(n);
      tell("end", { n, bytes, pongs, ...end });
    });
    const parameters = new Parameters(searchParams);
    const script = scriptOf(pathname);
    if (script !== undefined) await script(peer, parameters);
    else peer.accept();
    if (peer.accepted) tell("open", { n, path: pathname });
    else tell("request", { n, path: pathname });
    const everyMs = parameters.number("tick", 0);
    if (everyMs > 0) tick(peer, everyMs);
  },
});

/** Tells the counters as soon as no TCP connection is open: sockets that never asked for anything included. */
function tellWhenIdle(): void {
  const timer = setInterval(() => {
    if (server.counters.open > 0) return;
    clearInterval(timer);
    tell("idle", { ...server.counters });
  }, 20);
}

async function obey(line: string): Promise<void> {
  const { do: what, ...members } = JSON.parse(line) as Record<string, string>;
  if (what === "when-idle") return tellWhenIdle();
  const parameters = new Parameters(new URLSearchParams(members));
  const n = parameters.number("n", [...peers.keys()].at(-1) ?? -1);
  const peer = peers.get(n);
  if (peer === undefined) return tell("no such peer", { n });
  switch (what) {
    case "burst": { // so many messages in one write
      const messages = Array.from(
        { length: parameters.number("count", 1) },
        (_, i) => frame(OPCODE.text, `burst ${i}`),
      );
      peer.sendRaw(joined(messages));
      return tell("done", { n, what });
    }
    case "flood":
      await peer.flood(parameters.number("count", 1), (i) => `flood ${i}`);
      return tell("done", { n, what });
    case "ping-flood":
      await pingFlood(peer, parameters.number("count", 1_000));
      return tell("done", { n, what });
    default:
      return tell(command(peer, what ?? "", parameters) ? "done" : "unknown", { n, what });
  }
}

let text = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk: string) => {
  text += chunk;
  const lines = text.split("\n");
  text = lines.pop()!;
  for (const line of lines) void obey(line);
});
process.stdin.on("end", () => void server.close());
tell("listening", { url: server.url, port: server.port });
