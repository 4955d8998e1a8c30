/**
 * An outbox over sockets that a test looks into.
 *
 * @module
 */
import type { SessionEnd, WsConnection } from "../../src/contract/connection.ts";
import { TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import type { FrameLayer } from "../../src/contract/session.ts";
import { Outbox, type OutboxOptions } from "../../src/send/outbox.ts";
import { gateOf } from "../../src/send/send_rate_limit.ts";
import { ManualClock } from "../../src/testing/mod.ts";

/** A text frame. */
export function text(data: string): Frame {
  return { type: "text", data };
}

/** What a frame says. */
export function textOf(frame: Frame): unknown {
  return frame.type === "text" ? frame.data : frame.type;
}

/** Lets all promise callbacks run that can run now. Real streams take some ten rounds for each frame. */
export async function settled(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await Promise.resolve();
}

/** Most times in any closed window. */
export function fullest(times: readonly number[], windowMs: number): number {
  let most = 0;
  for (const from of times) {
    most = Math.max(most, times.filter((at) => at >= from && at - from <= windowMs).length);
  }
  return most;
}

/** A socket that takes frames, or does not. */
export class Socket implements WsConnection {
  readonly protocol = "";
  readonly closed: Promise<SessionEnd> = new Promise(() => {});
  readonly sent: { readonly at: number; readonly frame: Frame }[] = [];
  bufferedAmount = 0;
  /** Whether it is still open. */
  alive = true;
  /** Called within each hand-off, before the frame counts as sent. */
  onSend: (frame: Frame) => void = () => {};
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** The text that was sent. */
  get texts(): unknown[] {
    return this.sent.map(({ frame }) => textOf(frame));
  }

  get readable(): ReadableStream<Frame> {
    throw new Error("the outbox does not read");
  }

  get writable(): WritableStream<Frame> {
    throw new Error("the outbox hands over synchronously");
  }

  send(frame: Frame): void {
    if (!this.alive) {
      throw new TransportError("not_connected", "Cannot send frame: the socket is not open");
    }
    this.onSend(frame);
    this.sent.push({ at: this.#clock.now(), frame });
  }

  close(): void {
    throw new Error("the outbox does not close");
  }

  abandon(): void {
    throw new Error("the outbox does not abandon");
  }
}

/** What a bench is made of. */
export interface BenchOptions extends Partial<Omit<OutboxOptions, "gate" | "clock">> {
  readonly gate?: FrameLayer;
}

/** An outbox with its clock, its sockets, and what it complained of. */
export interface Bench {
  readonly outbox: Outbox;
  readonly clock: ManualClock;
  readonly sockets: Socket[];
  readonly failures: { readonly epoch: number; readonly error: TransportError }[];
  /** Ends the session, if there is one, and opens the next. @returns its socket. */
  opened(options?: { start?: boolean; layers?: Transformer<Frame, Frame> }): Socket;
  /** Ends the session. */
  lost(): void;
}

/** Why sessions of a bench end. */
export const loss: TransportError = new TransportError("session_lost", "Session lost: by the test");

/** Makes a bench. */
export function bench({ gate, ...options }: BenchOptions = {}): Bench {
  const clock = new ManualClock();
  const sockets: Socket[] = [];
  const failures: Bench["failures"] = [];
  const outbox = new Outbox({
    clock,
    maxWaitingFrames: 1_024,
    maxWaitingBytes: 4_194_304,
    highWaterMarkBytes: 1_000,
    timeoutMs: 30_000,
    hooks: { onFailed: (epoch, error) => void failures.push({ epoch, error }) },
    ...options,
    gate: gateOf(gate),
  });
  return {
    outbox,
    clock,
    sockets,
    failures,
    opened({ start = true, layers } = {}) {
      outbox.lose(loss);
      const connection = new Socket(clock);
      sockets.push(connection);
      outbox.open({ epoch: sockets.length, connection, layers });
      if (start) outbox.start();
      return connection;
    },
    lost: () => outbox.lose(loss),
  };
}
