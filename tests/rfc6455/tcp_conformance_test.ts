/**
 * The tcp leaf against the list that every leaf runs, with no deviation allowed.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/runtime/clock.ts";
import { CONNECTOR_CASES, runConnectorCase } from "../../src/testing/conformance.ts";
import { test } from "../support/harness.ts";
import { CA_CERTIFICATE } from "../support/raw_server.ts";
import { startScripted } from "../support/scripted.ts";
import { hostTcp } from "./host_tcp.ts";

const tcp = await hostTcp();

for (const connectorCase of CONNECTOR_CASES) {
  test(`tcp(): ${connectorCase.name}`, async () => {
    const server = await startScripted();
    try {
      const connector = tcp({ tls: { ca: CA_CERTIFICATE }, maxMessageBytes: 4_194_304 });
      // A name that no deviation is listed for: this leaf has none.
      const subject = { platform: "tcp", connector, server, clock: systemClock };
      assertEquals((await runConnectorCase(connectorCase, subject)).outcome, "passed");
    } finally {
      await server.close();
    }
  });
}
