/**
 * The ups and downs of a connection over time, as a row of cells.
 *
 * @module
 */

/** What a connection is like at one moment. */
export type Level = "up" | "stale" | "down";

const SEVERITY: Readonly<Record<Level, number>> = { up: 0, stale: 1, down: 2 };

/** Remembers when the level changed. */
export class Timeline {
  readonly #marks: { readonly atMs: number; readonly level: Level }[] = [];

  /** From `atMs` on it is so. Times do not go back. */
  mark(atMs: number, level: Level): void {
    if (this.#marks.at(-1)?.level !== level) this.#marks.push({ atMs, level });
  }

  /**
   * Cuts the time from 0 to `untilMs` into cells, each as bad as its worst moment; a short dip must
   * not vanish. Before the first mark nothing is known, which is `undefined`.
   */
  cells(count: number, untilMs: number): (Level | undefined)[] {
    const width = untilMs / count;
    return Array.from({ length: count }, (_, index) => {
      const [from, to] = [index * width, (index + 1) * width];
      let worst: Level | undefined;
      this.#marks.forEach(({ atMs, level }, at) => {
        const until = this.#marks[at + 1]?.atMs ?? Infinity;
        const touches = atMs < to && until > from;
        if (touches && (worst === undefined || SEVERITY[level] > SEVERITY[worst])) worst = level;
      });
      return worst;
    });
  }
}
