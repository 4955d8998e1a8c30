/**
 * Where frames are missing, by the transport's own account.
 *
 * @module
 */
import type { DeliveredFrame } from "../../mod.ts";

/** Follows the frames of one connection. */
export class Holes {
  #epoch = 0;
  #seq = 0;

  /** Why something may be missing before this frame: a new session began, or the buffer dropped some; `undefined`: nothing is. */
  before({ epoch, seq }: DeliveredFrame): "session" | "lag" | undefined {
    const [fresh, hole] = [epoch !== this.#epoch, seq !== this.#seq + 1];
    [this.#epoch, this.#seq] = [epoch, seq];
    if (fresh) return "session";
    return hole ? "lag" : undefined;
  }
}
