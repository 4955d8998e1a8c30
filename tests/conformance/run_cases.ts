/**
 * Registers the conformance list for one leaf. A case that the leaf lacks the means for is skipped
 * by name; a known deviation passes as what it is, and says so in its name.
 *
 * @module
 */
import type { WsConnector } from "../../src/contract/connector.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import {
  CONNECTOR_CASES,
  type ConnectorSubject,
  knownDeviation,
  missingNeed,
  runConnectorCase,
} from "../../src/testing/conformance.ts";
import { test } from "../support/harness.ts";
import { withServer } from "../support/server.ts";

/** A leaf under test. */
export interface LeafUnderTest {
  /** What the tests are called after. */
  readonly name: string;
  /** The platform, as deviations name it. */
  readonly platform: string;
  /** The leaf. */
  readonly connector: WsConnector;
  /** Whether it trusts the test CA; without that nothing is tried over `wss:`. */
  readonly trusts: boolean;
}

/** Registers one test per case. */
export function registerCases({ name, platform, connector, trusts }: LeafUnderTest): void {
  const at = ({ ws, wss, http }: { ws: string; wss: string; http: string }): ConnectorSubject => {
    const server = trusts ? { ws, wss, http } : { ws, http };
    return { platform, connector, server, clock: systemClock };
  };
  const somewhere = at({ ws: "ws:", wss: "wss:", http: "http:" });
  for (const connectorCase of CONNECTOR_CASES) {
    const deviation = knownDeviation(connectorCase, somewhere);
    const known = deviation === undefined ? "" : ` (deviates: ${deviation.reason})`;
    const skip = missingNeed(connectorCase, somewhere);
    test(
      `${name} leaf: ${connectorCase.name}${known}`,
      { skip },
      () =>
        withServer(async (bases) => {
          await runConnectorCase(connectorCase, at(bases));
        }),
    );
  }
}
