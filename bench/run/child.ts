/**
 * A process that is asked by a line of JSON and answers with one.
 *
 * @module
 */

/** How a process is started. */
export interface Program {
  /** The executable. */
  readonly file: string;
  /** Arguments before those of the caller. */
  readonly args: readonly string[];
}

/** One such process. */
export class LineChild {
  readonly #process: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #name: string;
  #rest = "";

  /** Starts it. */
  constructor(
    { file, args }: Program,
    more: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#name = more.join(" ");
    this.#process = new Deno.Command(file, {
      args: [...args, ...more],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      env: { ...env },
    }).spawn();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer = this.#process.stdin.getWriter();
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The next line. @throws {Error} If the process ends before. */
  async line(): Promise<unknown> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return JSON.parse(line);
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`Process ended without an answer: ${this.#name}`);
      this.#rest += value;
    }
  }

  /** Asks, and waits for the answer. @throws {Error} What the process failed with, or that it took too long. */
  async ask<T>(question: unknown, limitMs = 120_000): Promise<T> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`No answer in ${limitMs} ms: ${JSON.stringify(question)}`));
      }, limitMs);
    });
    try {
      const answer = await Promise.race([this.line(), late]) as { result?: T; error?: string };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.result ?? answer as T;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it: this process, by its id. */
  async end(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#process.status;
    await this.#reader.cancel();
    await this.#writer.abort().catch(() => {});
  }
}
