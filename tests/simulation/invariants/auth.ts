/**
 * I15: one pull of credentials per dial, used for that dial only, and never two at a time.
 *
 * @module
 */
import type { Fail } from "./fail.ts";

interface Pull {
  readonly token: number;
  readonly signal: AbortSignal;
  done: boolean;
}

/** Follows one auth source. */
export class AuthCheck {
  #pulls = 0;
  #open: Pull[] = [];
  #used = 0;

  /** The source is asked. @returns the token that it hands out. */
  pulled(signal: AbortSignal, fail: Fail): { readonly token: number; readonly done: () => void } {
    const pull: Pull = { token: ++this.#pulls, signal, done: false };
    this.#open = this.#open.filter((other) => !other.done && !other.signal.aborted);
    if (this.#open.length > 0) fail("I15", `pull ${pull.token} while another is under way`);
    this.#open.push(pull);
    return { token: pull.token, done: () => void (pull.done = true) };
  }

  /** A dial reaches the leaf with that token. */
  dialled(token: string | null, dials: number, fail: Fail): void {
    if (token !== String(this.#pulls)) {
      fail("I15", `dialled with token ${token}, the last pull gave ${this.#pulls}`);
    }
    if (this.#used === this.#pulls) fail("I15", `token ${token} is used for a second dial`);
    this.#used = this.#pulls;
    if (this.#pulls > dials) fail("I15", `${this.#pulls} pulls for ${dials} dials`);
  }
}
