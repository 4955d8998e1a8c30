/**
 * The conformance list against the native leaf of whatever runs this file. A case that the leaf
 * lacks the means for is skipped by name; a known deviation passes as what it is, and says so.
 *
 * @module
 */
import { systemClock } from "../../src/runtime/clock.ts";
import {
  CONNECTOR_CASES,
  type ConnectorSubject,
  knownDeviation,
  missingNeed,
  runConnectorCase,
} from "../../src/testing/conformance.ts";
import { platform, test } from "../support/harness.ts";
import { withServer } from "../support/server.ts";
import { nativeLeaf } from "./native_leaf.ts";

const { connector, trusts } = await nativeLeaf();

function subjectAt({ ws, wss, http }: { ws: string; wss: string; http: string }): ConnectorSubject {
  const server = trusts ? { ws, wss, http } : { ws, http };
  return { platform, connector, server, clock: systemClock };
}

const somewhere = subjectAt({ ws: "ws:", wss: "wss:", http: "http:" });

for (const connectorCase of CONNECTOR_CASES) {
  const deviation = knownDeviation(connectorCase, somewhere);
  const known = deviation === undefined ? "" : ` (deviates: ${deviation.reason})`;
  test(
    `${platform} leaf: ${connectorCase.name}${known}`,
    { skip: missingNeed(connectorCase, somewhere) },
    () =>
      withServer(async (bases) => {
        await runConnectorCase(connectorCase, subjectAt(bases));
      }),
  );
}
