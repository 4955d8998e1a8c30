/**
 * The scripted server: the path of a WebSocket says what the server does (`raw/scripts.ts` has the
 * list), and the HTTP side of the same port tells what it saw, so that a page in a browser or an
 * edge worker can ask. Everything on the HTTP side is GET and answers JSON, with CORS headers:
 *
 * | path | answer |
 * |---|---|
 * | `/info` | `{ ws, wss, http }`, the bases, each with a slash at its end |
 * | `/count` | `{ ws, wss }`, each `{ tcp, handshakes, open }`, the HTTP side not counted |
 * | `/log?id=` | what is known of connections opened with that `id` parameter |
 * | `/wait?id=&for=` | the same, once it holds: `open`, `ended`, `close`, or `frames` (`n` of them) |
 * | `/do?id=&what=` | does one thing on the latest connection: `text`, `reset`, `close`, ... |
 * | `/closed-port` | `{ port }` on which nobody listens |
 *
 * @module
 */
import { type ConnectionLog, ConnectionLogs } from "./raw/log.ts";
import { command, Parameters, scriptOf } from "./raw/scripts.ts";
import {
  type RawPeer,
  type RawServer,
  type RawServerCounters,
  startRawServer,
} from "./raw_server.ts";

/** Where a scripted server is. Each base ends with a slash. */
export interface ScriptedBases {
  readonly ws: string;
  readonly wss: string;
  readonly http: string;
}

/** A scripted server in this process. */
export interface ScriptedServer extends ScriptedBases {
  /** Counters of the plain and of the TLS port; the HTTP side counts, too. */
  readonly counters: { readonly ws: RawServerCounters; readonly wss: RawServerCounters };
  /** Gives everything back. */
  close(): Promise<void>;
}

const CORS: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Origin": "*",
  "Cache-Control": "no-store",
  "Content-Type": "application/json",
};

/** Conditions that `/wait` knows. */
function condition(name: string, parameters: Parameters): (log: ConnectionLog) => boolean {
  switch (name) {
    case "open":
      return (log) => log.handshakes.length > 0;
    case "ended":
      return (log) => log.ended.length >= parameters.number("n", 1);
    case "close":
      return (log) => log.close !== undefined;
    case "frames":
      return (log) => log.received.length >= parameters.number("n", 1);
    default:
      throw new RangeError(`No condition ${name}`);
  }
}

/** Starts it on two free loopback ports. */
export async function startScripted(): Promise<ScriptedServer> {
  const logs = new ConnectionLogs();
  let plainRequests = 0;

  async function answer(peer: RawPeer): Promise<unknown> {
    const { pathname, searchParams } = peer.request.url;
    const parameters = new Parameters(searchParams);
    const id = parameters.text("id") ?? "";
    switch (pathname) {
      case "/info":
        return bases;
      case "/count":
        return { ws: count(plain, plainRequests), wss: count(secure, 0) };
      case "/log":
        return logs.read(id);
      case "/wait":
        await logs.when(id, condition(parameters.text("for") ?? "", parameters), peer.closed);
        return logs.read(id);
      case "/do": {
        const target = logs.peer(id);
        if (target === undefined) return undefined;
        return command(target, parameters.text("what") ?? "", parameters) ? {} : undefined;
      }
      case "/closed-port":
        return { port: await closedPort() };
      default:
        return undefined;
    }
  }

  async function http(peer: RawPeer): Promise<void> {
    plainRequests++;
    peer.hang();
    let found: unknown;
    try {
      found = await answer(peer);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      peer.refuse(400, CORS, JSON.stringify({ error: error.message }));
      return;
    }
    if (found === undefined) peer.refuse(404, CORS, JSON.stringify({ error: "no such thing" }));
    else peer.refuse(200, CORS, JSON.stringify(found));
  }

  async function onPeer(peer: RawPeer): Promise<void> {
    const { pathname, searchParams } = peer.request.url;
    if (!peer.request.upgrade) return await http(peer);
    const script = scriptOf(pathname);
    if (script === undefined) return peer.refuse(404);
    const done = script(peer, new Parameters(searchParams));
    const id = searchParams.get("id");
    if (id !== null) logs.note(id, peer);
    await done;
  }

  const plain: RawServer = await startRawServer({ onPeer });
  const secure: RawServer = await startRawServer({ onPeer, secure: true });
  const bases: ScriptedBases = { ws: plain.url, wss: secure.url, http: plain.httpUrl };
  return {
    ...bases,
    counters: { ws: plain.counters, wss: secure.counters },
    async close() {
      await Promise.all([plain.close(), secure.close()]);
    },
  };
}

/** The totals of a port; `open` counts the connections whose request has come. */
function count(server: RawServer, plainRequests: number): Readonly<Record<string, number>> {
  const { tcp, handshakes } = server.counters;
  const open = [...server.peers].filter((peer) => peer.request.upgrade).length;
  return { tcp: tcp - plainRequests, handshakes, open };
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = await startRawServer({ onPeer: (peer) => peer.reset() });
  await server.close();
  return server.port;
}
