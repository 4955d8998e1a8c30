/**
 * Two connections, one sequence.
 *
 * @module
 */

/** A diff of one symbol: updates `U` to `u`. */
export interface Spliced {
  readonly e: string;
  readonly s: string;
  readonly U: number;
  readonly u: number;
}

/** Puts the diffs of several connections in the venue's order, each once. `onGap` tells what none of them brought. */
export class Splice {
  readonly #last: Map<string, number> = new Map();
  readonly #ahead: Map<string, Spliced[]> = new Map();
  readonly #onGap: (symbol: string) => void;

  /** Starts with whatever comes first. */
  constructor(onGap: (symbol: string) => void) {
    this.#onGap = onGap;
  }

  /** Whether no diff waits for one before it. */
  get settled(): boolean {
    return this.#ahead.size === 0;
  }

  /** Takes a diff from any connection. @returns the diffs that are next. */
  take(depth: Spliced, alone: boolean): Spliced[] {
    const { s, U } = depth;
    let last = this.#last.get(s) ?? U - 1;
    const ahead = this.#ahead.get(s) ?? [];
    this.#ahead.set(s, ahead);
    ahead.push(depth);
    ahead.sort((a, b) => a.U - b.U);
    const next: Spliced[] = [];
    const putNext = () => {
      while (ahead[0] !== undefined && ahead[0].U <= last + 1) {
        const diff = ahead.shift()!;
        if (diff.u <= last) continue; // the other connection has brought it already
        next.push(diff);
        last = diff.u;
      }
    };
    putNext();
    // The slower connection may still bring what is missing; if not, it is a gap.
    while (ahead[0] !== undefined && (alone || ahead.length >= 1_000)) {
      this.#onGap(s);
      last = ahead[0].U - 1;
      putNext();
    }
    if (next.length > 0) this.#last.set(s, last);
    if (ahead.length === 0) this.#ahead.delete(s);
    return next;
  }
}
