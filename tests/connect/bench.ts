/**
 * A leaf whose dials the test settles, and what to call dial layers with.
 *
 * @module
 */
import type { SessionEnd, WsConnection } from "../../src/contract/connection.ts";
import type { Capabilities, ConnectContext, WsConnector } from "../../src/contract/connector.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { type Handshake, handshakeOf } from "../../src/contract/handshake.ts";

/** Everything that a leaf may be able to do. */
export const able: Capabilities = {
  headers: true,
  handshakeStatus: "exact",
  ping: true,
  seePing: true,
  terminate: true,
  maxMessageBytes: Infinity,
  wireDials: 1,
  recvAxis: false,
};

/** Lets all promise callbacks run that can run now. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A handshake. */
export function greeting(url = "ws://venue.example/feed"): Handshake {
  return handshakeOf({ url, protocols: ["v1"], headers: { "x-base": "1" } });
}

/** A socket of which only its abandonment matters. */
export class Socket implements WsConnection {
  readonly protocol = "v1";
  readonly bufferedAmount = 0;
  readonly closed: Promise<SessionEnd> = new Promise(() => {});
  abandons = 0;

  get readable(): ReadableStream<Frame> {
    throw new Error("dial layers do not read");
  }

  get writable(): WritableStream<Frame> {
    throw new Error("dial layers do not write");
  }

  send(): void {
    throw new Error("dial layers do not send");
  }

  close(): void {
    throw new Error("dial layers do not wait for a close");
  }

  abandon(): void {
    this.abandons++;
  }
}

/** One dial under way. */
export interface PendingDial {
  readonly handshake: Handshake;
  readonly context: ConnectContext;
  readonly socket: Socket;
  open(): void;
  fail(reason: unknown): void;
}

/** A leaf that does not listen to its signal, so that the layers around it have to. */
export class DeafLeaf implements WsConnector {
  readonly capabilities: Capabilities;
  readonly dials: PendingDial[] = [];

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.capabilities = { ...able, ...capabilities };
  }

  connect(handshake: Handshake, context: ConnectContext): Promise<WsConnection> {
    return new Promise((resolve, reject) => {
      const socket = new Socket();
      this.dials.push({
        handshake,
        context,
        socket,
        open: () => resolve(socket),
        fail: reject,
      });
    });
  }
}

/** An abort controller whose signal counts the listeners that it has. */
export function countingAbort(): {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  readonly listeners: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const live = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    live.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    live.delete(args[1]);
    remove(...args);
  };
  add("abort", () => live.clear());
  return { controller, signal, listeners: () => live.size };
}
