/**
 * The attempt budget: how many dials may start in any window, over all connections that share it.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { AttemptBudget, AttemptReservation, ReserveOptions } from "../contract/budget.ts";
import type { DialLayer } from "../contract/connector.ts";
import { OptionCheck } from "../contract/options.ts";
import type { Clock } from "../contract/runtime.ts";
import { TokenWindow } from "../send/token_window.ts";

interface Waiter {
  readonly cost: number;
  readonly clock: Clock;
  readonly grant: (now: number) => void;
}

/** What a dial has spent, and when its connections reach the server at the latest as far as is known. */
interface Held {
  at: number;
  cost: number;
}

/** What a venue allows. */
export interface AttemptBudgetOptions {
  /** Dials in any window, at most. */
  readonly attempts: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
}

/**
 * Makes a budget. Hand the same one to all connections to a host that counts per address. First come, first served; no closed window
 * ever holds more than `attempts` dials, counted as connections on the wire.
 *
 * @throws {TransportError} `invalid_options` with every problem.
 *
 * @example
 * ```ts
 * import { attemptBudget, type ConnectionOptions } from "@holdfast/ws";
 *
 * const budget = attemptBudget({ attempts: 300, windowMs: 300_000 });
 * const options: ConnectionOptions = { attemptBudget: budget };
 * console.log(options.attemptBudget?.attempts); // 300
 * ```
 */
export function attemptBudget(options: AttemptBudgetOptions): AttemptBudget {
  const check = new OptionCheck(options, "attemptBudget");
  if (options.attempts === undefined) check.note("attempts", undefined, "a whole number");
  if (options.windowMs === undefined) check.note("windowMs", undefined, "a finite number above 0");
  const attempts = check.whole("attempts", 1);
  const windowMs = check.positive("windowMs", 1);
  check.done("make an attempt budget");
  return new Budget(attempts, windowMs);
}

/** The budget itself, of options that were checked. */
export class Budget implements AttemptBudget {
  readonly attempts: number;
  readonly windowMs: number;
  readonly #window: TokenWindow;
  readonly #queue: Waiter[] = [];
  /** Dials under way: between the reservation and the server lie credentials, and a second connection of some leaves. */
  #dialling: readonly Held[] = [];
  #cancel: (() => void) | undefined;

  constructor(attempts: number, windowMs: number) {
    this.attempts = attempts;
    this.windowMs = windowMs;
    this.#window = new TokenWindow({ limit: attempts, windowMs });
  }

  reserve(cost: number, { clock, signal }: ReserveOptions): Promise<AttemptReservation> {
    if (cost > this.attempts) {
      return Promise.reject(
        new RangeError(`Cannot dial: it costs ${cost} attempts of ${this.attempts}`),
      );
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        cost,
        clock,
        grant: (now) => {
          forget();
          const held: Held = { at: now, cost };
          resolve({
            opened: () => {
              this.#window.refund(held.at, held.cost - 1);
              held.cost = 1;
              this.#serve();
            },
            dialling: () => {
              this.#dialling = [...this.#dialling, held];
              return () => {
                if (!this.#dialling.includes(held)) return;
                this.#dialling = this.#dialling.filter((other) => other !== held);
                this.#renew(held, clock.now());
                this.#serve();
              };
            },
          });
        },
      };
      const forget = onAbort(signal, () => {
        const at = this.#queue.indexOf(waiter);
        if (at >= 0) this.#queue.splice(at, 1);
        reject(signal.reason);
        this.#serve();
      });
      if (signal.aborted) return;
      this.#queue.push(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const now = head.clock.now();
      for (const held of this.#dialling) this.#renew(held, now);
      const waitMs = this.#window.waitMs(now, head.cost);
      if (waitMs > 0) {
        this.#cancel = head.clock.setTimer(() => this.#serve(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#window.spend(now, head.cost);
      head.grant(now);
    }
  }

  /** Counts what a dial has spent as if it were spent now. */
  #renew(held: Held, now: number): void {
    if (held.at === now) return;
    this.#window.refund(held.at, held.cost);
    this.#window.spend(now, held.cost);
    held.at = now;
  }
}

/** Makes each dial wait for the budget; what the dial does not cost after all is given back when it opens. */
export function budgeted(budget: AttemptBudget, clock: Clock): DialLayer {
  return (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const { signal } = context;
      const cost = next.capabilities.wireDials;
      const reservation = await budget.reserve(cost, { clock, signal });
      const settled = reservation.dialling();
      // Also where nothing below hears the signal: a dial that is given up and never settles would be counted for ever.
      const forget = onAbort(signal, settled);
      try {
        const connection = await next.connect(handshake, context);
        settled();
        reservation.opened();
        return connection;
      } finally {
        forget();
        settled();
      }
    },
  });
}
