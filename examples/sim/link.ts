/**
 * One connection of a simulator: its record, and every fault that a link can have.
 *
 * @module
 */
import { OPCODE, type RawPeer, type RequestHead } from "./raw.ts";
import { Timers } from "./timers.ts";

/** A frame of the client as the venue counts it. */
export interface Inbound {
  readonly opcode: number;
  readonly bytes: number;
  readonly atMs: number;
}

/** What a connection of a simulator suffers. Set any of it at any time. */
export interface LinkFaults {
  /** Topics that send nothing any more; the link is fine. */
  readonly frozenTopics: Set<string>;
  /** Sends no message at all; pings go on. */
  freezeAll: boolean;
  /** So many of the next messages are lost: they use up their sequence number and are not sent. */
  dropNext: number;
  /** So many of the next messages come twice. */
  duplicateNext: number;
  /** So many of the next messages come after their successor. */
  reorderNext: number;
  /** Frames per message. */
  fragments: number;
  /** Delay of each message in milliseconds; the order stays. */
  latencyMs: number;
  /** At most so much more delay, in milliseconds; the order stays. */
  jitterMs: number;
}

/** One connection. */
export class Link {
  /** The connection's number: 1, 2, ... */
  readonly id: number;
  /** Faults that are on now. */
  readonly faults: LinkFaults = {
    frozenTopics: new Set(),
    freezeAll: false,
    dropNext: 0,
    duplicateNext: 0,
    reorderNext: 0,
    fragments: 1,
    latencyMs: 0,
    jitterMs: 0,
  };
  /** What the client is subscribed to. */
  readonly topics: Set<string> = new Set();
  /** Timers that end with the connection. */
  readonly timers: Timers = new Timers();
  /** `performance.now()` of the accepted handshake. */
  readonly openedAtMs: number = performance.now();
  /** Messages sent. */
  sent = 0;
  readonly #peer: RawPeer;
  readonly #late: string[] = [];
  #held: { topic: string; text: string } | undefined;

  /** Takes an accepted peer. */
  constructor(id: number, peer: RawPeer) {
    this.id = id;
    this.#peer = peer;
    void peer.closed.then(() => this.timers.clear());
  }

  /** The request head: url, headers. */
  get request(): RequestHead {
    return this.#peer.request;
  }

  /** Every frame of the client, with its time. */
  get inbound(): readonly Inbound[] {
    return this.#peer.arrivals;
  }

  /** Whether the TCP connection has ended. */
  get ended(): boolean {
    return this.#peer.ended;
  }

  /** Bytes that the client has not read. */
  get unreadBytes(): number {
    return this.#peer.bufferedBytes;
  }

  /** Sends a message of a topic, through the faults. @returns whether it was sent. */
  send(topic: string, text: string): boolean {
    const { faults } = this;
    if (faults.freezeAll || faults.frozenTopics.has(topic)) return false;
    if (faults.dropNext > 0) {
      faults.dropNext--;
      return false;
    }
    if (faults.reorderNext > 0 && this.#held === undefined) {
      faults.reorderNext--;
      this.#held = { topic, text };
      return true;
    }
    this.#put(text);
    if (faults.duplicateNext > 0) {
      faults.duplicateNext--;
      this.#put(text);
    }
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#put(held.text);
    return true;
  }

  /** Sends a message that no fault touches: an answer, or an error. */
  reply(text: string): void {
    this.#put(text);
  }

  /** Sends a ping. */
  ping(payload: Uint8Array): void {
    this.#peer.ping(payload);
  }

  /** RST. */
  rst(): void {
    this.#peer.reset();
  }

  /** FIN without a Close frame. */
  fin(): void {
    this.#peer.fin();
  }

  /** A Close frame, then the handshake. */
  close(code: number, reason = ""): void {
    this.#peer.close(code, reason);
  }

  /** The client's Close frame stays without an answer. */
  ignoreClose(): void {
    this.#peer.ignoreClose();
  }

  /** Sends nothing any more, neither messages nor pongs, and keeps the connection. */
  halfOpen(): void {
    this.#peer.stopWriting();
  }

  /** A text message that is not UTF-8 (0x99, as IBKR sent it on orders and trades). */
  invalidUtf8(): void {
    this.#peer.sendFrame(OPCODE.text, new Uint8Array([0x7b, 0x99, 0x7d]));
  }

  /** A text message of so many MiB. */
  oversize(mebibytes: number): void {
    this.#put("x".repeat(mebibytes * 1_048_576));
  }

  /** So many messages of so many bytes at once. */
  async burst(count: number, bytes: number): Promise<void> {
    await this.#peer.flood(count, (index) => `{"burst":${index}}`.padEnd(bytes));
  }

  #put(text: string): void {
    const { fragments, latencyMs, jitterMs } = this.faults;
    this.sent++;
    if (latencyMs + jitterMs === 0 && this.#late.length === 0) {
      return this.#peer.sendText(text, { fragments });
    }
    this.#late.push(text);
    // Each timer sends the oldest: whichever fires first, the order stays.
    this.timers.after(latencyMs + Math.random() * jitterMs, () => {
      const oldest = this.#late.shift();
      if (oldest !== undefined) this.#peer.sendText(oldest, { fragments });
    });
  }
}
