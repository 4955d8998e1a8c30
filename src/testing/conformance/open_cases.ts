/**
 * Demands on a dial that opens, and on what is refused before any I/O.
 *
 * @module
 */
import { isTransportError } from "../../contract/errors.ts";
import { type Bench, connectorCase, type DialOptions } from "./bench.ts";
import type { ConnectorCase } from "./case.ts";
import { HIDDEN_PROTOCOL } from "./deviations.ts";
import { expect, expectSame, shown } from "./expect.ts";

const RESERVED = [
  "Host",
  "Connection",
  "Upgrade",
  "Transfer-Encoding",
  "Content-Length",
  "Keep-Alive",
  "Expect",
  "Sec-WebSocket-Key",
  "Sec-WebSocket-Version",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Extensions",
] as const;

/** Demands that a dial is refused as a wrong argument, and that the server heard nothing of it. */
async function refusedBeforeIo(bench: Bench, options: DialOptions, what: string): Promise<void> {
  const { id, outcome } = bench.dial("echo", options);
  const error = await bench.fails(outcome);
  expect(
    error instanceof TypeError,
    `${what} is refused with ${shown(error)} instead of a TypeError`,
  );
  expectSame((await bench.log(id)).handshakes.length, 0, `The number of handshakes for ${what}`);
}

function headersArrive(secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const headers = { "Authorization": "Bearer abc", "X-One": "1, 2", "User-Agent": "agent/1" };
    const { id, outcome } = bench.dial("echo", { headers, secure });
    if (!bench.subject.connector.capabilities.headers) {
      const error = await bench.fails(outcome);
      expect(isTransportError(error, "unsupported"), `Headers are refused with ${shown(error)}`);
      expectSame((await bench.log(id)).handshakes.length, 0, "The number of handshakes");
      return;
    }
    await bench.opens(outcome);
    const lines = (await bench.log(id)).handshakes[0]?.headers ?? [];
    for (const [name, value] of Object.entries(headers)) {
      const values = lines.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, v]) =>
        v
      );
      expect(values.includes(value), `Header ${name} arrived as ${shown(values)}`);
    }
  };
}

function opens(secure: boolean): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const session = await bench.session("echo", { secure });
    expectSame(session.connection.protocol, "", "The protocol");
    session.text("hello");
    expectSame(await session.received(1), ["hello"], "The echo");
    const { handshakes, violations } = await bench.log(session.id);
    expectSame(handshakes.length, 1, "The number of handshakes");
    expectSame(violations, [], "The rules broken");
  };
}

/** Dials that open, and those that are refused before any I/O. */
export const OPEN_CASES: readonly ConnectorCase[] = [
  connectorCase("connect() opens over ws:", {}, opens(false)),
  connectorCase("connect() opens over wss:", { needs: ["wss"] }, opens(true)),

  connectorCase("connect() gives the subprotocol that the server chose", {}, async (bench) => {
    const options = { protocols: ["one.v1", "two.v2"], query: { answer: "two.v2" } };
    const { id, connection } = await bench.session("protocol", options);
    expectSame(connection.protocol, "two.v2", "The protocol");
    const offered = (await bench.log(id)).handshakes[0]?.protocols;
    expectSame(offered, ["one.v1", "two.v2"], "The offer");
  }),
  connectorCase("connect() refuses a subprotocol that nobody asked for", {
    deviations: HIDDEN_PROTOCOL,
  }, async (bench) => {
    const { outcome } = bench.dial("protocol", { query: { answer: "other" } });
    await bench.failsWith(outcome, "protocol_error", "connect_failed");
  }),
  connectorCase("connect() refuses another subprotocol than those offered", {}, async (bench) => {
    const { outcome } = bench.dial("protocol", { protocols: ["one"], query: { answer: "other" } });
    await bench.failsWith(outcome, "protocol_error", "connect_failed");
  }),
  connectorCase("connect() refuses no subprotocol where some were offered", {}, async (bench) => {
    const { outcome } = bench.dial("protocol", { protocols: ["one"] });
    await bench.failsWith(outcome, "protocol_error", "connect_failed");
  }),

  connectorCase("connect() sends headers or refuses them before any I/O", {}, headersArrive(false)),
  connectorCase("connect() sends headers or refuses them over wss:", {
    needs: ["wss"],
  }, headersArrive(true)),
  connectorCase("connect() makes an Authorization header of the url's user", {}, async (bench) => {
    const url = new URL("echo", bench.subject.server.ws);
    url.username = "name";
    url.password = "p%40ss";
    url.searchParams.set("id", "user");
    const dial = bench.dial("echo");
    await bench.opens(dial.outcome);
    url.searchParams.set("id", dial.id);
    const outcome = bench.connect({ url, protocols: [], headers: new Headers() });
    if (bench.subject.connector.capabilities.headers) {
      await bench.opens(outcome);
      const lines = (await bench.log(dial.id)).handshakes[1]?.headers ?? [];
      const values = lines.filter(([n]) => n.toLowerCase() === "authorization").map(([, v]) => v);
      expectSame(values, ["Basic " + btoa("name:p@ss")], "The header");
    } else {
      const error = await bench.fails(outcome);
      expect(isTransportError(error, "unsupported"), `A user is refused with ${shown(error)}`);
      expectSame((await bench.log(dial.id)).handshakes.length, 1, "The number of handshakes");
    }
  }),

  connectorCase("connect() refuses headers of the handshake itself", {}, async (bench) => {
    for (const name of RESERVED) {
      // A browser's Headers takes them all; what matters is that the leaf does not.
      await refusedBeforeIo(bench, { headers: { [name]: "1" } }, `Header ${name}`);
    }
  }),
  connectorCase("connect() refuses subprotocols that are none", {}, async (bench) => {
    for (const protocols of [["a b"], [""], ["a,b"], ["a", "a"], ["ü"]]) {
      await refusedBeforeIo(bench, { protocols }, `Subprotocols ${shown(protocols)}`);
    }
  }),
  connectorCase("connect() refuses a url with a fragment or another scheme", {}, async (bench) => {
    for (const bad of ["#here", "ftp://127.0.0.1/"]) {
      const url = new URL(bad, new URL("echo", bench.subject.server.ws));
      const error = await bench.fails(
        bench.connect({ url, protocols: [], headers: new Headers() }),
      );
      expect(error instanceof TypeError, `${bad} is refused with ${shown(error)}`);
    }
  }),
];
