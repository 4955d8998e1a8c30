/**
 * How the application reads: one way after the other, as fast as it is let.
 *
 * @module
 */
import type { DeliveredFrame } from "../../mod.ts";
import type { Client } from "./client.ts";
import type { Reading } from "./profile.ts";
import { originOf } from "./server.ts";

/** One form of reading, in the words of the others. */
interface Form {
  next(): Promise<readonly DeliveredFrame[] | undefined>;
  /** Leaves, and wants no more. */
  cancel(): Promise<unknown>;
  /** Leaves, for somebody else to go on. */
  leave(): Promise<unknown>;
}

/** Reads one connection. */
export class Reader {
  /** How it ended, once it has. */
  end: { readonly error: unknown } | undefined;
  /** Whether it wanted no more. */
  cancelled = false;
  readonly #client: Client;
  #form: Form | undefined;
  #reading: Reading;
  /** Reads that it may still make. */
  #permits = 0;
  #permitted: () => void = () => {};
  #pending = false;
  #change: Reading | undefined;

  /** Reads nothing yet. */
  constructor(client: Client) {
    this.#client = client;
    this.#reading = client.profile.reading;
    if (this.#reading !== "nothing") void this.#run();
  }

  /** It may read so many times more. */
  permit(reads: number): void {
    this.#permits += reads;
    this.#permitted();
  }

  /** It may not read until it is permitted again. */
  stall(): void {
    this.#permits = 0;
  }

  /** Whether a read waits for a frame. */
  get pending(): boolean {
    return this.#pending;
  }

  /** From now on it reads in another way. A read that waits for a frame is left behind. */
  change(reading: Reading): void {
    const started = this.#form !== undefined;
    // Whoever leaves `for await` wants no more.
    if (this.end !== undefined || this.cancelled || started && this.#reading === "for await") {
      return;
    }
    this.#change = reading;
    if (!started) {
      this.#reading = reading;
      void this.#run();
    } else if (this.#pending) void this.#form!.leave();
    else this.#permitted();
  }

  /** Wants no more. */
  cancel(): void {
    if (this.#form === undefined || this.end !== undefined || this.cancelled) return;
    this.cancelled = true;
    const { promises, world } = this.#client;
    promises.follow(this.#form.cancel(), "cancel", world.now, 0);
    this.#permitted();
  }

  /** At the end: reads all that is left. */
  drain(): void {
    if (this.#form === undefined) this.change("frames");
    this.permit(Infinity);
  }

  async #run(): Promise<void> {
    while (this.end === undefined && !this.cancelled) {
      if (this.#change !== undefined) this.#reading = this.#change;
      this.#change = undefined;
      this.#form = formOf(this.#client, this.#reading);
      await this.#readOn(this.#form);
    }
  }

  async #readOn(form: Form): Promise<void> {
    const client = this.#client;
    try {
      while (!this.cancelled) {
        while (this.#permits === 0 && !this.cancelled && this.#change === undefined) {
          await new Promise<void>((resolve) => this.#permitted = resolve);
        }
        if (this.cancelled) return;
        if (this.#change !== undefined) return void await form.leave();
        this.#permits--;
        this.#pending = true;
        const frames = await client.promises.follow(form.next(), "read", client.world.now);
        this.#pending = false;
        if (frames === undefined) {
          if (this.#change !== undefined || this.cancelled) return;
          this.end = { error: undefined };
          return;
        }
        for (const frame of frames) this.#got(frame);
      }
    } catch (error) {
      this.#pending = false;
      // A released reader's read rejects: that is how it is told.
      if (this.#change !== undefined && error instanceof TypeError) return;
      this.end = { error };
      // An iterator lets go of the stream by itself; whoever holds a reader must.
      if (this.#reading === "readable") await form.leave();
    }
  }

  #got(frame: DeliveredFrame): void {
    const { delivery, connection, world, index } = this.#client;
    const { epoch } = connection.lifecycle.value;
    delivery.frame(frame, originOf(frame.data), epoch, world.fail);
    world.trace.note(world.now, index, `read ${frame.seq}`);
  }
}

function formOf({ connection }: Client, reading: Reading): Form {
  if (reading === "readable") {
    const reader = connection.readable.getReader();
    return {
      async next() {
        const { done, value } = await reader.read();
        if (!done) return [value];
        reader.releaseLock();
      },
      async cancel() {
        await reader.cancel();
        reader.releaseLock();
      },
      leave: () => Promise.resolve(reader.releaseLock()),
    };
  }
  if (reading === "batches") {
    const batches = connection.batches({ maxFrames: 5, preventCancel: true });
    return { ...leaving(batches), next: async () => (await batches.next()).value };
  }
  const frames = reading === "for await"
    ? connection[Symbol.asyncIterator]()
    : connection.frames({ preventCancel: true });
  const next = async () => {
    const { done, value } = await frames.next();
    return done ? undefined : [value];
  };
  if (reading !== "for await") return { ...leaving(frames), next };
  // Leaving this loop is wanting no more: there is no other way to leave it.
  const cancel = async () => await frames.return!();
  return { next, cancel, leave: cancel };

  function leaving(iterator: AsyncIterator<unknown>): Omit<Form, "next"> {
    const leave = async () => await iterator.return!();
    return {
      leave,
      async cancel() {
        await leave();
        await connection.readable.cancel();
      },
    };
  }
}
