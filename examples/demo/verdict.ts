/**
 * Whether a run proves what it should, and how that is said.
 *
 * @module
 */
import type { Account } from "./accounting.ts";
import type { FaultReport } from "./messages.ts";
import { FAULT_KINDS, type FaultKind } from "./script.ts";

/** How often a kind of fault was done, and how often the client met it. */
export interface KindCount {
  readonly kind: FaultKind;
  readonly done: number;
  readonly shown: number;
}

/** Counts faults by kind, those that never came included. */
export function countKinds(
  faults: readonly FaultReport[],
  isShown: (fault: FaultReport) => boolean,
): KindCount[] {
  return FAULT_KINDS.map((kind) => {
    const own = faults.filter((fault) => fault.kind === kind);
    return { kind, done: own.length, shown: own.filter(isShown).length };
  });
}

/** Why a run fails; empty when it passes. */
export function reasonsAgainst(
  { totals, problems }: Account,
  kinds: readonly KindCount[],
  troubles: readonly string[],
): string[] {
  const reasons = [...troubles, ...problems];
  for (const { kind, done, shown } of kinds) {
    if (done === 0) reasons.push(`the server never did: ${kind}`);
    else if (shown === 0) reasons.push(`the client never met: ${kind}`);
  }
  if (totals.lagged === 0) reasons.push("nothing lagged");
  if (totals.received === 0) reasons.push("nothing was received");
  return reasons;
}

/** Reasons in the last line, at most; the JSON document has them all. */
const MAX_REASONS = 12;

/** The last line. */
export function lastLine({ totals }: Account, reasons: readonly string[]): string {
  const { received, delivered, lagged, discarded, inflight, epochs, unexplained } = totals;
  const figures = `received=${received} delivered=${delivered} lagged=${lagged} ` +
    `discarded=${discarded} inflight=${inflight} epochs=${epochs} unexplained=${unexplained}`;
  if (reasons.length === 0) return `demo: PASS ${figures}`;
  const more = reasons.length - MAX_REASONS;
  const told = [...reasons.slice(0, MAX_REASONS), ...(more > 0 ? [`and ${more} more`] : [])];
  return `demo: FAIL ${figures}: ${told.join("; ")}`;
}

/** The sessions as a table. */
export function table({ sessions }: Account): string[] {
  const columns = [
    "epoch",
    "sent",
    "received",
    "delivered",
    "lagged",
    "discarded",
    "inflight",
  ] as const;
  return [
    columns.map((name) => name.padStart(10)).join("") + "  ended",
    ...sessions.map((session) =>
      columns.map((name) => String(session[name]).padStart(10)).join("") + `  ${session.ended}`
    ),
  ];
}
