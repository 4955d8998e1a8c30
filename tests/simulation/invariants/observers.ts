/**
 * I10: an observer that slept derives what happened by subtraction.
 *
 * @module
 */
import type { LifecycleSnapshot } from "../../../mod.ts";
import type { Fail } from "./fail.ts";

/** What really happened so far, counted where it happened. */
export interface Truth {
  readonly opens: number;
  readonly dials: number;
  readonly stales: number;
  readonly lagged: number;
  readonly discarded: number;
}

/** One observer, which looks when it likes. */
export class ObserverCheck {
  #truth: Truth | undefined;
  #value: LifecycleSnapshot | undefined;

  /** It looks. */
  look(value: LifecycleSnapshot, truth: Truth, fail: Fail): void {
    const before = this.#value;
    const then = this.#truth;
    this.#value = value;
    this.#truth = truth;
    if (before === undefined || then === undefined) return;
    const derived: Truth = {
      opens: value.epoch - before.epoch,
      dials: value.attempts - before.attempts,
      stales: value.stales - before.stales,
      lagged: value.totalLagged - before.totalLagged,
      discarded: value.totalDiscarded - before.totalDiscarded,
    };
    for (const name of Object.keys(derived) as (keyof Truth)[]) {
      const real = truth[name] - then[name];
      if (derived[name] !== real) {
        fail("I10", `an observer derives ${name} ${derived[name]}, there were ${real}`);
      }
    }
  }
}
