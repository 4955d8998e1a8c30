/**
 * The server of `--demo`: it sends numbered quotes, answers what it is sent, and ends each session after a while, in turns by a close frame
 * and without a word. The numbers go on over all sessions, so that a gap can be seen. It is for looking at, not for testing against.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import {
  acceptance,
  CLOSE,
  closeFrameOf,
  frameOf,
  PING,
  PONG,
  takeFrame,
  TEXT,
} from "./demo_frames.ts";

/** How the server behaves. */
export interface DemoServerOptions {
  /** Time between two quotes in milliseconds. @default {100} */
  readonly everyMs?: number;
  /** Quotes in one session, after which it ends. @default {60} */
  readonly quotesPerSession?: number;
}

/** A running server. */
export interface DemoServer {
  /** Where it is: `ws://127.0.0.1:PORT/`. */
  readonly url: string;
  /** Ends it, and every connection. */
  close(): Promise<void>;
}

const LONGEST_HEAD = 16_384;

/** Starts it on a free port of 127.0.0.1. */
export async function startDemoServer(options: DemoServerOptions = {}): Promise<DemoServer> {
  const { everyMs = 100, quotesPerSession = 60 } = options;
  const sockets = new Set<Socket>();
  let sessions = 0;
  let quotes = 0;

  function serve(socket: Socket): void {
    const session = ++sessions;
    let left = quotesPerSession;
    const timer = setInterval(() => {
      quotes++;
      const cents = 10_000 + Math.round(50 * Math.sin(quotes / 20));
      const [bid, ask] = [cents / 100, (cents + 2) / 100];
      socket.write(frameOf(TEXT, JSON.stringify({ n: quotes, symbol: "DEMO", bid, ask })));
      if (--left > 0) return;
      clearInterval(timer);
      if (session % 2 === 0) return void socket.destroy();
      socket.write(closeFrameOf(1012, "service restart"));
    }, everyMs);
    socket.on("close", () => clearInterval(timer));
  }

  function answer(socket: Socket, opcode: number, payload: Uint8Array): void {
    if (opcode === PING) socket.write(frameOf(PONG, payload));
    if (opcode === CLOSE) socket.end(frameOf(CLOSE, payload));
    if (opcode === TEXT) {
      const text = Buffer.from(payload).toString();
      socket.write(frameOf(TEXT, JSON.stringify({ heard: text.slice(0, 1_000) })));
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    let open = false;
    let bytes: Uint8Array = new Uint8Array();
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy()); // its end is all that matters here
    socket.on("data", (chunk: Uint8Array) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!open) {
        const end = Buffer.from(bytes).indexOf("\r\n\r\n");
        if (end < 0 && bytes.length <= LONGEST_HEAD) return;
        const accepted = acceptance(Buffer.from(bytes.subarray(0, Math.max(end, 0))).toString());
        if (accepted === undefined) {
          socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n");
          return;
        }
        socket.write(accepted);
        open = true;
        bytes = bytes.subarray(end + 4);
        serve(socket);
      }
      try {
        for (let frame = takeFrame(bytes); frame !== undefined; frame = takeFrame(bytes)) {
          bytes = frame.rest;
          answer(socket, frame.opcode, frame.payload);
        }
      } catch {
        socket.end(closeFrameOf(1009, "too long, or not masked"));
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    url: `ws://127.0.0.1:${port}/`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
