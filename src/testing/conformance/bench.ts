/**
 * What a conformance case works with: dials that are named, so that the server can be asked about them, sessions whose
 * frames are collected, deadlines, and the giving back of all that at the end.
 *
 * @module
 */
import type { WsConnection } from "../../contract/connection.ts";
import { isTransportError, type TransportError } from "../../contract/errors.ts";
import type { Handshake } from "../../contract/handshake.ts";
import type { ConnectorCase, ConnectorSubject } from "./case.ts";
import { ConformanceError, expect, shown } from "./expect.ts";
import { Session, type Within } from "./session.ts";

/** What the server knows of the dials under one name. */
export interface ServerLog {
  /** Requests for a WebSocket. */
  readonly handshakes: readonly {
    readonly protocols: readonly string[];
    readonly headers: readonly (readonly [name: string, value: string])[];
  }[];
  /** What arrived; bytes in hexadecimal, shortened. */
  readonly received: readonly {
    readonly type: "text" | "binary" | "ping" | "pong";
    readonly bytes: number;
    readonly data: string;
  }[];
  /** The client's Close frame. */
  readonly close?: { readonly code: number; readonly reason: string };
  /** Connections that ended. */
  readonly ended: readonly { readonly code: number }[];
  /** Rules that the client broke. */
  readonly violations: readonly string[];
}

/** How a case dials. */
export interface DialOptions {
  /** Query parameters of the script. */
  readonly query?: Readonly<Record<string, string | number>>;
  /** Offered subprotocols. */
  readonly protocols?: readonly string[];
  /** Request headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS. @default {false} */
  readonly secure?: boolean;
  /** Aborts the dial. @default {one of the bench's own} */
  readonly signal?: AbortSignal;
}

/** A dial that has begun: its name at the server, and its outcome. */
export interface Dial {
  readonly id: string;
  readonly outcome: Promise<WsConnection>;
}

/** How long a case waits for what must come. */
const DEADLINE_MS = 10_000;

let dials = 0;

/** A name no other process uses at the same server. */
function freshId(platform: string): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${platform}-${++dials}-${random.toString(36)}`;
}

/** The surroundings of one run of one case. */
export class Bench {
  /** What is tested. */
  readonly subject: ConnectorSubject;
  readonly #controller: AbortController = new AbortController();
  readonly #opened: { readonly id: string; readonly connection: WsConnection }[] = [];
  readonly #ids: string[] = [];

  /** Makes one. */
  constructor(subject: ConnectorSubject) {
    this.subject = subject;
  }

  /** Begins a dial of a script. */
  dial(path: string, options: DialOptions = {}): Dial {
    const id = freshId(this.subject.platform);
    this.#ids.push(id);
    const { secure = false, query = {}, protocols = [], headers = {} } = options;
    const url = new URL(path, secure ? this.subject.server.wss : this.subject.server.ws);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    url.searchParams.set("id", id);
    const handshake = { url, protocols: [...protocols], headers: new Headers(headers) };
    return { id, outcome: this.connect(handshake, id, options.signal) };
  }

  /** Dials any handshake. */
  async connect(
    handshake: Handshake,
    id: string = "",
    signal?: AbortSignal,
  ): Promise<WsConnection> {
    const context = { signal: signal ?? this.#controller.signal };
    const connection = await this.subject.connector.connect(handshake, context);
    this.#opened.push({ id, connection });
    return connection;
  }

  /** Opens a session without reading it yet. */
  async open(path: string, options: DialOptions = {}): Promise<Session> {
    const { id, outcome } = this.dial(path, options);
    return new Session(this.within, id, await this.opens(outcome));
  }

  /** Opens a session and reads it. */
  async session(path: string, options: DialOptions = {}): Promise<Session> {
    return (await this.open(path, options)).collect();
  }

  /** Demands that a dial opens. */
  async opens(outcome: Promise<WsConnection>): Promise<WsConnection> {
    try {
      return await this.within(outcome, "the dial to open");
    } catch (error) {
      if (error instanceof ConformanceError) throw error;
      throw new ConformanceError(`The dial failed: ${shown(error)}`, { cause: error });
    }
  }

  /** Demands that a dial fails, and gives what it failed with. */
  async fails(outcome: Promise<WsConnection>): Promise<unknown> {
    let connection: WsConnection;
    try {
      connection = await this.within(outcome, "the dial to fail");
    } catch (error) {
      if (error instanceof ConformanceError) throw error;
      return error;
    }
    throw new ConformanceError(`The dial opened with protocol "${connection.protocol}"`);
  }

  /** Demands that a dial fails with a {@link TransportError} of one of these codes. */
  async failsWith(
    outcome: Promise<WsConnection>,
    ...codes: readonly TransportError["code"][]
  ): Promise<TransportError> {
    const error = await this.fails(outcome);
    expect(
      isTransportError(error),
      `The dial failed with ${shown(error)}, which is no TransportError`,
    );
    expect(
      codes.includes(error.code),
      `The dial failed with ${error.code} instead of ${codes.join(" or ")}`,
    );
    return error;
  }

  /** What the server knows of a dial now. A round trip, too: what came before it has been handled. */
  log(id: string): Promise<ServerLog> {
    return this.#ask("log", { id });
  }

  /** What the server knows once something is there. */
  wait(
    id: string,
    what: "open" | "ended" | "close" | "frames",
    count: number = 1,
  ): Promise<ServerLog> {
    return this.within(this.#ask("wait", { id, for: what, n: count }), `the server to see ${what}`);
  }

  /** Has the server do something with a connection. */
  async tell(id: string, what: string, query: DialOptions["query"] = {}): Promise<void> {
    await this.#ask("do", { id, what, ...query });
  }

  /** TCP connections that a port has taken. */
  async tcpCount(port: "ws" | "wss"): Promise<number> {
    return (await this.#ask<Record<"ws" | "wss", { tcp: number }>>("count", {}))[port].tcp;
  }

  /** A port on which nobody listens. */
  async closedPort(): Promise<number> {
    return (await this.#ask<{ port: number }>("closed-port", {})).port;
  }

  async #ask<T>(path: string, query: Readonly<Record<string, string | number>>): Promise<T> {
    const url = new URL(path, this.subject.server.http);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url);
    const answer = await response.json() as T;
    if (!response.ok) throw new Error(`The scripted server has no ${path}: ${shown(answer)}`);
    return answer;
  }

  /** Awaits what must come, no longer than the deadline. */
  readonly within: Within = async (promise, what, deadlineMs = DEADLINE_MS) => {
    const { clock } = this.subject;
    if (clock === undefined) return await promise;
    let cancel: () => void = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.setTimer(
        () => reject(new ConformanceError(`Waited ${deadlineMs} ms in vain for ${what}`)),
        deadlineMs,
      );
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      cancel();
    }
  };

  /** Gives everything back: aborts, lets go, has the server reset what is left, and awaits the ends. */
  async release(): Promise<void> {
    this.#controller.abort(new Error("The case is over"));
    for (const { connection } of this.#opened) connection.abandon();
    for (const id of this.#ids) {
      const { handshakes, ended } = await this.log(id);
      if (handshakes.length > ended.length) await this.tell(id, "reset");
    }
    await this.within(
      Promise.all(this.#opened.map(({ connection }) => connection.closed)),
      "sessions to end once the server had reset them",
    );
  }
}

/** What a case is made of besides its name. */
export type CaseFacts = Pick<ConnectorCase, "needs" | "deviations">;

/** Makes a case of a body that works on a bench. */
export function connectorCase(
  name: string,
  facts: CaseFacts,
  body: (bench: Bench) => Promise<void>,
): ConnectorCase {
  return {
    name,
    ...facts,
    async run(subject) {
      const bench = new Bench(subject);
      const failure: { error?: unknown } = {};
      await body(bench).catch((error) => failure.error = error);
      const released = bench.release();
      if (!("error" in failure)) return await released;
      // What the case found comes first: a leaf that failed it may well not end its sessions either.
      await released.catch(() => {});
      throw failure.error;
    },
  };
}
