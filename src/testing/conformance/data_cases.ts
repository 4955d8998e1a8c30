/**
 * Demands on frames: that they arrive whole, in order and once, in both directions.
 *
 * @module
 */
import { isTransportError } from "../../contract/errors.ts";
import type { Frame } from "../../contract/frame.ts";
import { type Bench, connectorCase } from "./bench.ts";
import type { ConnectorCase } from "./case.ts";
import { INVALID_TEXT, LOST_MARK, MASKED_FRAMES } from "./deviations.ts";
import { expect, expectSame, expectThrows, shown } from "./expect.ts";
import type { Session } from "./session.ts";

const MIB = 1024 * 1024;

function pattern(bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, i) => i % 251);
}

function alphabet(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(97 + i % 26)).join("");
}

/** What is no payload, as a caller without types would give it. */
function badPayloads(): unknown[] {
  const bad: unknown[] = [5, null, undefined, {}, [1, 2], () => 0];
  if (typeof Blob === "function") bad.push(new Blob(["x"]));
  if (typeof SharedArrayBuffer === "function") bad.push(new Uint8Array(new SharedArrayBuffer(4)));
  return bad;
}

/** A session on which the server has done something wrong. */
async function faulty(
  bench: Bench,
  what: string,
  query: Readonly<Record<string, number>> = {},
): Promise<Session> {
  const session = await bench.session("silent");
  await bench.tell(session.id, what, query);
  return session;
}

/** Demands that a session ends for the server's fault, and that what was wrong is not delivered. */
async function endsUndelivered(session: Session): Promise<void> {
  const settled = () => session.end !== undefined || session.messages.length > 0;
  await session.when(settled, "the end");
  expectSame(session.messages, [], "The messages");
  expectSame(session.end?.clean, false, "Whether it was clean");
}

/** Frames. */
export const DATA_CASES: readonly ConnectorCase[] = [
  connectorCase("send() carries text as it is", {}, async (bench) => {
    const session = await bench.session("echo");
    const texts = [
      "",
      "a",
      "\u0000",
      "€ 𝄞 漢",
      '{"a":1}',
      alphabet(125),
      alphabet(70_000),
    ];
    for (const text of texts) session.text(text);
    expectSame(await session.received(texts.length), texts, "The echoes");
  }),
  connectorCase("frames keep U+FEFF at the start of text", {
    deviations: LOST_MARK,
  }, async (bench) => {
    const session = await bench.session("echo");
    session.text("\uFEFFmark");
    expectSame(await session.received(1), ["\uFEFFmark"], "The echo");
  }),
  connectorCase("send() carries bytes as they are", {}, async (bench) => {
    const session = await bench.session("echo");
    const sizes = [0, 1, 125, 126, 65_535, 65_536];
    for (const size of sizes) session.binary(pattern(size));
    const messages = await session.received(sizes.length);
    for (const message of messages) {
      expect(message instanceof Uint8Array, `A binary frame holds ${shown(message)}`);
    }
    expectSame(messages, sizes.map(pattern), "The echoes");
  }),
  connectorCase("send() carries one MiB of text and of bytes", {}, async (bench) => {
    const session = await bench.session("echo");
    session.text(alphabet(MIB));
    session.binary(pattern(MIB));
    const [text, bytes] = await session.received(2);
    expect(text === alphabet(MIB), "The text is not the same");
    expectSame(bytes, pattern(MIB), "The bytes");
  }),
  connectorCase("send() takes only the part of the buffer that a view shows", {}, async (bench) => {
    const session = await bench.session("echo");
    session.binary(pattern(100).subarray(10, 20));
    expectSame(await session.received(1), [pattern(100).slice(10, 20)], "The echo");
  }),
  connectorCase("send() has taken a copy when it returns", {}, async (bench) => {
    const session = await bench.session("echo");
    const bytes = pattern(1000);
    session.binary(bytes);
    bytes.fill(0);
    expectSame(await session.received(1), [pattern(1000)], "The echo");
  }),
  connectorCase("send() turns a lone surrogate into U+FFFD", {}, async (bench) => {
    const session = await bench.session("echo");
    session.text("a\uD800b");
    session.text("\uDC00");
    expectSame(await session.received(2), ["a\uFFFDb", "\uFFFD"], "The echoes");
    expectSame((await bench.log(session.id)).violations, [], "The rules broken");
  }),
  connectorCase("send() refuses unsupported payloads before any I/O", {}, async (bench) => {
    const session = await bench.session("echo");
    for (const data of badPayloads()) {
      for (const type of ["text", "binary"] as const) {
        const call = () => session.connection.send({ type, data } as unknown as Frame);
        const error = expectThrows(call, `send() of ${shown(data)} as ${type}`);
        expect(error instanceof TypeError, `${shown(data)} is refused with ${shown(error)}`);
      }
    }
    session.text("after");
    expectSame(await session.received(1), ["after"], "The echo");
    expectSame((await bench.log(session.id)).received.length, 1, "The number of frames sent");
  }),
  connectorCase("send() keeps the order of a burst, text and bytes mixed", {}, async (bench) => {
    const session = await bench.session("echo");
    const sent: (string | Uint8Array)[] = [];
    for (let i = 0; i < 500; i++) {
      if (i % 3 === 0) session.binary(Uint8Array.of(i & 255, i >> 8));
      else session.text(String(i));
      sent.push(i % 3 === 0 ? Uint8Array.of(i & 255, i >> 8) : String(i));
    }
    expectSame(await session.received(500), sent, "The echoes");
  }),

  connectorCase("frames of a burst arrive all, in order, before the end", {}, async (bench) => {
    const count = 5_000;
    const session = await bench.session("flood", { query: { n: count } });
    const end = await session.ended();
    expectSame(
      session.messages,
      Array.from({ length: count }, (_, i) => String(i)),
      "The messages",
    );
    expectSame(end.code, 1000, "The code");
  }),
  connectorCase("frames that come with the 101 are kept until they are read", {}, async (bench) => {
    const session = await bench.open("greet", { query: { n: 3 } });
    // Two round trips to the server: many turns in which a frame could get lost.
    await bench.log(session.id);
    await bench.log(session.id);
    session.collect();
    const messages = await session.received(3);
    expectSame(messages, ["greeting 0", "greeting 1", "greeting 2"], "The messages");
    session.text("more");
    expectSame((await session.received(4))[3], "more", "The echo");
  }),
  connectorCase("frames that come with the 101 reach the readable too", {}, async (bench) => {
    const session = await bench.open("greet", { query: { n: 3 } });
    await bench.log(session.id);
    const reading = session.read();
    expectSame((await session.received(3)).length, 3, "The number of messages");
    await bench.tell(session.id, "close");
    await bench.within(reading, "the readable to end");
    expectSame(session.ends, 1, "The number of ends");
  }),
  connectorCase(
    "a session that ended before it is read still gives its frames",
    {},
    async (bench) => {
      const session = await bench.open("flood", { query: { n: 3 } });
      await bench.within(session.connection.closed, "the end");
      session.collect();
      await session.ended();
      expectSame(session.messages, ["0", "1", "2"], "The messages");
    },
  ),
  connectorCase("frames in fragments arrive as one message", {}, async (bench) => {
    const session = await bench.session("fragment", { query: { n: 5, bytes: 3_000 } });
    expectSame(await session.received(2), [alphabet(3_000), pattern(3_000)], "The messages");
  }),
  connectorCase("text that is not UTF-8 ends the session undelivered", {
    deviations: INVALID_TEXT,
  }, async (bench) => {
    const session = await faulty(bench, "invalid-utf8");
    await endsUndelivered(session);
  }),
  connectorCase("a masked frame ends the session undelivered", {
    deviations: MASKED_FRAMES,
  }, async (bench) => {
    const session = await faulty(bench, "masked");
    await endsUndelivered(session);
  }),
  ...[["reserved bit", { rsv: 2 }], ["unknown opcode", { opcode: 3 }]].map(([what, query]) =>
    connectorCase(`a frame with a ${what} ends the session undelivered`, {}, async (bench) => {
      const session = await faulty(bench, "bad-frame", query as Record<string, number>);
      await endsUndelivered(session);
    })
  ),
  connectorCase("a message above maxMessageBytes ends the session undelivered", {
    needs: ["limit"],
  }, async (bench) => {
    const bytes = bench.subject.connector.capabilities.maxMessageBytes + 1;
    const session = await bench.session("oversize", { query: { bytes } });
    await endsUndelivered(session);
  }),

  connectorCase("writable sends what is written, in order", {}, async (bench) => {
    const session = await bench.session("echo");
    const writer = session.connection.writable.getWriter();
    for (const data of ["one", "two", "three"]) await writer.write({ type: "text", data });
    writer.releaseLock();
    expectSame(await session.received(3), ["one", "two", "three"], "The echoes");
  }),
  connectorCase("send() sends a ping, or says that it cannot", {}, async (bench) => {
    const { ping, seePing } = bench.subject.connector.capabilities;
    const session = await bench.session("echo");
    const frame: Frame = { type: "ping", data: pattern(4) };
    if (!ping) {
      const error = expectThrows(() => session.connection.send(frame), "send() of a ping");
      expect(isTransportError(error, "unsupported"), `A ping is refused with ${shown(error)}`);
      return;
    }
    session.connection.send(frame);
    const { received } = await bench.wait(session.id, "frames");
    expectSame([received[0]?.type, received[0]?.data], ["ping", "00010203"], "The ping");
    if (!seePing) return;
    await session.when(() => session.frames.length > 0, "the pong");
    const [pong] = session.frames;
    expect(pong?.type === "pong", `The answer is ${shown(pong)}`);
    expectSame(pong.data, pattern(4), "The payload");
  }),
  connectorCase("a ping of the server is answered once, with its payload", {}, async (bench) => {
    const session = await bench.session("ping", { query: { data: "are you there" } });
    await bench.wait(session.id, "frames");
    session.text("done");
    await session.received(1);
    const { received } = await bench.log(session.id);
    const seen = received.map(({ type }) => type);
    expectSame(seen, ["pong", "text"], "What arrived");
    const hex = [...new TextEncoder().encode("are you there")].map((b) => b.toString(16)).join("");
    expectSame(received[0]?.data, hex, "The payload");
    const types = session.frames.map(({ type }) => type);
    const expected = bench.subject.connector.capabilities.seePing ? ["ping", "text"] : ["text"];
    expectSame(types, expected, "The frames");
  }),
];
