/**
 * Every kind of demand in the conformance list can fail: a good leaf is spoiled in one way at a time, and a named case must see it.
 *
 * @module
 */
import { assert, assertRejects } from "@std/assert";
import type { WsConnection } from "../../src/contract/connection.ts";
import type { ConnectContext, WsConnector } from "../../src/contract/connector.ts";
import { TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import type { Handshake } from "../../src/contract/handshake.ts";
import type { Clock } from "../../src/contract/runtime.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { ConformanceError, CONNECTOR_CASES } from "../../src/testing/conformance.ts";
import { nativeLeaf } from "../conformance/native_leaf.ts";
import { test } from "../support/harness.ts";
import { withServer } from "../support/server.ts";

const { connector: good } = await nativeLeaf();

type Connect = (handshake: Handshake, context: ConnectContext) => Promise<WsConnection>;

/** A leaf whose `connect` is another one. */
function spoilt(connect: Connect): WsConnector {
  return { capabilities: good.capabilities, connect };
}

/** A leaf whose sessions are spoilt: what is not replaced goes to the session itself. */
function spoiltSession(replaced: (session: WsConnection) => Partial<WsConnection>): WsConnector {
  return spoilt(async (handshake, context) => {
    const session = await good.connect(handshake, context);
    const other = replaced(session);
    return new Proxy(session, {
      get(_target, key) {
        const from = key in other ? other : session;
        const value: unknown = Reflect.get(from, key, from);
        return typeof value === "function" ? value.bind(from) : value;
      },
    });
  });
}

/** A leaf whose frames pass through `change`, which may give none or several for one. */
function spoiltFrames(change: (frame: Frame) => readonly Frame[]): WsConnector {
  return spoiltSession((session) => ({
    attach: (sink) =>
      session.attach?.({
        frame: (frame) => change(frame).forEach((it) => sink.frame(it)),
        dropped: (frames, bytes) => sink.dropped(frames, bytes),
        end: (end) => sink.end(end),
      }),
  }));
}

function everySecond(): (frame: Frame) => readonly Frame[] {
  let held: Frame | undefined;
  return (frame) => {
    const pair = held === undefined ? [] : [frame, held];
    held = held === undefined ? frame : undefined;
    return pair;
  };
}

/** A tenth of every deadline: what a mutant makes a case wait for never comes. */
const impatient: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 10),
};

let calls = 0;

const MUTANTS: readonly (readonly [mutant: string, killer: string, leaf: () => WsConnector])[] = [
  [
    "loses every third message",
    "frames of a burst arrive all, in order, before the end",
    () => spoiltFrames((frame) => ++calls % 3 === 0 ? [] : [frame]),
  ],
  [
    "tells messages twice",
    "send() carries text as it is",
    () => spoiltFrames((frame) => [frame, frame]),
  ],
  [
    "swaps neighbours",
    "frames of a burst arrive all, in order, before the end",
    () => spoiltFrames(everySecond()),
  ],
  [
    "trims text",
    "send() carries text as it is",
    () => spoiltFrames((f) => f.type === "text" ? [{ ...f, data: f.data.slice(0, 100) }] : [f]),
  ],
  [
    "tells bytes as text",
    "send() carries bytes as they are",
    () => spoiltFrames((f) => f.type === "binary" ? [{ type: "text", data: "bytes" }] : [f]),
  ],
  [
    "drops what came before it was read",
    "frames that come with the 101 are kept until they are read",
    () =>
      spoiltSession((session) => {
        session.attach?.({ frame: () => {}, dropped: () => {}, end: () => {} });
        return { attach: () => {} };
      }),
  ],
  [
    "sends an unsupported payload as text",
    "send() refuses unsupported payloads before any I/O",
    () =>
      spoiltSession((session) => ({
        send: (frame) =>
          session.send(frame.type === "text" ? { type: "text", data: String(frame.data) } : frame),
      })),
  ],
  [
    "swallows what is sent after the end",
    "closed tells the server's code 4001 and its reason",
    () =>
      spoiltSession((session) => ({
        send(frame) {
          try {
            session.send(frame);
          } catch (error) {
            if (!(error instanceof TransportError)) throw error;
          }
        },
      })),
  ],
  [
    "tells every end as 1000",
    "closed tells a reset as 1006",
    () =>
      spoiltSession((session) => ({
        closed: session.closed.then((end) => ({ ...end, code: 1000 })),
      })),
  ],
  [
    "forgets the reason",
    "closed tells the server's code 1001 and its reason",
    () =>
      spoiltSession((session) => ({
        closed: session.closed.then((end) => ({ ...end, reason: "" })),
      })),
  ],
  [
    "closes with another code",
    "close() sends code 4001 and its reason",
    () => spoiltSession((session) => ({ close: (_code, reason) => session.close(1000, reason) })),
  ],
  [
    "takes any close code",
    "close() refuses other codes and longer reasons",
    () => spoiltSession((session) => ({ close: () => session.close() })),
  ],
  ["abandons nothing", "abandon() delivers nothing afterwards", () => {
    let first = true;
    return spoiltSession((session) => ({
      abandon: () => first ? void (first = false) : session.abandon(),
    }));
  }],
  [
    "says that nothing is buffered",
    "bufferedAmount grows while the server does not read, and shrinks after",
    () => spoiltSession(() => ({ bufferedAmount: 0 })),
  ],
  [
    "tells no subprotocol",
    "connect() gives the subprotocol that the server chose",
    () => spoiltSession(() => ({ protocol: "" })),
  ],
  [
    "offers no subprotocol",
    "connect() refuses no subprotocol where some were offered",
    () => spoilt((handshake, context) => good.connect({ ...handshake, protocols: [] }, context)),
  ],
  [
    "drops headers silently",
    "connect() sends headers or refuses them before any I/O",
    () =>
      spoilt((handshake, context) =>
        good.connect({ ...handshake, headers: new Headers() }, context)
      ),
  ],
  [
    "ignores the signal",
    "connect() aborted before it began does no I/O",
    () => spoilt((handshake) => good.connect(handshake, { signal: new AbortController().signal })),
  ],
  [
    "rejects an abort with its own error",
    "connect() aborts while the server says nothing",
    () =>
      spoilt(async (handshake, context) => {
        try {
          return await good.connect(handshake, context);
        } catch {
          throw new TransportError("connect_failed", "Cannot connect: aborted");
        }
      }),
  ],
  [
    "fails without an end record",
    "connect() fails when refused with 403",
    () =>
      spoilt(async (handshake, context) => {
        try {
          return await good.connect(handshake, context);
        } catch {
          throw new TransportError("connect_failed", "Cannot connect");
        }
      }),
  ],
  [
    "invents a status",
    "connect() fails when refused with 503",
    () =>
      spoilt(async (handshake, context) => {
        try {
          return await good.connect(handshake, context);
        } catch {
          const end = {
            code: 1006,
            reason: "",
            clean: false,
            origin: "handshake",
            status: 500,
          } as const;
          throw new TransportError("connect_failed", "Cannot connect", { end });
        }
      }),
  ],
  ["dials twice", "connect() opens over ws:", () =>
    spoilt(async (handshake, context) => {
      const twin = await good.connect(handshake, context);
      twin.close();
      return await good.connect(handshake, context);
    })],
];

for (const [mutant, killer, leaf] of MUTANTS) {
  test(`CONNECTOR_CASES catches a leaf that ${mutant}`, {
    only: ["deno", "node", "bun"],
  }, async () => {
    const connectorCase = CONNECTOR_CASES.find(({ name }) => name === killer);
    assert(connectorCase !== undefined, `There is no case "${killer}"`);
    await withServer(async ({ ws, http }) => {
      const subject = { platform: "mutant", connector: leaf(), server: { ws, http } };
      await assertRejects(
        () => connectorCase.run({ ...subject, clock: impatient }),
        ConformanceError,
      );
    });
  });
}
