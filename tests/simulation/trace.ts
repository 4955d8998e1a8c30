/**
 * What happened in a simulated history, as a hash and, when asked for, as lines to read.
 *
 * The machine trace holds what the seams see of the actors: virtual time, events, effects. It is the same on every engine. The full trace also holds
 * what readers, senders and observers saw, in the order of promise callbacks; that order is an engine's own.
 *
 * @module
 */

/** FNV-1a, 32 bits. */
function mix(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return Math.imul(hash ^ 10, 0x01000193);
}

/** The hash of nothing. */
export const EMPTY_HASH = 0x811c9dc5 | 0;

/** Eight hexadecimal digits. */
export function shownHash(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Adds a number to a hash. */
export function mixed(hash: number, value: number): number {
  return mix(hash, String(value));
}

/** Records a history. */
export class Trace {
  /** Hash of the machine trace, one per client, because clients only meet in time. */
  readonly #machines: number[] = [];
  #full = EMPTY_HASH;
  readonly #kept: string[] | undefined;
  /** Lines so far: while it grows, promise callbacks still run. */
  length = 0;

  /** `keep`: whether lines can be read afterwards. */
  constructor(keep: boolean) {
    this.#kept = keep ? [] : undefined;
  }

  /** Something that belongs to the machine trace. */
  machine(now: number, client: number, what: string): void {
    this.length++;
    const line = `${now} ${what}`;
    this.#machines[client] = mix(this.#machines[client] ?? EMPTY_HASH, line);
    this.#full = mix(this.#full, line);
    this.#kept?.push(shownLine(now, client, what));
  }

  /** Something that only belongs to the full trace. */
  note(now: number, client: number, what: string): void {
    this.length++;
    this.#full = mix(mix(this.#full, what), String(now));
    this.#kept?.push(shownLine(now, client, what));
  }

  /** Hash of the machine trace. */
  get machineHash(): number {
    return this.#machines.reduce((hash, machine) => mixed(hash, machine >>> 0), EMPTY_HASH);
  }

  /** Hash of everything. */
  get fullHash(): number {
    return this.#full;
  }

  /** The lines, if they were kept. */
  get lines(): readonly string[] {
    return this.#kept ?? [];
  }
}

function shownLine(now: number, client: number, what: string): string {
  const seconds = Math.floor(now / 1_000);
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const ms = String(Math.floor(now % 1_000)).padStart(3, "0");
  return `${clock}.${ms} ${client < 0 ? "world" : `c${client}`.padEnd(5)} ${what}`;
}
