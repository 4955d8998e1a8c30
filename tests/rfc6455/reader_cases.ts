/**
 * What a client must make of what a server sends: one table, read whole, cut at every position, and compared with npm `ws`.
 *
 * @module
 */
import type { Frame } from "../../src/contract/frame.ts";
import { closeFrame, frame, joined, message, OPCODE } from "../support/raw/frames.ts";

/** A byte stream and what it must give. */
export interface ReaderCase {
  /** The test's name. */
  readonly name: string;
  /** What the server sends. */
  readonly bytes: Uint8Array;
  /** The frames that come out of it. */
  readonly frames: readonly Frame[];
  /** The close code with which the connection must then be failed. */
  readonly failure?: 1002 | 1007 | 1009;
  /** What npm `ws` says instead, where it differs, and why. */
  readonly ws?: "differs";
}

/** Largest message of the reader in these cases. */
export const MAX_BYTES = 70_000;

const { text, binary, continuation, ping, pong, close } = OPCODE;
const t = (data: string): Frame => ({ type: "text", data });
const b = (...bytes: number[]): Frame => ({ type: "binary", data: new Uint8Array(bytes) });
const p = (type: "ping" | "pong", ...bytes: number[]): Frame => ({
  type,
  data: new Uint8Array(bytes),
});
const c = (code: number, reason = ""): Frame => ({ type: "close", code, reason });
const u8 = (...bytes: number[]) => new Uint8Array(bytes);
const part = (opcode: number, payload: string | Uint8Array, fin = false) =>
  frame(opcode, payload, { fin });
const euro = u8(0xe2, 0x82, 0xac);

const good: ReaderCase[] = [
  {
    name: "FrameReader reads the text frame of section 5.7",
    bytes: u8(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f),
    frames: [t("Hello")],
  },
  {
    name: "FrameReader reads the fragmented text of section 5.7",
    bytes: u8(0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f),
    frames: [t("Hello")],
  },
  {
    name: "FrameReader reads the ping of section 5.7",
    bytes: u8(0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f),
    frames: [p("ping", 0x48, 0x65, 0x6c, 0x6c, 0x6f)],
  },
  {
    name: "FrameReader reads an unsolicited pong",
    bytes: frame(pong, u8(1, 2)),
    frames: [p("pong", 1, 2)],
  },
  {
    name: "FrameReader reads empty text, binary, ping and pong",
    bytes: joined([frame(text), frame(binary), frame(ping), frame(pong)]),
    frames: [t(""), b(), p("ping"), p("pong")],
  },
  {
    name: "FrameReader reads a run of text frames",
    bytes: joined(["a", "", "bc", " d ", "\u0000", "x".repeat(130)].map((s) => frame(text, s))),
    frames: ["a", "", "bc", " d ", "\u0000", "x".repeat(130)].map(t),
  },
  {
    name: "FrameReader reads a run in which one text is not ASCII",
    bytes: joined(["plain", "5 €", "\u{1f680}", "plain"].map((s) => frame(text, s))),
    frames: ["plain", "5 €", "\u{1f680}", "plain"].map(t),
  },
  {
    name: "FrameReader keeps a byte order mark at the beginning of a text",
    bytes: joined([frame(text, "\ufeffx"), frame(text, "\ufeff")]),
    frames: [t("\ufeffx"), t("\ufeff")],
  },
  ...[125, 126, 127, 65_535, 65_536].map((length): ReaderCase => ({
    name: `FrameReader reads a message of ${length} bytes`,
    bytes: joined([frame(text, "y".repeat(length)), frame(binary, new Uint8Array(length))]),
    frames: [t("y".repeat(length)), { type: "binary", data: new Uint8Array(length) }],
  })),
  {
    name: "FrameReader joins fragments of which some are empty",
    bytes: joined([
      part(binary, ""),
      part(0, u8(1)),
      part(0, ""),
      part(0, u8(2)),
      part(0, "", true),
    ]),
    frames: [b(1, 2)],
  },
  {
    name: "FrameReader gives control frames between fragments at once",
    bytes: joined([
      part(text, "a"),
      frame(ping, u8(7)),
      part(0, "b"),
      frame(pong, u8(8)),
      part(0, "c", true),
      frame(text, "d"),
    ]),
    frames: [p("ping", 7), p("pong", 8), t("abc"), t("d")],
  },
  {
    name: "FrameReader joins a character that fragments cut",
    bytes: joined([part(text, euro.slice(0, 1)), frame(ping), part(0, euro.slice(1), true)]),
    frames: [p("ping"), t("€")],
  },
  {
    name: "FrameReader reads a control frame of 125 bytes",
    bytes: frame(ping, new Uint8Array(125).fill(1)),
    frames: [p("ping", ...new Uint8Array(125).fill(1))],
  },
  {
    name: "FrameReader reads a close frame without a code as 1005",
    bytes: closeFrame(),
    frames: [c(1005)],
  },
  {
    name: "FrameReader reads a close frame with a reason",
    bytes: closeFrame(1001, "going € away"),
    frames: [c(1001, "going € away")],
  },
  {
    name: "FrameReader reads a close reason of 123 bytes",
    bytes: closeFrame(4000, "r".repeat(123)),
    frames: [c(4000, "r".repeat(123))],
  },
  {
    name: "FrameReader reads nothing after a close frame",
    bytes: joined([frame(text, "a"), closeFrame(1000), frame(text, "b"), u8(0xff, 0xff)]),
    frames: [t("a"), c(1000)],
  },
  {
    name: "FrameReader reads a close frame between fragments",
    bytes: joined([part(text, "a"), closeFrame(1000), part(0, "b", true)]),
    frames: [c(1000)],
  },
  {
    name: "FrameReader reads a message as long as the limit",
    bytes: frame(text, "m".repeat(MAX_BYTES)),
    frames: [t("m".repeat(MAX_BYTES))],
  },
];

const codes: ReaderCase[] = [
  ...[
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
  ]
    .map((code): ReaderCase => ({
      name: `FrameReader accepts close code ${code}`,
      bytes: closeFrame(code),
      frames: [c(code)],
    })),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((
    code,
  ): ReaderCase => ({
    name: `FrameReader refuses close code ${code}`,
    bytes: closeFrame(code),
    frames: [],
    failure: 1002,
  })),
];

const bad: ReaderCase[] = [
  ...[0x40, 0x20, 0x10].flatMap((bit) =>
    ([["text", text], ["ping", ping], ["close", close]] as const).map((
      [name, opcode],
    ): ReaderCase => ({
      name: `FrameReader refuses reserved bit 0x${bit.toString(16)} on a ${name} frame`,
      bytes: joined([frame(text, "ok"), frame(opcode, "", { rsv: bit >> 4 })]),
      frames: [t("ok")],
      failure: 1002,
    }))
  ),
  {
    name: "FrameReader refuses a reserved bit on a continuation",
    bytes: joined([part(text, "a"), frame(continuation, "b", { rsv: 4 })]),
    frames: [],
    failure: 1002,
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): ReaderCase => ({
    name: `FrameReader refuses reserved opcode ${opcode}`,
    bytes: joined([frame(text, "ok"), frame(opcode)]),
    frames: [t("ok")],
    failure: 1002,
  })),
  ...([["text", text], ["ping", ping]] as const).map(([name, opcode]): ReaderCase => ({
    name: `FrameReader refuses a masked ${name} frame`,
    bytes: joined([frame(text, "ok"), frame(opcode, "x", { mask: true })]),
    frames: [t("ok")],
    failure: 1002,
  })),
  {
    name: "FrameReader refuses a 16-bit length below 126",
    bytes: frame(text, "x".repeat(125), { lengthField: "16 bit" }),
    frames: [],
    failure: 1002,
    ws: "differs", // ws 8.23 takes it
  },
  {
    name: "FrameReader refuses a 64-bit length below 65536",
    bytes: frame(binary, new Uint8Array(65_535), { lengthField: "64 bit" }),
    frames: [],
    failure: 1002,
    ws: "differs", // ws 8.23 takes it
  },
  {
    name: "FrameReader refuses a length with its top bit set",
    bytes: u8(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1),
    frames: [],
    failure: 1002,
    ws: "differs", // ws 8.23 says too big, which it is as well
  },
  {
    name: "FrameReader refuses a length beyond 2^53 as too big",
    bytes: u8(0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255),
    frames: [],
    failure: 1009,
  },
  {
    name: "FrameReader refuses a control frame of 126 bytes",
    bytes: frame(ping, new Uint8Array(126)),
    frames: [],
    failure: 1002,
  },
  ...([["ping", ping], ["pong", pong], ["close", close]] as const).map((
    [name, opcode],
  ): ReaderCase => ({
    name: `FrameReader refuses a fragmented ${name}`,
    bytes: joined([part(opcode, ""), part(0, "", true)]),
    frames: [],
    failure: 1002,
  })),
  {
    name: "FrameReader refuses a continuation of no message",
    bytes: joined([frame(text, "a"), part(0, "b", true)]),
    frames: [t("a")],
    failure: 1002,
  },
  {
    name: "FrameReader refuses a continuation after a finished message",
    bytes: joined([part(text, "a"), part(0, "b", true), part(0, "c", true)]),
    frames: [t("ab")],
    failure: 1002,
  },
  ...([["text", text], ["binary", binary]] as const).map(([name, opcode]): ReaderCase => ({
    name: `FrameReader refuses a ${name} frame within an unfinished message`,
    bytes: joined([part(text, "a"), frame(ping), frame(opcode, "b")]),
    frames: [p("ping")],
    failure: 1002,
  })),
  {
    name: "FrameReader refuses a close payload of one byte",
    bytes: frame(close, u8(0x0f)), // the first byte of 3840, were there a second
    frames: [],
    failure: 1002,
  },
  {
    name: "FrameReader refuses a close reason that is not UTF-8",
    bytes: frame(close, u8(0x03, 0xe8, 0xff)),
    frames: [],
    failure: 1007,
  },
  ...([
    ["a stray continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a code point beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["byte 0xFF", [0xff]],
    ["a cut character at the end", [0x61, 0xe2, 0x82]],
  ] as const).map(([name, bytes]): ReaderCase => ({
    name: `FrameReader refuses text with ${name}`,
    bytes: joined([frame(text, "ok"), frame(text, u8(...bytes)), frame(text, "never")]),
    frames: [t("ok")],
    failure: 1007,
  })),
  {
    name: "FrameReader refuses text whose last fragment ends within a character",
    bytes: joined([part(text, "a"), part(0, euro.slice(0, 2), true)]),
    frames: [],
    failure: 1007,
  },
  {
    name: "FrameReader refuses two texts that are UTF-8 only together",
    bytes: joined([frame(text, euro.slice(0, 2)), frame(text, euro.slice(2))]),
    frames: [],
    failure: 1007,
  },
  {
    name: "FrameReader refuses a frame over the limit before its payload came",
    bytes: frame(binary, "", { claimedBytes: MAX_BYTES + 1 }),
    frames: [],
    failure: 1009,
  },
  {
    name: "FrameReader refuses fragments that are over the limit together",
    bytes: joined([
      part(binary, new Uint8Array(MAX_BYTES - 1)),
      frame(continuation, "", { claimedBytes: 2 }),
    ]),
    frames: [],
    failure: 1009,
  },
  {
    name: "FrameReader reads nothing after a failure",
    bytes: joined([frame(3), frame(text, "a"), closeFrame(1000)]),
    frames: [],
    failure: 1002,
  },
];

/** The whole table; see also {@link message} for how fragments are made. */
export const READER_CASES: readonly ReaderCase[] = [
  ...good,
  ...codes,
  ...bad,
  {
    name: "FrameReader reads a long text of many fragments",
    bytes: message(text, "fragment € ".repeat(500), { fragments: 97 }),
    frames: [t("fragment € ".repeat(500))],
  },
];
