/**
 * What the scripted server remembers of its connections under the name that the client gave them
 * (`?id=`), so that a page in a browser can ask what arrived.
 *
 * @module
 */
import type { PeerEnd, RawPeer } from "./peer.ts";

/** One request for a WebSocket. */
export interface LoggedHandshake {
  readonly path: string;
  readonly protocols: readonly string[];
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** One message or control frame of the client. */
export interface LoggedFrame {
  readonly type: "text" | "binary" | "ping" | "pong";
  readonly bytes: number;
  /** The text, or the bytes in hexadecimal; shortened to 200 characters. */
  readonly data: string;
}

/** All that is known under one name. */
export interface ConnectionLog {
  readonly handshakes: readonly LoggedHandshake[];
  readonly received: readonly LoggedFrame[];
  /** The client's Close frame. */
  readonly close?: { readonly code: number; readonly reason: string };
  /** Connections that ended, and how. */
  readonly ended: readonly PeerEnd[];
  readonly violations: readonly string[];
}

/** Longest list of frames kept per name, and number of names kept. */
const MAX_FRAMES = 2_000;
const MAX_NAMES = 1_000;

class Entry {
  peer: RawPeer | undefined;
  wake: (() => void)[] = [];
  readonly handshakes: LoggedHandshake[] = [];
  readonly received: LoggedFrame[] = [];
  readonly ended: PeerEnd[] = [];
  readonly violations: string[] = [];
  close?: { readonly code: number; readonly reason: string };
}

/** The logs of all names. */
export class ConnectionLogs {
  readonly #entries: Map<string, Entry> = new Map();

  #entry(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = new Entry();
      this.#entries.set(id, entry);
      const oldest = this.#entries.keys().next().value;
      if (this.#entries.size > MAX_NAMES && oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }

  /** Notes a handshake and, from the peer's handlers on, what comes after it. */
  note(id: string, peer: RawPeer): void {
    const entry = this.#entry(id);
    const changed = () => {
      for (const wake of entry.wake.splice(0)) wake();
    };
    entry.peer = peer;
    entry.handshakes.push({
      path: peer.request.target,
      protocols: peer.request.protocols,
      headers: peer.request.lines,
    });
    changed();
    void peer.closed.then((end) => {
      entry.ended.push(end);
      entry.violations.push(...peer.violations);
      changed();
    });
    const frame = (type: LoggedFrame["type"], data: string | Uint8Array) => {
      if (entry.received.length < MAX_FRAMES) entry.received.push(loggedFrame(type, data));
      changed();
    };
    peer.onText = before(peer.onText, (data) => frame("text", data));
    peer.onBinary = before(peer.onBinary, (data) => frame("binary", data));
    peer.onPing = before(peer.onPing, (data) => frame("ping", data));
    peer.onPong = before(peer.onPong, (data) => frame("pong", data));
    const onClose = peer.onClose;
    peer.onClose = (code, reason) => {
      entry.close = { code, reason };
      changed();
      onClose(code, reason);
    };
  }

  /** What is known now. */
  read(id: string): ConnectionLog {
    const { handshakes, received, close, ended, violations } = this.#entry(id);
    return { handshakes, received, ended, violations, ...(close ? { close } : {}) };
  }

  /** The latest connection under that name. */
  peer(id: string): RawPeer | undefined {
    return this.#entry(id).peer;
  }

  /** Resolves when `enough` holds, or `cancelled` does. */
  async when(
    id: string,
    enough: (log: ConnectionLog) => boolean,
    cancelled: Promise<unknown>,
  ): Promise<void> {
    const entry = this.#entry(id);
    let over = false;
    void cancelled.then(() => {
      over = true;
      for (const wake of entry.wake.splice(0)) wake();
    });
    while (!over && !enough(this.read(id))) {
      await new Promise<void>((resolve) => entry.wake.push(resolve));
    }
  }
}

function before<T>(handler: (data: T) => void, note: (data: T) => void): (data: T) => void {
  return (data) => {
    note(data);
    handler(data);
  };
}

function loggedFrame(type: LoggedFrame["type"], data: string | Uint8Array): LoggedFrame {
  if (typeof data === "string") {
    return { type, bytes: new TextEncoder().encode(data).length, data: data.slice(0, 200) };
  }
  const hex = [...data.subarray(0, 100)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { type, bytes: data.length, data: hex };
}
