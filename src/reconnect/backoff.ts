/**
 * How long to wait before the next dial.
 *
 * @module
 */

/** The bounds of a delay. */
export interface BackoffPolicy {
  /** Shortest delay in milliseconds. */
  readonly minDelayMs: number;
  /** Longest delay in milliseconds, without the hint. */
  readonly maxDelayMs: number;
  /** Growth of the upper end per failure. */
  readonly multiplier: number;
}

/** The upper end of the delay after `failures` failures in a row (1 for the first retry). */
export function backoffCap(policy: BackoffPolicy, failures: number): number {
  // Repeated multiplication: Math.pow differs between engines in the last bit, and the same seed must give the same trace everywhere.
  let cap = policy.minDelayMs;
  for (let i = 0; i < failures && cap < policy.maxDelayMs; i++) {
    const next = cap * policy.multiplier;
    if (next === cap) break;
    cap = next;
  }
  return Math.min(cap, policy.maxDelayMs);
}

/**
 * `hint + uniform[min, cap]`, in whole milliseconds and never below `hint + min`. The first retry is jittered as well: clients that lose one server at one moment must not come back as one.
 *
 * @param random Uniform in [0, 1).
 */
export function backoffDelay(
  policy: BackoffPolicy,
  failures: number,
  { hintMs, random }: { readonly hintMs: number; readonly random: number },
): number {
  const cap = backoffCap(policy, failures);
  return Math.ceil(hintMs + policy.minDelayMs + random * (cap - policy.minDelayMs));
}
