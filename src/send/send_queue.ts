/**
 * The queue in the outbox: who waits, in which order, how much it may be, and who waits for room in it.
 *
 * Rules:
 * - Ranks: the start of a session (0), its layers (1), the application (2). Lower goes first; within a rank first in, first out.
 * - Ranks 0 and 1 belong to the session itself and have bounds of their own: frames that are held for a session must not keep it from starting.
 * - An entry settles once. While it is on its way (taken, not settled) it still counts as waiting.
 *
 * @module
 */
import { nothing, onAbort, raced } from "../contract/abort.ts";
import type { TransportError } from "../contract/errors.ts";
import { type Frame, frameBytes, isDataFrame } from "../contract/frame.ts";

/** Who sends. Lower goes first. */
export type Rank = 0 | 1 | 2;

/** Why an entry was not handed over. `reason` may be `undefined`, as an abort reason may. */
export interface Failure {
  readonly reason: unknown;
}

/** One frame that waits. */
export interface Entry {
  readonly frame: Frame;
  readonly bytes: number;
  readonly rank: Rank;
  /** The epoch that it belongs to; `undefined` is any. */
  readonly epoch: number | undefined;
  readonly settle: (failure: Failure | undefined) => void;
  /** Withdrawn while it was on its way: it goes nowhere else. */
  withdrawn?: Failure;
  /** Whether a layer has failed on it before. */
  failed?: boolean;
}

/** How much may wait: each of the session's own frames and the application's. */
export interface QueueBounds {
  readonly maxWaitingFrames: number;
  readonly maxWaitingBytes: number;
}

interface Load {
  frames: number;
  bytes: number;
}

const nobody: readonly (() => void)[] = [];

/** Slots behind which a lane's list is shortened: `Array.shift` moves all the rest each time, which a long outage with a large bound makes seconds of. */
const SPENT_SLOTS = 1_024;

/** Entries of one rank, first in first out. */
class Lane {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get first(): Entry | undefined {
    return this.#entries[this.#head];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): void {
    this.#entries[this.#head++] = undefined;
    if (this.#head < SPENT_SLOTS || this.#head * 2 < this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }

  unshift(entry: Entry): void {
    if (this.#head > 0) this.#entries[--this.#head] = entry;
    else this.#entries.unshift(entry);
  }

  /** Takes one out from wherever it is. @returns whether it was there. */
  remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry, this.#head);
    if (at >= 0) this.#entries.splice(at, 1);
    return at >= 0;
  }

  /** Takes all out. */
  clear(): Entry[] {
    const entries = this.#entries.slice(this.#head) as Entry[];
    this.#entries = [];
    this.#head = 0;
    return entries;
  }
}

/** Frames that wait, by rank. */
export class SendQueue {
  readonly #bounds: QueueBounds;
  readonly #ranks: readonly [Lane, Lane, Lane] = [new Lane(), new Lane(), new Lane()];
  readonly #own: Load = { frames: 0, bytes: 0 };
  readonly #application: Load = { frames: 0, bytes: 0 };
  /** Who waits until nothing waits, and who for room. */
  #idle: readonly (() => void)[] = nobody;
  #room: readonly (() => void)[] = nobody;

  /** Makes an empty one. */
  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  /** Frames that wait. */
  get frames(): number {
    return this.#own.frames + this.#application.frames;
  }

  /** What they hold, in bytes. */
  get bytes(): number {
    return this.#own.bytes + this.#application.bytes;
  }

  /** Whether a frame of so many bytes has no place. One frame always has, however large. */
  full(rank: Rank, bytes: number): boolean {
    const load = this.#load(rank);
    const { maxWaitingFrames, maxWaitingBytes } = this.#bounds;
    return load.frames >= maxWaitingFrames ||
      load.frames > 0 && load.bytes + bytes > maxWaitingBytes;
  }

  /** Adds a frame. @returns a promise of its fate. */
  add(
    frame: Frame,
    { rank, epoch, signal }: {
      rank: Rank;
      epoch: number | undefined;
      signal: AbortSignal | undefined;
    },
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      let forget = nothing;
      const entry: Entry = {
        frame,
        bytes: frameBytes(frame),
        rank,
        epoch,
        settle: (failure) => {
          forget();
          if (failure === undefined) resolve();
          else reject(failure.reason);
        },
      };
      // First: what is no signal throws, and a frame that was refused must not be sent.
      forget = onAbort(signal, () => this.#withdraw(entry, signal!.reason));
      this.#ranks[rank].push(entry);
      const load = this.#load(rank);
      load.frames++;
      load.bytes += entry.bytes;
    });
  }

  /** The entry that is next; those of the application only if `all`. */
  next(all: boolean): Entry | undefined {
    const [start, layers, application] = this.#ranks;
    return start.first ?? layers.first ?? (all ? application.first : undefined);
  }

  /** The control frame that is next among those of the layers, if it is one. */
  nextControl(): Entry | undefined {
    const entry = this.#ranks[1].first;
    return entry === undefined || isDataFrame(entry.frame) ? undefined : entry;
  }

  /** Takes an entry that is next; it is on its way then. */
  take(entry: Entry): void {
    this.#ranks[entry.rank].shift();
  }

  /** Puts an entry back to where it was taken from, unless it was withdrawn meanwhile. */
  putBack(entry: Entry): void {
    if (entry.withdrawn !== undefined) return this.settle(entry, entry.withdrawn);
    this.#ranks[entry.rank].unshift(entry);
  }

  /** An entry that was taken has met its fate. */
  settle(entry: Entry, failure: Failure | undefined): void {
    const load = this.#load(entry.rank);
    load.frames--;
    load.bytes -= entry.bytes;
    entry.settle(failure);
    for (const wake of this.#room) wake();
    if (this.frames === 0) { for (const wake of this.#idle) wake(); }
  }

  /** Rejects what waits: all of it, or what belongs to an epoch. */
  reject(which: "all" | "fenced", reason: TransportError): void {
    for (const rank of this.#ranks) {
      for (const entry of rank.clear()) {
        if (which === "fenced" && entry.epoch === undefined) rank.push(entry);
        else this.settle(entry, { reason });
      }
    }
  }

  /** Resolves when something was settled. @throws The signal's reason, when that aborts. */
  room(signal: AbortSignal): Promise<void> {
    let wake = nothing;
    const settled = new Promise<void>((resolve) => wake = resolve);
    this.#room = [...this.#room, wake];
    return raced(signal, () => settled).finally(() => {
      this.#room = this.#room.filter((other) => other !== wake);
    });
  }

  /** Calls back once when nothing waits any more. @returns what takes that back. */
  onIdle(callback: () => void): () => void {
    const forget = () => {
      this.#idle = this.#idle.filter((other) => other !== wake);
    };
    const wake = () => {
      forget();
      callback();
    };
    this.#idle = [...this.#idle, wake];
    return forget;
  }

  #load(rank: Rank): Load {
    return rank < 2 ? this.#own : this.#application;
  }

  #withdraw(entry: Entry, reason: unknown): void {
    if (!this.#ranks[entry.rank].remove(entry)) {
      // On its way: it cannot be called back, unless it comes back by itself.
      entry.withdrawn = { reason };
      return;
    }
    this.settle(entry, { reason });
  }
}
