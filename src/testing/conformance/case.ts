/**
 * What a conformance case is, and how one is run: against a leaf, with its known deviations.
 *
 * @module
 */
import type { WsConnector } from "../../contract/connector.ts";
import type { Clock } from "../../contract/runtime.ts";
import { ConformanceError } from "./expect.ts";

/** A leaf under test, where it runs, and the scripted server that it dials. */
export interface ConnectorSubject {
  /**
   * The platform, as deviations name it: `deno`, `node`, `bun`, `workerd`, `chromium`, `firefox`, or a name of
   * your own. Digits at the end are a version and may be left off a deviation (`node24` is a `node`).
   */
  readonly platform: string;
  /** The leaf. */
  readonly connector: WsConnector;
  /** The bases of the scripted server; `wss` only where the leaf trusts its certificate. */
  readonly server: { readonly ws: string; readonly wss?: string; readonly http: string };
  /** Time, for deadlines only. Without it a hang is the test runner's to end. */
  readonly clock?: Clock;
}

/** A platform that is known not to do what the contract demands. */
export interface Deviation {
  /** The platform. */
  readonly platform: string;
  /** What it does instead, and which version was seen doing it. */
  readonly reason: string;
  /** The thread about it, else the source that does it, else the rule that it breaks or follows. */
  readonly link: string;
}

/** What a case cannot do without: a `wss` base, a clock, or one of the leaf's capabilities. */
export type CaseNeed = "wss" | "clock" | "headers" | "ping" | "seePing" | "terminate" | "limit";

/** One thing that the contract demands of every leaf. */
export interface ConnectorCase {
  /** A sentence. */
  readonly name: string;
  /** What it cannot do without. @default {nothing} */
  readonly needs?: readonly CaseNeed[];
  /** The platforms known to deviate. @default {none} */
  readonly deviations?: readonly Deviation[];
  /**
   * Runs it against a leaf. It gives back what it opened.
   *
   * @throws {ConformanceError} If the leaf does not do what the contract demands.
   */
  run(subject: ConnectorSubject): Promise<void>;
}

/** How a case ended that did not fail. */
export type CaseOutcome =
  | { readonly outcome: "passed" }
  | { readonly outcome: "deviates"; readonly deviation: Deviation; readonly error: Error }
  | { readonly outcome: "skipped"; readonly reason: string };

/** Largest limit that a case tries: a message above it is not worth its memory. */
const MAX_TRIED_BYTES = 256 * 1024 * 1024;

/** Says why a case says nothing about this leaf, or `undefined` when it does. */
export function missingNeed(
  connectorCase: ConnectorCase,
  subject: ConnectorSubject,
): string | undefined {
  const { capabilities } = subject.connector;
  const missing = (connectorCase.needs ?? []).filter((need) => {
    switch (need) {
      case "wss":
        return subject.server.wss === undefined;
      case "clock":
        return subject.clock === undefined;
      case "limit":
        return !(capabilities.maxMessageBytes <= MAX_TRIED_BYTES);
      case "headers":
      case "ping":
      case "seePing":
      case "terminate":
        return !capabilities[need];
      default:
        return need satisfies never;
    }
  });
  return missing.length === 0 ? undefined : `${subject.platform} has no ${missing.join(", ")}`;
}

/** The deviation that a platform is known for in a case, if any. */
export function knownDeviation(
  connectorCase: ConnectorCase,
  subject: ConnectorSubject,
): Deviation | undefined {
  const kind = subject.platform.replace(/\d+$/, "");
  return connectorCase.deviations?.find((it) =>
    it.platform === subject.platform || it.platform === kind
  );
}

/**
 * Runs a case. A known deviation must still be there: when the platform meets the contract after all, that is a failure, so that
 * the list never claims what is no longer true.
 *
 * @throws {ConformanceError} If the leaf fails the case, or passes one that it is known to fail.
 *
 * @example
 * ```ts
 * import { CONNECTOR_CASES, runConnectorCase } from "@holdfast/ws/testing";
 *
 * for (const connectorCase of CONNECTOR_CASES) {
 *   console.log(connectorCase.name, typeof runConnectorCase);
 * }
 * ```
 */
export async function runConnectorCase(
  connectorCase: ConnectorCase,
  subject: ConnectorSubject,
): Promise<CaseOutcome> {
  const reason = missingNeed(connectorCase, subject);
  if (reason !== undefined) return { outcome: "skipped", reason };
  const deviation = knownDeviation(connectorCase, subject);
  try {
    await connectorCase.run(subject);
  } catch (error) {
    // Anything but a broken demand is a fault of the case or of its server, and hides nothing.
    if (deviation === undefined || !(error instanceof ConformanceError)) throw error;
    return { outcome: "deviates", deviation, error };
  }
  if (deviation === undefined) return { outcome: "passed" };
  throw new ConformanceError(
    `${subject.platform} meets the contract here: take its deviation out (${deviation.reason})`,
  );
}
