/**
 * Verdicts as data: what a venue's close codes and HTTP statuses mean, and the function that applies them before
 * {@link defaultClassify} has its say.
 *
 * @module
 */
import { type Classify, defaultClassify, type Failure, type Verdict } from "../../mod.ts";
import type { Sourced } from "./sources.ts";

/** One line of a venue's table of failures. A failure fits when every given condition does. */
export interface FailureRule {
  /** HTTP statuses of a failed handshake. */
  readonly statuses?: readonly number[];
  /** Close codes. */
  readonly closeCodes?: readonly number[];
  /** A part of the close reason, in lower case. */
  readonly reasonHas?: string;
  /** What to make of it. */
  readonly verdict: "transient" | "permanent";
  /** Wait at least this long before the next dial, in milliseconds. A visible `Retry-After` wins. @default {0} */
  readonly minDelayMs?: number;
}

function fits(rule: FailureRule, { end }: Failure): boolean {
  if (end === undefined) return false;
  const { statuses, closeCodes, reasonHas } = rule;
  if (statuses !== undefined && !(end.status !== undefined && statuses.includes(end.status))) {
    return false;
  }
  // A failed handshake also ends with 1006, so a code only speaks where there was no status.
  if (closeCodes !== undefined && !(end.status === undefined && closeCodes.includes(end.code))) {
    return false;
  }
  return reasonHas === undefined || end.reason.toLowerCase().includes(reasonHas);
}

/**
 * Makes a `classify` of a venue's rules. The first rule that fits decides; without one, {@link defaultClassify} does.
 *
 * @param rules The venue's table, most particular first.
 * @param fallback Who decides when no rule fits. @default {defaultClassify}
 * @returns what `ConnectionOptions.classify` takes.
 *
 * @example
 * ```ts
 * import { classifyBy } from "@holdfast/ws/venues";
 *
 * const classify = classifyBy([{ closeCodes: [4001], verdict: "permanent" }]);
 * console.log(typeof classify); // function
 * ```
 */
export function classifyBy(
  rules: readonly (FailureRule | Sourced<FailureRule>)[],
  fallback: Classify = defaultClassify,
): Classify {
  const table = rules.map((rule) => "value" in rule ? rule.value : rule);
  return (failure): Verdict => {
    const rule = table.find((candidate) => fits(candidate, failure));
    if (rule === undefined) return fallback(failure);
    const minDelayMs = failure.end?.retryAfterMs ?? rule.minDelayMs;
    return minDelayMs === undefined
      ? { verdict: rule.verdict }
      : { verdict: rule.verdict, minDelayMs };
  };
}
