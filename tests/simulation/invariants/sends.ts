/**
 * I7 and I11 on the send axis: each frame is handed over at most once, to a socket of its epoch unless it was held, and its promise says which.
 *
 * @module
 */
import type { Fail } from "./fail.ts";

interface Sent {
  /** The session it belongs to; `undefined` is any. */
  readonly epoch: number | undefined;
  /** Whether its promise settles at the hand-off: a write does when the frame is taken. */
  readonly oneShot: boolean;
  handed: number;
  outcome: "pending" | "resolved" | "rejected";
}

/** Follows every frame that was sent over one connection. */
export class SendCheck {
  readonly #sent: Map<number, Sent> = new Map();
  readonly #pending: Set<number> = new Set();

  /** A frame is submitted. `epoch` is the session of now, or `undefined` if it may wait for any. */
  submitted(id: number, { epoch, oneShot }: Pick<Sent, "epoch" | "oneShot">): void {
    this.#sent.set(id, { epoch, oneShot, handed: 0, outcome: "pending" });
    if (oneShot) this.#pending.add(id);
  }

  /** A frame was handed to a socket of that session. */
  handedOver(id: number, epoch: number, fail: Fail): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) return fail("I11", `frame ${id} was never submitted`);
    if (++sent.handed > 1) fail("I11", `frame ${id} was handed over ${sent.handed} times`);
    if (sent.epoch !== undefined && sent.epoch !== epoch) {
      fail("I11", `frame ${id} of epoch ${sent.epoch} was handed over in epoch ${epoch}`);
    }
    if (sent.outcome === "rejected") fail("I7", `frame ${id} was handed over after its rejection`);
  }

  /** Its promise settled. */
  settled(id: number, outcome: "resolved" | "rejected", fail: Fail): void {
    const sent = this.#sent.get(id)!;
    sent.outcome = outcome;
    this.#pending.delete(id);
    if (!sent.oneShot) return;
    if (outcome === "resolved" && sent.handed !== 1) {
      fail("I7", `the send of frame ${id} resolved, and it was handed over ${sent.handed} times`);
    }
    if (outcome === "rejected" && sent.handed !== 0) {
      fail("I7", `the send of frame ${id} rejected, and it was handed over ${sent.handed} times`);
    }
  }

  /** When all is quiet: what belongs to a session that is over has settled. `epoch` is the open session, if there is one. */
  check(epoch: number | undefined, fail: Fail): void {
    for (const id of this.#pending) {
      const sent = this.#sent.get(id)!;
      if (sent.epoch !== undefined && sent.epoch !== epoch) {
        fail("I7", `the send of frame ${id} is pending, and its epoch ${sent.epoch} is over`);
      }
    }
  }
}
