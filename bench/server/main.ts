/**
 * The other end of every benchmark, in a process of its own: a socket server that writes frames made beforehand, as large pieces, as fast as the client takes
 * them, and counts the client's frames without unmasking them. The request's path says what to do:
 *
 * - `/blast?kind=text200&count=N`: at the client's first frame, N messages, then END.
 *
 * Prints `{"port":N}` and lives until its input ends.
 *
 * @module
 */
import { createServer, type Socket } from "node:net";
import process, { stdin, stdout } from "node:process";
import { END, type FeedKind, payloadsOf } from "../payloads.ts";
import { acceptance, ClientWalk, serverFrame } from "./wire.ts";

const PIECE_BYTES = 1_048_576;

interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: number;
  readonly ends: Int32Array;
}

const pieces = new Map<string, Piece>();

/** Whole cycles of a feed, as one piece of about a mebibyte. */
function pieceOf(kind: FeedKind): Piece {
  const known = pieces.get(kind);
  if (known !== undefined) return known;
  const frames = payloadsOf(kind).map(({ type, bytes }) =>
    serverFrame(type === "text" ? 1 : 2, bytes)
  );
  const cycle = frames.reduce((sum, { length }) => sum + length, 0);
  const cycles = Math.max(1, Math.round(PIECE_BYTES / cycle));
  const bytes = new Uint8Array(cycle * cycles);
  const ends = new Int32Array(frames.length * cycles);
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const frame = frames[i % frames.length]!;
    bytes.set(frame, at);
    at += frame.length;
    ends[i] = at;
  }
  const piece = { bytes, frames: ends.length, ends };
  pieces.set(kind, piece);
  return piece;
}

const endFrame = serverFrame(1, new TextEncoder().encode(END));

/** Writes `count` messages, no faster than the client reads them. */
function blast(socket: Socket, kind: FeedKind, count: number): void {
  const piece = pieceOf(kind);
  let left = count;
  const more = () => {
    while (left > 0) {
      const frames = Math.min(left, piece.frames);
      left -= frames;
      const bytes = frames === piece.frames
        ? piece.bytes
        : piece.bytes.subarray(0, piece.ends[frames - 1]!);
      if (!socket.write(bytes) && left > 0) return void socket.once("drain", more);
    }
    socket.write(endFrame);
  };
  more();
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  let head = "";
  let walk: ClientWalk | undefined;
  socket.on("data", (chunk: Uint8Array) => {
    if (walk !== undefined) return walk.push(chunk);
    head += new TextDecoder("latin1").decode(chunk);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const answer = acceptance(head);
    if (answer === undefined) return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.write(answer);
    const url = new URL(/^GET (\S+)/.exec(head)![1]!, "ws://localhost");
    walk = new ClientWalk(roleOf(socket, url));
    const rest = head.slice(end + 4);
    if (rest.length > 0) walk.push(Uint8Array.from(rest, (unit) => unit.charCodeAt(0)));
  });
}

const closeFrame = serverFrame(8, Uint8Array.of(0x03, 0xe8));

function roleOf(socket: Socket, url: URL): ConstructorParameters<typeof ClientWalk>[0] {
  const number = (name: string) => Number(url.searchParams.get(name));
  const close = () => {
    if (!socket.writable) return;
    socket.end(closeFrame);
  };
  const kind = url.searchParams.get("kind") as FeedKind;
  switch (url.pathname) {
    case "/blast": {
      let begun = false;
      return {
        close,
        data() {
          if (begun) return;
          begun = true;
          blast(socket, kind, number("count"));
        },
      };
    }
    default:
      return { close, data() {} };
  }
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => {
  stdout.write(`${JSON.stringify({ port: (server.address() as { port: number }).port })}\n`);
});
stdin.on("end", () => process.exit(0));
stdin.resume();
