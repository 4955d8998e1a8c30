/**
 * The moments at which messages enter the process: a listener of ours, before all others.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import type { FrameSink, WsConnection } from "../../src/contract/connection.ts";

/** Moments, in the order of messages. */
export class Stamps {
  readonly #at: Float64Array;
  #next = 0;

  /** Makes room. */
  constructor(count: number) {
    this.#at = new Float64Array(count);
  }

  /** A message enters. */
  readonly stamp = (): void => {
    this.#at[this.#next++] = performance.now();
  };

  /** When message number `index` entered. */
  at(index: number): number {
    return this.#at[index]!;
  }
}

const Platform = globalThis.WebSocket;

/** Makes every `WebSocket` from now on stamp its messages first. */
export function stampSockets(stamps: Stamps): void {
  globalThis.WebSocket = class extends Platform {
    constructor(...args: ConstructorParameters<typeof Platform>) {
      super(...args);
      this.addEventListener("message", stamps.stamp);
    }
  };
}

/** Gives the platform's `WebSocket` back. */
export function unstampSockets(): void {
  globalThis.WebSocket = Platform;
}

/** A leaf whose frames are stamped where it hands them over. */
export function stampedLeaf(leaf: WsConnector, stamps: Stamps): WsConnector {
  return {
    capabilities: leaf.capabilities,
    connect: async (handshake, context) => stamped(await leaf.connect(handshake, context), stamps),
  };
}

function stamped(session: WsConnection, stamps: Stamps): WsConnection {
  return {
    protocol: session.protocol,
    closed: session.closed,
    get bufferedAmount() {
      return session.bufferedAmount;
    },
    get readable() {
      return session.readable;
    },
    get writable() {
      return session.writable;
    },
    attach(sink: FrameSink) {
      const { text } = sink;
      session.attach!({
        frame(frame) {
          stamps.stamp();
          sink.frame(frame);
        },
        // Only if the sink has it, as the leaf takes another way then: the one that is measured is the one that is used.
        ...text && {
          text(data: string) {
            stamps.stamp();
            text.call(sink, data);
          },
        },
        dropped: (frames, bytes) => sink.dropped(frames, bytes),
        end: (end) => sink.end(end),
      });
    },
    send: (frame) => session.send(frame),
    close: (code, reason) => session.close(code, reason),
    abandon: () => session.abandon(),
  };
}
