/**
 * What the server does on a connection, by the path of its request:
 *
 * - `/blast?kind=text200&count=N`: at the client's first frame, N messages as fast as they are read, then END.
 * - `/paced?rate=R&count=N&bytes=B`: at the client's first frame, numbered messages at a rate, then END. With `ping=MS` also pings.
 * - `/sink?count=N`: reads; when N messages have come, END.
 * - `/echo`: gives back as many bytes as came, when a message is complete.
 * - `/greet`: one message at once. With `drop=MS` the connection is reset so long after.
 * - `/fault`: see `faults.ts`.
 * - `/idle`: nothing.
 * - `/stats`: one message with what was counted, as JSON.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { FeedKind } from "../payloads.ts";
import { blast, END_FRAME } from "./blast.ts";
import { paced } from "./paced.ts";
import { type ClientFrames, serverFrame } from "./wire.ts";

const CLOSE_FRAME = serverFrame(8, Uint8Array.of(0x03, 0xe8));
const PING_FRAME = serverFrame(9, new Uint8Array(0));
const GREETING = serverFrame(1, new TextEncoder().encode("hello"));

/** Counts of the whole server. */
export const counters = { pings: 0, pongs: 0 };

/** Reads, and answers a Close. */
export function politely(socket: Socket): ClientFrames {
  return {
    data() {},
    close() {
      if (socket.writable) socket.end(CLOSE_FRAME);
    },
  };
}

/** The behaviour of one connection. */
export function roleOf(socket: Socket, url: URL): ClientFrames {
  const number = (name: string) => Number(url.searchParams.get(name) ?? 0);
  const role: ClientFrames = {
    ...politely(socket),
    pong() {
      counters.pongs++;
    },
  };
  switch (url.pathname) {
    case "/blast":
      return {
        ...role,
        data: once(() => blast(socket, url.searchParams.get("kind") as FeedKind, number("count"))),
      };
    case "/paced":
      return { ...role, data: once(() => startPaced(socket, number)) };
    case "/sink": {
      let left = number("count");
      return {
        ...role,
        data() {
          if (--left === 0) socket.write(END_FRAME);
        },
      };
    }
    case "/echo": {
      const answer = serverFrame(1, new Uint8Array(number("bytes")).fill(0x78));
      return { ...role, data: () => void socket.write(answer) };
    }
    case "/greet":
      socket.write(GREETING);
      if (number("drop") > 0) setTimeout(() => socket.resetAndDestroy(), number("drop"));
      return role;
    case "/stats":
      socket.write(serverFrame(1, new TextEncoder().encode(JSON.stringify(counters))));
      return role;
    default:
      return role;
  }
}

function startPaced(socket: Socket, number: (name: string) => number): void {
  const everyMs = number("ping");
  const timer = everyMs === 0 ? undefined : setInterval(() => {
    counters.pings++;
    socket.write(PING_FRAME);
  }, everyMs);
  const stop = () => clearInterval(timer);
  socket.once("close", stop);
  paced(socket, { rate: number("rate"), count: number("count"), bytes: number("bytes") }, stop);
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
