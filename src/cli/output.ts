/**
 * The standard output: one batch at a time, so that a slow reader of the pipe fills the connection's own buffer, where losses are counted,
 * and not this process.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import type { DeliveredFrame } from "../../mod.ts";

interface Host {
  readonly Deno?: { readonly stdout: { readonly writable: WritableStream<Uint8Array> } };
}

/** A frame as a line, without its end. */
export function lineOfFrame(frame: DeliveredFrame, json: boolean): string {
  const { epoch, seq, type } = frame;
  const data = frame.type === "text" ? frame.data : base64(frame.data);
  return json ? JSON.stringify({ epoch, seq, type, data }) : data;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Whether an error says that nobody reads the output any more. */
export function isBrokenPipe(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET";
}

/** The standard output. */
export class Output {
  /** On Deno `process.stdout` is written to synchronously (2.9.5): a full pipe would stop everything, pongs included. */
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined = (globalThis as Host).Deno
    ?.stdout.writable.getWriter();
  #failed: unknown;

  /** Takes hold of it: without a listener, a broken pipe would end the process. */
  constructor() {
    process.stdout.on("error", (error) => this.#failed ??= error);
    process.stderr.on("error", () => {
      // Nobody reads the error output: what it would say cannot be said anywhere.
    });
  }

  /**
   * Writes text.
   *
   * @returns a promise that resolves when the text left this process.
   * @throws What the stream says, see {@link isBrokenPipe}.
   */
  write(text: string): Promise<void> {
    if (this.#writer !== undefined) return this.#writer.write(Buffer.from(text));
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      process.stdout.write(text, (error) => error ? reject(error) : resolve());
    });
  }
}
