/**
 * What a simulator remembers, and waiting for it: a test waits for what the venue saw instead of for time.
 *
 * @module
 */

/** Something that happened at the simulator. */
export interface SimEvent {
  /** What: `open`, `end`, `http`, `in`, `pong`, or a word of the venue. */
  readonly type: string;
  /** The connection it is about. */
  readonly connection?: number;
  /** The message, the path, or what else tells it apart. */
  readonly detail?: string;
  /** A number that goes with it: a status, a close code, a delay in milliseconds. */
  readonly value?: number;
  /** `performance.now()`. */
  readonly atMs: number;
}

/** Most events that are kept. */
const MAX_EVENTS = 20_000;

/** The events in their order. */
export class SimRecord {
  readonly #events: SimEvent[] = [];
  readonly #waiters: Set<(event: SimEvent) => void> = new Set();

  /** All that is kept. */
  get events(): readonly SimEvent[] {
    return this.#events;
  }

  /** Notes an event. */
  note(event: Omit<SimEvent, "atMs">): void {
    const noted: SimEvent = { ...event, atMs: performance.now() };
    this.#events.push(noted);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    for (const waiter of [...this.#waiters]) waiter(noted);
  }

  /** All events of that type. */
  all(type: string, fits: (event: SimEvent) => boolean = () => true): SimEvent[] {
    return this.#events.filter((event) => event.type === type && fits(event));
  }

  /** Resolves at the next event that fits; what has already happened does not count. */
  next(type: string, fits: (event: SimEvent) => boolean = () => true): Promise<SimEvent> {
    return new Promise((resolve) => {
      const waiter = (event: SimEvent) => {
        if (event.type !== type || !fits(event)) return;
        this.#waiters.delete(waiter);
        resolve(event);
      };
      this.#waiters.add(waiter);
    });
  }

  /** Resolves when there were `count` events that fit, counted from the beginning. */
  async count(
    type: string,
    count: number,
    fits: (event: SimEvent) => boolean = () => true,
  ): Promise<void> {
    while (this.all(type, fits).length < count) await this.next(type, fits);
  }
}
