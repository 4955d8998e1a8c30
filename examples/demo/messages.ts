/**
 * What the two processes of the demo say to each other: frames on the socket, and JSON lines on the
 * side channel (the server's stdin and stdout), which tells what really happened.
 *
 * @module
 */
import type { FaultKind } from "./script.ts";

/** What the client sends on the socket. */
export type ClientMessage =
  | { readonly op: "subscribe"; readonly epoch: number }
  /** The consumer has stopped reading. */
  | { readonly op: "stalling" }
  | { readonly op: "ping" };

/** What the server sends on the socket, each with the number `n` of its frame within the session. */
export type FeedMessage =
  | { readonly n: number; readonly type: "subscribed"; readonly epoch: number }
  | {
    readonly n: number;
    readonly type: "quote";
    readonly symbol: string;
    readonly bid: number;
    readonly ask: number;
  }
  /** Asks the consumer to stop reading until it has lost so many frames. */
  | { readonly n: number; readonly type: "stall"; readonly frames: number }
  | { readonly n: number; readonly type: "pong" };

/** A fault, told when it was done. */
export interface FaultReport {
  readonly type: "fault";
  readonly kind: FaultKind;
  /** The client's own number of the dial that met it. */
  readonly dial: number;
  /** The client's epoch, for what befell a session. */
  readonly epoch: number;
  /** Number of the last frame before the fault was over: a flood is over then. */
  readonly sent: number;
}

/** A session of the server, told when its connection has ended. */
export interface SessionReport {
  readonly type: "session";
  readonly dial: number;
  /** The client's epoch; 0 when it never subscribed, and so was sent nothing. */
  readonly epoch: number;
  /** Data frames handed to the socket. */
  readonly sent: number;
  /** The code of the server's Close frame, if it sent one behind the last data frame. */
  readonly close?: number;
}

/** A line of the server. */
export type ServerLine =
  | { readonly type: "listening"; readonly url: string }
  | FaultReport
  | SessionReport
  /** Every step was played, and a calm session is up. */
  | { readonly type: "done" };

/** A line to the server: plays these again. */
export interface ControlLine {
  readonly again: readonly FaultKind[];
}

/** The number of a frame, or `undefined` if it has none. */
export function numberOf(data: unknown): number | undefined {
  if (typeof data !== "string") return undefined;
  const hit = /^\{"n":(\d+),/.exec(data);
  return hit === null ? undefined : Number(hit[1]);
}

/** Splits a stream of text into the values of its JSON lines. */
export class JsonLines {
  #rest = "";

  /** Takes the next piece. @throws {SyntaxError} If a whole line is not JSON. */
  push(text: string): unknown[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    return lines.filter((line) => line.trim() !== "").map((line): unknown => JSON.parse(line));
  }
}
