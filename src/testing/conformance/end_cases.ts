/**
 * Demands on the end of a session, whoever ends it: one record, once, and nothing after it.
 *
 * @module
 */
import { isTransportError } from "../../contract/errors.ts";
import { type Bench, connectorCase } from "./bench.ts";
import type { ConnectorCase } from "./case.ts";
import { LATE_TERMINATE, NO_BUFFERED_AMOUNT, WITHHELD_CLOSE } from "./deviations.ts";
import { expect, expectSame, expectThrows, shown } from "./expect.ts";
import type { Session } from "./session.ts";

function drops(what: "reset" | "fin", secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const session = await bench.session("echo", { secure });
    session.text("before");
    await session.received(1);
    await bench.tell(session.id, what);
    const end = await session.ended();
    expectSame([end.code, end.clean, end.origin], [1006, false, "network"], "The end");
    expectSame(session.ends, 1, "The number of ends");
  };
}

/** Demands that a session takes nothing more. */
function expectNotConnected(session: Session): void {
  const error = expectThrows(() => session.text("late"), "send() after the end");
  expect(isTransportError(error, "not_connected"), `send() throws ${shown(error)}`);
}

/** Half-open, then let go of: nothing is observed any more, and the server sees it go where the leaf can terminate. */
function abandonsHalfOpen(secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const session = await bench.session("half-open", { secure });
    session.text("anyone?");
    await bench.wait(session.id, "frames");
    session.connection.abandon();
    expectNotConnected(session);
    if (!bench.subject.connector.capabilities.terminate) return;
    await bench.wait(session.id, "ended");
    const end = await bench.within(session.connection.closed, "the end");
    expectSame([end.clean, end.origin], [false, "local"], "The end");
  };
}

/** Ends. */
export const END_CASES: readonly ConnectorCase[] = [
  ...[1000, 1001, 1008, 1011, 1012, 1013, 3000, 4001].map((code) =>
    connectorCase(`closed tells the server's code ${code} and its reason`, {}, async (bench) => {
      const session = await bench.session("close", { query: { code, reason: "wegen Wartung €" } });
      const end = await session.ended();
      const told = [end.code, end.reason, end.clean, end.origin];
      expectSame(told, [code, "wegen Wartung €", true, "server"], "The end");
      expectSame(session.ends, 1, "The number of ends");
      expectNotConnected(session);
    })
  ),
  connectorCase("closed tells a Close frame without a code as 1005", {}, async (bench) => {
    const end = await (await bench.session("close", { query: { code: 0 } })).ended();
    expectSame([end.code, end.reason, end.clean], [1005, "", true], "The end");
  }),
  connectorCase("closed does not wait for the end of TCP", {
    needs: ["clock"],
    deviations: WITHHELD_CLOSE,
  }, async (bench) => {
    const session = await bench.session("close-without-fin", { query: { code: 4002 } });
    expectSame((await session.ended(2_500)).code, 4002, "The code");
  }),
  connectorCase("closed tells a reset as 1006", {}, drops("reset", false)),
  connectorCase("closed tells a reset as 1006 over wss:", { needs: ["wss"] }, drops("reset", true)),
  connectorCase(
    "closed tells the end of TCP without a Close frame as 1006",
    {},
    drops("fin", false),
  ),
  connectorCase("frames before the end of TCP are delivered", {}, async (bench) => {
    const session = await bench.session("silent");
    await bench.tell(session.id, "last-words");
    await session.ended();
    expectSame(session.messages, ["last"], "The messages");
  }),

  ...[1000, 3000, 4001, 4999].map((code) =>
    connectorCase(`close() sends code ${code} and its reason`, {}, async (bench) => {
      const session = await bench.session("echo");
      session.connection.close(code, "fertig €");
      const { close } = await bench.wait(session.id, "close");
      expectSame([close?.code, close?.reason], [code, "fertig €"], "What arrived");
      const end = await session.ended();
      expectSame([end.code, end.origin], [code, "local"], "The end");
    })
  ),
  connectorCase("close() without arguments sends code 1000", {}, async (bench) => {
    const session = await bench.session("echo");
    session.connection.close();
    const { close } = await bench.wait(session.id, "close");
    expectSame([close?.code, close?.reason], [1000, ""], "What arrived");
    expectNotConnected(session);
    await session.ended();
    session.connection.close(); // once more is harmless
    session.connection.abandon();
    expectSame(session.ends, 1, "The number of ends");
  }),
  connectorCase("close() refuses other codes and longer reasons", {}, async (bench) => {
    const session = await bench.session("echo");
    for (const code of [0, 999, 1001, 1005, 1006, 1011, 2999, 5000, 1.5, NaN]) {
      const error = expectThrows(() => session.connection.close(code), `close(${code})`);
      expect(error instanceof RangeError, `close(${code}) throws ${shown(error)}`);
    }
    const long = expectThrows(
      () => session.connection.close(1000, "€".repeat(42)),
      "A long reason",
    );
    expect(long instanceof RangeError, `A long reason throws ${shown(long)}`);
    session.text("still open");
    expectSame(await session.received(1), ["still open"], "The echo");
  }),
  connectorCase(
    "frames after the local close come before the end, or not at all",
    {},
    async (bench) => {
      const session = await bench.session("late-frames", { query: { n: 3 } });
      session.connection.close();
      const end = await session.ended();
      expectSame(end.code, 1000, "The code");
      const seen = session.messages.length;
      const late = ["late 0", "late 1", "late 2"];
      expect(seen === 0 || seen === 3, `${seen} of 3 late messages were delivered`);
      expectSame(session.messages, late.slice(0, seen), "The messages");
      await bench.log(session.id);
      expectSame(session.messages.length, seen, "The number of messages after the end");
    },
  ),
  connectorCase("abandon() ends a close that the server does not answer", {}, async (bench) => {
    const session = await bench.session("ignore-close");
    session.connection.close(4000, "bye");
    await bench.wait(session.id, "close");
    session.connection.abandon();
    await bench.tell(session.id, "text", { data: "unheard" });
    await bench.log(session.id);
    expectSame(session.messages, [], "The messages");
  }),
  connectorCase("abandon() delivers nothing afterwards", {}, async (bench) => {
    const session = await bench.session("echo");
    session.text("heard");
    await session.received(1);
    session.connection.abandon();
    expectNotConnected(session);
    if (!(await bench.log(session.id)).ended.length) {
      await bench.tell(session.id, "text", { data: "unheard" });
    }
    await bench.log(session.id);
    expectSame(session.messages, ["heard"], "The messages");
    session.connection.abandon(); // once more is harmless
  }),
  connectorCase("abandon() lets go of a half-open session", {
    deviations: LATE_TERMINATE,
  }, abandonsHalfOpen(false)),
  connectorCase("abandon() lets go of a half-open session over wss:", {
    needs: ["wss"],
  }, abandonsHalfOpen(true)),

  connectorCase(
    "bufferedAmount grows while the server does not read, and shrinks after",
    { deviations: NO_BUFFERED_AMOUNT },
    async (bench) => {
      const session = await bench.session("stop-reading");
      expectSame(session.connection.bufferedAmount, 0, "The amount at first");
      const block = new Uint8Array(1024 * 1024);
      for (let i = 0; i < 32; i++) session.binary(block);
      await bench.log(session.id);
      const amount = session.connection.bufferedAmount;
      expect(amount > 4 * block.length, `bufferedAmount is ${amount} with 32 MiB unread`);
      await bench.tell(session.id, "resume-reading");
      await bench.wait(session.id, "frames", 32);
      await bench.tell(session.id, "text", { data: "read" });
      await session.received(1);
      expectSame(session.connection.bufferedAmount, 0, "The amount at last");
    },
  ),
  connectorCase(
    "a sink that throws does not harm the process",
    {},
    async (bench) => {
      const session = await bench.open("greet", { query: { n: 1 } });
      const { connection } = session;
      if (connection.attach === undefined) return;
      const heard: string[] = [];
      connection.attach({
        frame(frame) {
          if (frame.type === "text") heard.push(frame.data);
          throw new Error("A broken sink");
        },
        dropped: () => {},
        end: () => {
          throw new Error("A broken sink");
        },
      });
      // Whether the session outlives that is the leaf's to decide; the process does.
      await bench.tell(session.id, "close");
      await bench.within(connection.closed, "the end");
      expect(heard.length > 0, "The sink heard nothing");
    },
  ),
];
