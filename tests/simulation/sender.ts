/**
 * How the application sends: one-shot, held, withdrawn, and through the stream.
 *
 * @module
 */
import type { Client } from "./client.ts";

/** Sends over one connection. */
export class Sender {
  readonly #client: Client;
  #sent = 0;
  #writer: WritableStreamDefaultWriter<string> | undefined;
  #writing = false;

  /** Sends nothing yet. */
  constructor(client: Client) {
    this.#client = client;
  }

  /** A few frames, each in its own way. */
  send(frames: number): void {
    const { random, profile } = this.#client;
    for (let i = 0; i < frames; i++) {
      if (profile.holds && random.chance(0.3)) this.#write();
      else this.#oneShot(profile.holds && random.chance(0.5));
    }
  }

  /** Closes the stream: what it took is flushed, then the connection ends. */
  close(): void {
    this.#finish("writable closed", (writer) => writer.close());
  }

  /** Aborts the stream: the connection ends. */
  abort(): void {
    this.#finish("writable aborted", (writer) => writer.abort());
  }

  #oneShot(hold: boolean): void {
    const { connection, sends, promises, world, random, index } = this.#client;
    const id = ++this.#sent;
    const epoch = this.#client.openEpoch;
    // Without a session a frame that is not held belongs to none, and must be refused at once.
    sends.submitted(id, { epoch: hold ? undefined : epoch ?? 0, oneShot: true });
    const aborting = random.chance(0.2);
    const abort = aborting ? new AbortController() : undefined;
    const promise = connection.send(`m:${id}:${"y".repeat(random.int(0, 30))}`, {
      hold,
      ...abort === undefined ? {} : { signal: abort.signal },
    });
    promises.follow(promise, `send ${id}`, world.now);
    let settled = false;
    promise.then(() => {
      settled = true;
      sends.settled(id, "resolved", world.fail);
    }, () => {
      settled = true;
      sends.settled(id, "rejected", world.fail);
    });
    if (abort === undefined) return;
    world.in(random.pick([0, 1, 500]), () => {
      if (!settled) world.fault("sender aborts", index);
      abort.abort();
    });
  }

  #write(): void {
    const { sends, promises, world, random } = this.#client;
    if (this.#writing) return;
    const writer = this.#stream();
    const id = ++this.#sent;
    sends.submitted(id, { epoch: undefined, oneShot: false });
    this.#writing = true;
    const written = writer.write(`m:${id}:${"z".repeat(random.int(0, 30))}`);
    promises.follow(written, `write ${id}`, world.now);
    const done = () => void (this.#writing = false);
    written.then(done, done);
  }

  #stream(): WritableStreamDefaultWriter<string> {
    if (this.#writer !== undefined) return this.#writer;
    this.#writer = this.#client.connection.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#writer.ready.catch(() => {});
    return this.#writer;
  }

  #finish(
    fault: "writable closed" | "writable aborted",
    finish: (writer: WritableStreamDefaultWriter<string>) => Promise<void>,
  ): void {
    const client = this.#client;
    const { profile, promises, world } = client;
    world.fault(fault, client.index);
    client.shutDown = true;
    const finished = finish(this.#stream());
    // Closing flushes for as long as a shutdown may take, and then shuts down. But a stream hears of it only after the write that waits for room.
    const heard = fault === "writable aborted" || !this.#writing;
    const withinMs = heard ? 2 * profile.shutdownTimeoutMs : Infinity;
    promises.follow(finished, fault, world.now, withinMs);
    finished.catch(() => {});
  }
}
