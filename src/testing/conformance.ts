/**
 * The conformance list: what the contract demands of every leaf, as cases that need no test framework. They run against a
 * scripted server; `tests/support/scripted_main.ts` in the repository of this package is one.
 *
 * @module
 */
import type { ConnectorCase } from "./conformance/case.ts";
import { DATA_CASES } from "./conformance/data_cases.ts";
import { END_CASES } from "./conformance/end_cases.ts";
import { FAILURE_CASES } from "./conformance/failure_cases.ts";
import { OPEN_CASES } from "./conformance/open_cases.ts";

export { knownDeviation, missingNeed, runConnectorCase } from "./conformance/case.ts";
export type {
  CaseNeed,
  CaseOutcome,
  ConnectorCase,
  ConnectorSubject,
  Deviation,
} from "./conformance/case.ts";
export { ConformanceError } from "./conformance/expect.ts";

/** Every demand on a leaf. The names are unique and stay. */
export const CONNECTOR_CASES: readonly ConnectorCase[] = [
  ...OPEN_CASES,
  ...FAILURE_CASES,
  ...DATA_CASES,
  ...END_CASES,
];
