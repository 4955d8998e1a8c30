/**
 * The tcp leaf in a worker against the list that every leaf runs, with no deviation allowed: what the worker leaf adds
 * is the same on every platform, and so is the leaf in it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { web } from "../../src/runtime/web.ts";
import { CONNECTOR_CASES, missingNeed, runConnectorCase } from "../../src/testing/conformance.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { test } from "../support/harness.ts";
import { CA_CERTIFICATE, startRawServer } from "../support/raw_server.ts";
import { startScripted } from "../support/scripted.ts";
import { workerOf } from "../worker/make_worker.ts";
import { hostTcp } from "./host_tcp.ts";

const tcp = await hostTcp();
const { capabilities } = tcp({ tls: { ca: CA_CERTIFICATE }, maxMessageBytes: 4_194_304 });
const connector = workerConnector(workerOf("../rfc6455/host_tcp_worker.ts"), { capabilities });

for (const connectorCase of CONNECTOR_CASES) {
  const somewhere = { ws: "ws:", wss: "wss:", http: "http:" };
  const asked = { platform: "tcp", connector, server: somewhere, clock: systemClock };
  const skip = missingNeed(connectorCase, asked);
  test(`tcp() in a worker: ${connectorCase.name}`, { skip }, async () => {
    const server = await startScripted();
    try {
      // A name that no deviation is listed for: this leaf has none.
      const subject = { ...asked, server };
      assertEquals((await runConnectorCase(connectorCase, subject)).outcome, "passed");
    } finally {
      await server.close();
    }
  });
}

test("tcp() in a worker says what it can, and has heartbeat and buffer with it", () => {
  assertEquals(connector.capabilities, { ...capabilities, recvAxis: true });
});

test("tcp() in a worker keeps an idle session up by protocol pings from there", async () => {
  const server = await startRawServer({ onPeer: (peer) => peer.accept() });
  const feed = await connect(server.url, {
    runtime: { ...web(), connector },
    liveness: { staleAfterMs: 800, deadAfterMs: 1_600, probe: { afterMs: 100 } },
  });
  try {
    const peer = await server.accepted();
    let pings = 0;
    await new Promise<void>((resolve) => peer.onPing = () => ++pings === 10 && resolve());
    const { epoch, stales } = feed.lifecycle.value;
    assertEquals({ epoch, stales }, { epoch: 1, stales: 0 });
    assert(feed.lifecycle.value.up);
  } finally {
    await feed.control.shutdown();
    await server.close();
  }
});
