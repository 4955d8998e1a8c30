/**
 * I3 and I4: at most one attached socket, nobody keeps one that opened too late, and zombies are counted.
 *
 * @module
 */
import type { Fail } from "./fail.ts";

/** What is known of a socket at the seam between stack and leaf. */
export interface SocketFacts {
  readonly attached: boolean;
  readonly abandoned: boolean;
  readonly ended: boolean;
}

/** Looks at all sockets that one connection was given. */
export class SocketCheck {
  /** Those that may still matter. */
  #open: SocketFacts[] = [];

  /** A socket opened. */
  opened(socket: SocketFacts): void {
    this.#open.push(socket);
  }

  /** A socket was attached, whose facts say so already. */
  attached(fail: Fail): void {
    const live = this.#open.filter((socket) =>
      socket.attached && !socket.abandoned && !socket.ended
    );
    if (live.length > 1) fail("I3", `${live.length} sockets are attached`);
  }

  /** When all is quiet: a socket is attached, or let go of. `zombies` is what the connection says. */
  check(zombies: number, fail: Fail): void {
    let left = 0;
    let zombie = 0;
    for (const { attached, abandoned, ended } of this.#open) {
      if (!attached && !abandoned && !ended) left++;
      if (attached && abandoned && !ended) zombie++;
    }
    if (left > 0) fail("I3", `${left} sockets opened and were neither attached nor let go of`);
    if (zombies < zombie) {
      fail("I4", `${zombie} abandoned sockets have not ended, counted ${zombies}`);
    }
    this.#open = this.#open.filter((socket) => !socket.ended);
  }

  /** When the connection has ended: whatever is open was let go of. */
  checkEnd(fail: Fail): void {
    const kept = this.#open.filter((socket) => !socket.abandoned && !socket.ended).length;
    if (kept > 0) fail("I8", `${kept} sockets were kept after the end`);
  }
}
