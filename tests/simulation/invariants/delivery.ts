/**
 * I1, I2 and I11 on the recv axis: what was delivered is what the server sent, in order, without a hole that was not counted.
 *
 * @module
 */
import type { ConnectionStats, DeliveredFrame } from "../../../mod.ts";
import type { Fail } from "./fail.ts";

/** What a frame of the simulated server says about itself. */
export interface Origin {
  /** The session, over all connections. */
  readonly session: number;
  /** Its place among the frames of that session: 1, 2, ... */
  readonly number: number;
}

/** Looks at every frame that one connection delivered. */
export class DeliveryCheck {
  /** Frames seen. */
  seen = 0;
  #lastSeq = 0;
  #lastEpoch = 0;
  /** Frames missing in the order of `seq` so far. */
  #gaps = 0;
  /** For the epoch of now: its session, and how far its numbers are from `seq`. */
  #session = 0;
  #offset = 0;
  readonly #sessions: Set<number> = new Set();

  /** A frame was delivered while the lifecycle said `epoch`. */
  frame(frame: DeliveredFrame, origin: Origin, epoch: number, fail: Fail): void {
    this.seen++;
    if (frame.seq <= this.#lastSeq) {
      fail("I1", `frame ${frame.seq} was delivered after frame ${this.#lastSeq}`);
    }
    if (frame.epoch < this.#lastEpoch) {
      fail("I11", `a frame of epoch ${frame.epoch} came after one of epoch ${this.#lastEpoch}`);
    }
    if (frame.epoch > epoch) {
      fail("I2", `a frame of epoch ${frame.epoch} came while the lifecycle was at ${epoch}`);
    }
    const offset = frame.seq - origin.number;
    if (frame.epoch !== this.#lastEpoch) {
      if (this.#sessions.has(origin.session)) {
        fail("I2", `session ${origin.session} is epoch ${frame.epoch}, and was another before`);
      }
      if (offset < this.#lastSeq) {
        fail("I1", `epoch ${frame.epoch} begins at ${offset + 1}, before frame ${this.#lastSeq}`);
      }
      this.#sessions.add(origin.session);
      this.#session = origin.session;
      this.#offset = offset;
    } else if (origin.session !== this.#session) {
      fail("I2", `epoch ${frame.epoch} holds sessions ${this.#session} and ${origin.session}`);
    } else if (offset !== this.#offset) {
      fail(
        "I1",
        `frame ${frame.seq} is number ${origin.number} of its session, off by ${
          offset - this.#offset
        }`,
      );
    }
    this.#gaps += Math.max(0, frame.seq - this.#lastSeq - 1);
    this.#lastSeq = frame.seq;
    this.#lastEpoch = frame.epoch;
  }

  /** When all is quiet. */
  check(stats: ConnectionStats, fail: Fail): void {
    const { received, leafDropped, delivered, totalLagged, buffered, totalDiscarded } = stats;
    const came = received + leafDropped;
    const went = delivered + totalLagged + buffered + totalDiscarded;
    if (came !== went) {
      fail(
        "I1",
        `received ${received} + ${leafDropped} is not ${delivered} + ${totalLagged} + ${buffered} + ${totalDiscarded}`,
      );
    }
    if (delivered !== this.seen) fail("I1", `delivered ${delivered}, seen ${this.seen}`);
    // What is missing behind the last frame that was delivered is not a gap yet.
    const tail = came - this.#lastSeq;
    if (this.#gaps > totalLagged || totalLagged > this.#gaps + tail) {
      fail("I1", `gaps of ${this.#gaps} frames (and ${tail} at the end), lagged ${totalLagged}`);
    }
  }
}
