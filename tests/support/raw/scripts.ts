/**
 * The scripts of the scripted server: what each WebSocket path does, before and after the handshake.
 *
 * @module
 */
import { closeFrame, frame, joined, OPCODE } from "./frames.ts";
import type { RawPeer } from "./peer.ts";

/** The parameters of a path: `?n=3`. */
export class Parameters {
  readonly #search: URLSearchParams;

  constructor(search: URLSearchParams) {
    this.#search = search;
  }

  /** A number, or what stands in for it. */
  number(name: string, otherwise: number): number {
    const value = Number(this.#search.get(name) ?? otherwise);
    if (Number.isFinite(value)) return value;
    throw new RangeError(`Parameter ${name} is not a number`);
  }

  /** A text, or `undefined`. */
  text(name: string): string | undefined {
    return this.#search.get(name) ?? undefined;
  }
}

/** What a path does with a request for a WebSocket. */
export type Script = (peer: RawPeer, parameters: Parameters) => void | Promise<void>;

/** Sends every message back. */
function echo(peer: RawPeer): void {
  peer.onText = (data) => peer.sendText(data);
  peer.onBinary = (data) => peer.sendBinary(data);
}

/** A payload whose every byte is known: position modulo 251. */
export function patterned(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => i % 251);
}

/** A payload of text of that many characters, all ASCII. */
export function patternedText(length: number): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz";
  return alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length);
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  /** Sends every message back. */
  "/echo": (peer) => {
    peer.accept();
    echo(peer);
  },
  /** Takes everything, says nothing. */
  "/silent": (peer) => peer.accept(),
  /** Never answers the handshake. */
  "/hang": (peer) => peer.hang(),
  /** RST instead of an answer. */
  "/reset": (peer) => peer.reset(),
  /** FIN instead of an answer. */
  "/fin": (peer) => {
    peer.hang();
    peer.fin();
  },
  /** What is no HTTP. */
  "/garbage": (peer) => {
    peer.hang();
    peer.sendRaw(new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n\r\n"));
    peer.fin();
  },
  /** `status`, `retry-after`, `location`. */
  "/refuse": (peer, parameters) => {
    const retryAfter = parameters.text("retry-after");
    const location = parameters.text("location");
    const headers: Record<string, string> = {};
    if (retryAfter !== undefined) headers["Retry-After"] = retryAfter;
    if (location !== undefined) headers["Location"] = location;
    peer.refuse(parameters.number("status", 401), headers, "refused");
  },
  /** A proof that does not fit the key, or with `absent=1` none. */
  "/wrong-accept": (peer, parameters) => {
    peer.accept({ acceptHash: parameters.text("absent") === undefined ? "wrong" : "absent" });
    echo(peer);
  },
  /** Answers the subprotocol `answer`, or none without it. */
  "/protocol": (peer, parameters) => {
    const answer = parameters.text("answer");
    peer.accept(answer === undefined ? { withoutProtocol: true } : { protocol: answer });
    echo(peer);
  },
  /** `n` messages in the same segment as the 101. */
  "/greet": (peer, parameters) => {
    const frames = Array.from(
      { length: parameters.number("n", 3) },
      (_, i) => frame(OPCODE.text, `greeting ${i}`),
    );
    peer.accept({ extra: joined(frames) });
    echo(peer);
  },
  /** Closes with `code` and `reason` as soon as it is open; `code=0` sends a Close without a code. */
  "/close": (peer, parameters) => {
    peer.accept();
    const code = parameters.number("code", 1000);
    peer.close(code === 0 ? undefined : code, parameters.text("reason") ?? "scripted");
  },
  /** Sends a Close and never ends TCP, whatever the client answers. */
  "/close-without-fin": (peer, parameters) => {
    peer.accept();
    peer.close(parameters.number("code", 1000), "scripted", { endTcp: "never" });
  },
  /** Messages `0` to `n - 1`, padded to `bytes`; then a Close. */
  "/flood": async (peer, parameters) => {
    const bytes = parameters.number("bytes", 0);
    const count = parameters.number("n", 100);
    peer.accept();
    await peer.flood(count, (i) => String(i).padEnd(bytes, " "));
    peer.close(1000, "flooded");
  },
  /** A text and a binary message of `bytes`, each in `n` fragments with a Ping in between. */
  "/fragment": (peer, parameters) => {
    const fragments = parameters.number("n", 3);
    const bytes = parameters.number("bytes", 1000);
    peer.accept();
    peer.sendText(patternedText(bytes), { fragments });
    const binary = patterned(bytes);
    const half = bytes >> 1;
    peer.sendRaw(joined([
      frame(OPCODE.binary, binary.subarray(0, half), { fin: false }),
      frame(OPCODE.ping, "mid"),
      frame(OPCODE.continuation, binary.subarray(half)),
    ]));
  },
  /** A binary message of `bytes`. */
  "/oversize": async (peer, parameters) => {
    peer.accept();
    const bytes = parameters.number("bytes", 1 << 20);
    peer.sendFrame(OPCODE.binary, "", { claimedBytes: bytes });
    const block = new Uint8Array(1 << 18);
    for (let left = bytes; left > 0 && await peer.drained(); left -= block.length) {
      peer.sendRaw(left < block.length ? block.subarray(0, left) : block);
    }
  },
  /** Never answers a Close. */
  "/ignore-close": (peer) => {
    peer.accept();
    peer.ignoreClose();
    echo(peer);
  },
  /** Sends nothing after the 101, neither Pongs nor an answer to a Close. */
  "/half-open": (peer) => {
    peer.accept();
    peer.stopWriting();
  },
  /** Does not read after the handshake, until it is told to. */
  "/stop-reading": (peer) => {
    peer.accept();
    peer.stopReading();
  },
  /** Answers the client's Close late: `n` more messages go first. */
  "/late-frames": (peer, parameters) => {
    peer.accept();
    peer.onClose = () => {
      for (let i = 0; i < parameters.number("n", 3); i++) peer.sendText(`late ${i}`);
    };
  },
  /** Sends a Ping with `data`. */
  "/ping": (peer, parameters) => {
    peer.accept();
    peer.ping(parameters.text("data") ?? "");
    echo(peer);
  },
  /** Sends its request's header lines as JSON. */
  "/headers": (peer) => {
    peer.accept();
    peer.sendText(JSON.stringify(peer.request.lines));
    echo(peer);
  },
};

/** The script of a path, or `undefined`. */
export function scriptOf(path: string): Script | undefined {
  return Object.hasOwn(SCRIPTS, path) ? SCRIPTS[path] : undefined;
}

/** Does one thing with an open connection; the control side asks for it. */
export function command(peer: RawPeer, what: string, parameters: Parameters): boolean {
  switch (what) {
    case "text":
      peer.sendText(parameters.text("data") ?? "");
      return true;
    case "binary":
      peer.sendBinary(patterned(parameters.number("bytes", 10)));
      return true;
    case "ping":
      peer.ping(parameters.text("data") ?? "");
      return true;
    case "close":
      peer.close(parameters.number("code", 1000), parameters.text("reason") ?? "");
      return true;
    case "close-frame":
      peer.sendRaw(closeFrame(parameters.number("code", 1000)));
      return true;
    case "last-words": // a message, then FIN without a Close frame
      peer.sendText("last");
      peer.fin();
      return true;
    case "invalid-utf8":
      peer.sendFrame(OPCODE.text, new Uint8Array([0x61, 0xff, 0x62]));
      return true;
    case "masked": // which a client must not take
      peer.sendBinary(patterned(6), { mask: true });
      return true;
    case "bad-frame": // a frame with a reserved bit or an unknown opcode
      peer.sendFrame(parameters.number("opcode", 1), "x", { rsv: parameters.number("rsv", 0) });
      return true;
    case "reset":
      peer.reset();
      return true;
    case "fin":
      peer.fin();
      return true;
    case "stop-reading":
      peer.stopReading();
      return true;
    case "resume-reading":
      peer.resumeReading();
      return true;
    case "stop-writing":
      peer.stopWriting();
      return true;
    default:
      return false;
  }
}
