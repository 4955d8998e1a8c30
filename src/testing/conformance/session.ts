/**
 * One opened session under test, and what it brought so far.
 *
 * @module
 */
import type { SessionEnd, WsConnection } from "../../contract/connection.ts";
import type { Frame } from "../../contract/frame.ts";
import { expect, shown } from "./expect.ts";

/** Awaits what must come, no longer than a deadline. */
export type Within = <T>(promise: Promise<T>, what: string, deadlineMs?: number) => Promise<T>;

/** One opened session and the frames that it brought. */
export class Session {
  /** Its name at the server. */
  readonly id: string;
  /** The connection under test. */
  readonly connection: WsConnection;
  /** All frames so far. */
  readonly frames: Frame[] = [];
  /** The end record that came through the sink or the stream's end. */
  end: SessionEnd | undefined;
  /** How often the end was told; must be once. */
  ends = 0;
  /** Why its stream could not be read to the end, which must not happen. */
  #broken: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  readonly #within: Within;

  /** Makes one; `collect` begins to read. */
  constructor(within: Within, id: string, connection: WsConnection) {
    this.#within = within;
    this.id = id;
    this.connection = connection;
  }

  /** Begins to read: by the synchronous path where there is one. */
  collect(): this {
    if (this.connection.attach === undefined) {
      // Not left to the platform, which would end the whole run for it.
      this.read().catch((error) => {
        this.#broken = { error };
        this.#wake();
      });
    } else {
      this.connection.attach({
        frame: (frame) => this.#took(frame),
        dropped: () => {},
        end: (end) => this.#ended(end),
      });
    }
    return this;
  }

  /** Reads by the stream. */
  async read(): Promise<void> {
    const reader = this.connection.readable.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      this.#took(next.value);
    }
    this.#ended(await this.connection.closed);
  }

  #took(frame: Frame): void {
    this.frames.push(frame);
    this.#wake();
  }

  #ended(end: SessionEnd): void {
    this.end ??= end;
    this.ends++;
    this.#wake();
  }

  /** The messages so far: text as it is, bytes as bytes. */
  get messages(): (string | Uint8Array)[] {
    const found: (string | Uint8Array)[] = [];
    for (const frame of this.frames) {
      if (frame.type === "text" || frame.type === "binary") found.push(frame.data);
    }
    return found;
  }

  /** Resolves with the messages once there are so many. */
  async received(count: number): Promise<(string | Uint8Array)[]> {
    await this.when(() => this.messages.length >= count, `${count} messages`);
    return this.messages;
  }

  /** Resolves when a condition on this session holds; a session that ends before fails the case. */
  async when(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      this.#expectWhole();
      expect(this.end === undefined, `The session ended before ${what}: ${shown(this.end)}`);
      await this.#within(new Promise<void>((resolve) => this.#wake = resolve), what);
    }
  }

  /** Resolves with the end record, which `closed` must tell alike. */
  async ended(deadlineMs?: number): Promise<SessionEnd> {
    const end = await this.#within(
      this.connection.closed,
      "the end of the session",
      deadlineMs,
    );
    // The sink or the stream may be told in the next turn.
    while (this.end === undefined) {
      this.#expectWhole();
      await this.#within(
        new Promise<void>((resolve) => this.#wake = resolve),
        "the end in the recv half",
      );
    }
    return end;
  }

  #expectWhole(): void {
    const broken = this.#broken;
    expect(broken === undefined, `The readable failed with ${shown(broken?.error)}`);
  }

  /** Sends text. */
  text(data: string): void {
    this.connection.send({ type: "text", data });
  }

  /** Sends bytes. */
  binary(data: Uint8Array<ArrayBuffer>): void {
    this.connection.send({ type: "binary", data });
  }
}
