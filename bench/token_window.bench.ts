/**
 * The exact window, against a counter that forgets everything at once. `deno bench bench/token_window.bench.ts`
 *
 * @module
 */
import { TokenWindow } from "../src/send/token_window.ts";

const ASKS = 1_000;

/** The control: so many per window, counted anew in each. It lets twice the limit through across a border. */
class FixedWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #since = 0;
  #count = 0;

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  waitMs(now: number): number {
    if (now - this.#since >= this.#windowMs) {
      this.#since = now;
      this.#count = 0;
    }
    return this.#count < this.#limit ? 0 : this.#since + this.#windowMs - now;
  }

  spend(): void {
    this.#count++;
  }
}

for (const limit of [5, 300]) {
  const group = { group: `${ASKS} asks of a window of ${limit}` };

  Deno.bench(`control: fixed window, ${limit}`, { ...group, baseline: true }, () => {
    const window = new FixedWindow(limit, 1_000);
    for (let now = 0; now < ASKS; now++) if (window.waitMs(now) === 0) window.spend();
  });

  Deno.bench(`TokenWindow, ${limit}`, group, () => {
    const window = new TokenWindow({ limit, windowMs: 1_000 });
    for (let now = 0; now < ASKS; now++) if (window.waitMs(now) === 0) window.spend(now);
  });
}
