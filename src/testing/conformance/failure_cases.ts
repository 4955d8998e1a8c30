/**
 * Demands on a dial that fails or is aborted: it settles once, and tells what the platform shows.
 *
 * @module
 */
import type { SessionEnd } from "../../contract/connection.ts";
import type { TransportError } from "../../contract/errors.ts";
import { type Bench, connectorCase } from "./bench.ts";
import type { ConnectorCase } from "./case.ts";
import { KEPT_DIALS, UNPROVED_HANDSHAKE } from "./deviations.ts";
import { expect, expectSame } from "./expect.ts";

/** Demands the end record of a dial that never opened; some platforms cannot tell a refusal from a lost network. */
function expectDialEnd(error: TransportError, ...origins: readonly SessionEnd["origin"][]): void {
  const { end } = error;
  expect(end !== undefined, "The error carries no end record");
  expect(origins.includes(end.origin), `The origin is ${end.origin}, not ${origins.join(" or ")}`);
  expectSame(end.code, 1006, "The code");
  expectSame(end.clean, false, "Whether it was clean");
}

/** Demands the status as exactly as the leaf declares it; a wrong one is never right. */
function expectStatus(bench: Bench, error: TransportError, status: number, secure: boolean): void {
  const { handshakeStatus } = bench.subject.connector.capabilities;
  const told = error.end?.status;
  // A message of the platform holds it on ws: only (Deno loses it on wss:, where it dials again by HTTP/2).
  const must = handshakeStatus === "exact" || handshakeStatus === "message" && !secure;
  if (must) expectSame(told, status, "The status");
  else {expect(
      told === undefined || told === status,
      `The status is told as ${told}, not ${status}`,
    );}
}

function refuses(status: number, secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const before = secure ? await bench.tcpCount("wss") : 0;
    const { id, outcome } = bench.dial("refuse", {
      secure,
      query: { status, ...(status === 429 ? { "retry-after": 7 } : {}) },
    });
    const error = await bench.failsWith(outcome, "connect_failed");
    expectDialEnd(error, "handshake");
    expectStatus(bench, error, status, secure);
    const { handshakeStatus, wireDials } = bench.subject.connector.capabilities;
    if (status === 429 && handshakeStatus === "exact") {
      expectSame(error.end?.retryAfterMs, 7_000, "The wait that was asked for");
    }
    const { handshakes } = await bench.log(id);
    expect(
      handshakes.length <= wireDials,
      `${handshakes.length} handshakes, ${wireDials} declared`,
    );
    if (secure) {
      const dials = await bench.tcpCount("wss") - before;
      expect(dials <= wireDials, `${dials} connections on the wire, ${wireDials} declared`);
    }
  };
}

/** Aborts a dial that hangs, and gives its name at the server. */
async function abortHanging(bench: Bench, secure: boolean): Promise<string> {
  const controller = new AbortController();
  const { id, outcome } = bench.dial("hang", { secure, signal: controller.signal });
  const settled = bench.fails(outcome);
  await bench.wait(id, "open");
  const reason = new Error("enough of it");
  controller.abort(reason);
  expect(await settled === reason, "The dial does not reject with the signal's reason");
  return id;
}

function hangs(secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => void await abortHanging(bench, secure);
}

function hangsUp(secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const id = await abortHanging(bench, secure);
    await bench.wait(id, "ended");
  };
}

function fails(path: string, secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const { id, outcome } = bench.dial(path, { secure });
    const error = await bench.failsWith(outcome, "connect_failed", "protocol_error");
    expectDialEnd(error, "handshake", "network", "protocol");
    const { length } = (await bench.log(id)).handshakes;
    expect(length >= 1, "The dial failed before it reached the server");
  };
}

/** Dials that fail. */
export const FAILURE_CASES: readonly ConnectorCase[] = [
  ...[401, 403, 404, 429, 503].map((status) =>
    connectorCase(`connect() fails when refused with ${status}`, {}, refuses(status, false))
  ),
  ...[401, 429].map((status) =>
    connectorCase(`connect() fails when refused with ${status} over wss:`, {
      needs: ["wss"],
    }, refuses(status, true))
  ),
  connectorCase("connect() fails when answered 200", {}, refuses(200, false)),
  connectorCase("connect() does not follow a redirect", {}, async (bench) => {
    const target = await bench.open("echo");
    const location = `/echo?id=${target.id}`;
    const { outcome } = bench.dial("refuse", { query: { status: 302, location } });
    const error = await bench.failsWith(outcome, "connect_failed");
    expectDialEnd(error, "handshake");
    expectStatus(bench, error, 302, false);
    const { handshakes } = await bench.log(target.id);
    expectSame(handshakes.length, 1, "The number of handshakes at the target");
  }),

  connectorCase("connect() fails on a port where nobody listens", {}, async (bench) => {
    const url = new URL("echo", bench.subject.server.ws);
    url.port = String(await bench.closedPort());
    const handshake = { url, protocols: [], headers: new Headers() };
    const error = await bench.failsWith(bench.connect(handshake), "connect_failed");
    expectDialEnd(error, "handshake", "network");
  }),
  connectorCase("connect() fails when reset during the handshake", {}, fails("reset", false)),
  connectorCase("connect() fails when reset during the handshake over wss:", {
    needs: ["wss"],
  }, fails("reset", true)),
  connectorCase(
    "connect() fails when the server ends TCP instead of answering",
    {},
    fails("fin", false),
  ),
  connectorCase("connect() fails on an answer that is no HTTP", {}, fails("garbage", false)),
  connectorCase("connect() fails on a wrong proof", {
    deviations: UNPROVED_HANDSHAKE,
  }, async (bench) => {
    await bench.failsWith(bench.dial("wrong-accept").outcome, "connect_failed", "protocol_error");
  }),
  connectorCase("connect() fails on an absent proof", {
    deviations: UNPROVED_HANDSHAKE,
  }, async (bench) => {
    const { outcome } = bench.dial("wrong-accept", { query: { absent: 1 } });
    await bench.failsWith(outcome, "connect_failed", "protocol_error");
  }),

  connectorCase("connect() aborts while the server says nothing", {}, hangs(false)),
  connectorCase("connect() aborts while the server says nothing over wss:", {
    needs: ["wss"],
  }, hangs(true)),
  connectorCase("connect() aborted ends its TCP connection", {
    deviations: KEPT_DIALS,
    needs: ["clock"],
  }, hangsUp(false)),
  connectorCase("connect() aborted ends its TCP connection over wss:", {
    needs: ["wss", "clock"],
  }, hangsUp(true)),
  connectorCase("connect() aborted before it began does no I/O", {}, async (bench) => {
    const reason = new Error("never mind");
    const { id, outcome } = bench.dial("echo", { signal: AbortSignal.abort(reason) });
    expect(
      await bench.fails(outcome) === reason,
      "The dial does not reject with the signal's reason",
    );
    expectSame((await bench.log(id)).handshakes.length, 0, "The number of handshakes");
  }),
  connectorCase("connect() aborted in its own turn settles once", {}, async (bench) => {
    const controller = new AbortController();
    const { outcome } = bench.dial("echo", { signal: controller.signal });
    const reason = new Error("changed my mind");
    controller.abort(reason);
    expect(
      await bench.fails(outcome) === reason,
      "The dial does not reject with the signal's reason",
    );
  }),
  connectorCase(
    "connect() leaves an open session alone when its signal aborts later",
    {},
    async (bench) => {
      const controller = new AbortController();
      const session = await bench.session("echo", { signal: controller.signal });
      controller.abort(new Error("too late"));
      session.text("still here");
      expectSame(await session.received(1), ["still here"], "The echo");
    },
  ),
];
