/**
 * The standard input: each line is sent, one after the other, and the next is read when it was handed over.
 *
 * @module
 */
import process from "node:process";
import { isTransportError, type ReconnectingConnection } from "../../mod.ts";
import type { Report } from "./report.ts";

/** As much as may wait to be sent by default: a longer line would be refused anyway. */
const LONGEST_LINE = 4_194_304;

/** Lines of a text that comes in pieces. What is too long for a line is left out, and `tooLong` says so. */
export async function* linesOf(
  chunks: AsyncIterable<string>,
  { longest = LONGEST_LINE, tooLong = () => {} }: {
    readonly longest?: number;
    readonly tooLong?: (line: number) => void;
  } = {},
): AsyncGenerator<{ readonly number: number; readonly text: string }, void> {
  let number = 1;
  let rest = "";
  let skipping = false;
  const finish = (text: string) => text.endsWith("\r") ? text.slice(0, -1) : text;
  for await (const chunk of chunks) {
    const parts = chunk.split("\n");
    for (const [at, part] of parts.entries()) {
      if (!skipping) rest += part;
      if (!skipping && rest.length > longest) {
        skipping = true;
        rest = "";
        tooLong(number);
      }
      if (at === parts.length - 1) break;
      if (!skipping) yield { number, text: finish(rest) };
      skipping = false;
      rest = "";
      number++;
    }
  }
  if (rest !== "") yield { number, text: finish(rest) };
}

/** Sends the lines of the standard input until it ends or the connection does. */
export class Input {
  readonly #connection: ReconnectingConnection;
  readonly #report: Report;
  readonly #hold: boolean;
  #over = false;

  /** Takes the connection to send on; `hold`: whether a line may wait for the next session. */
  constructor(connection: ReconnectingConnection, report: Report, hold: boolean) {
    this.#connection = connection;
    this.#report = report;
    this.#hold = hold;
  }

  /** Sends. Resolves when the input has ended, or nothing can be sent any more. */
  async run(): Promise<void> {
    process.stdin.setEncoding("utf8");
    const lines = linesOf(process.stdin as AsyncIterable<string>, {
      tooLong: (number) => this.#unsent(number, `longer than ${LONGEST_LINE} characters`),
    });
    try {
      for await (const { number, text } of lines) await this.#send(number, text);
    } catch (error) {
      if (!this.#over) this.#report.say(`cannot read the input: ${messageOf(error)}`);
    }
  }

  /** Reads no more. */
  stop(): void {
    this.#over = true;
    process.stdin.destroy();
  }

  async #send(number: number, text: string): Promise<void> {
    try {
      await this.#connection.send(text, { hold: this.#hold });
    } catch (error) {
      this.#unsent(number, isTransportError(error) ? error.code : messageOf(error));
    }
  }

  #unsent(number: number, why: string): void {
    this.#report.say(`line ${number} of the input was not sent: ${why}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
