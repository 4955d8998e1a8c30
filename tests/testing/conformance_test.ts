import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Capabilities, WsConnector } from "../../src/contract/connector.ts";
import {
  type CaseNeed,
  ConformanceError,
  CONNECTOR_CASES,
  type ConnectorCase,
  type ConnectorSubject,
  type Deviation,
  missingNeed,
  runConnectorCase,
} from "../../src/testing/conformance.ts";
import { expectSame } from "../../src/testing/conformance/expect.ts";
import { test } from "../support/harness.ts";

const capabilities: Capabilities = {
  headers: false,
  handshakeStatus: "none",
  ping: false,
  seePing: false,
  terminate: false,
  maxMessageBytes: Infinity,
  wireDials: 1,
  recvAxis: false,
};

function subjectOf(platform: string, changed: Partial<Capabilities> = {}): ConnectorSubject {
  const connector: WsConnector = {
    capabilities: { ...capabilities, ...changed },
    connect: () => Promise.reject(new Error("No case here dials")),
  };
  return { platform, connector, server: { ws: "ws://127.0.0.1/", http: "http://127.0.0.1/" } };
}

const deviation: Deviation = {
  platform: "node",
  reason: "does it otherwise",
  link: "https://example.org/1",
};

function caseOf(outcome: "passes" | "fails" | "breaks", facts: Partial<ConnectorCase> = {}) {
  return {
    name: `a case that ${outcome}`,
    ...facts,
    run: () => {
      if (outcome === "fails") return Promise.reject(new ConformanceError("not so"));
      if (outcome === "breaks") return Promise.reject(new Error("server gone"));
      return Promise.resolve();
    },
  };
}

test("runConnectorCase() passes what meets the demand", async () => {
  assertEquals(await runConnectorCase(caseOf("passes"), subjectOf("node24")), {
    outcome: "passed",
  });
});

test("runConnectorCase() fails what does not", async () => {
  const run = () => runConnectorCase(caseOf("fails"), subjectOf("node24"));
  await assertRejects(run, ConformanceError, "not so");
});

test("runConnectorCase() tells a known deviation of any version of its platform", async () => {
  const known = caseOf("fails", { deviations: [deviation] });
  for (const platform of ["node", "node22", "node26"]) {
    const result = await runConnectorCase(known, subjectOf(platform));
    assert(result.outcome === "deviates");
    assertEquals(result.deviation, deviation);
  }
});

test("runConnectorCase() fails another platform for the same", async () => {
  const known = caseOf("fails", { deviations: [deviation] });
  for (const platform of ["deno", "nodelike", "tcp-node"]) {
    await assertRejects(() => runConnectorCase(known, subjectOf(platform)), ConformanceError);
  }
});

test("runConnectorCase() fails a known deviation that is gone", async () => {
  const known = caseOf("passes", { deviations: [deviation] });
  const run = () => runConnectorCase(known, subjectOf("node24"));
  await assertRejects(run, ConformanceError, "take its deviation out (does it otherwise)");
});

test("runConnectorCase() takes no broken server for a deviation", async () => {
  const known = caseOf("breaks", { deviations: [deviation] });
  await assertRejects(() => runConnectorCase(known, subjectOf("node24")), Error, "server gone");
});

test("missingNeed() names what the leaf or its surroundings lack", async () => {
  const needs: readonly CaseNeed[] = [
    "wss",
    "clock",
    "headers",
    "ping",
    "seePing",
    "terminate",
    "limit",
  ];
  const picky = caseOf("passes", { needs });
  assertEquals(
    missingNeed(picky, subjectOf("x")),
    "x has no wss, clock, headers, ping, seePing, terminate, limit",
  );
  const able = subjectOf("x", {
    headers: true,
    ping: true,
    seePing: true,
    terminate: true,
    maxMessageBytes: 1024,
  });
  assertEquals(missingNeed(picky, able), "x has no wss, clock");
  assertEquals((await runConnectorCase(picky, able)).outcome, "skipped");
});

test("CONNECTOR_CASES has unique names and a link for each deviation", () => {
  const names = CONNECTOR_CASES.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  assert(names.length >= 60, `${names.length} cases`);
  for (const { name, deviations = [] } of CONNECTOR_CASES) {
    for (const { platform, reason, link } of deviations) {
      assert(reason !== "" && platform !== "", name);
      assert(URL.canParse(link) && link.startsWith("https://"), `${name}: ${link}`);
    }
  }
});

test("expectSame() compares bytes and lists by their elements", () => {
  expectSame([Uint8Array.of(1, 2), "a"], [Uint8Array.of(1, 2), "a"], "x");
  const different: readonly (readonly [unknown, unknown])[] = [
    [[1], [1, 2]],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [Uint8Array.of(1), [1]],
    ["1", 1],
    [undefined, null],
  ];
  for (const [a, b] of different) {
    let failed = false;
    try {
      expectSame(a, b, "x");
    } catch (error) {
      failed = error instanceof ConformanceError;
    }
    assert(failed, `${a} and ${b}`);
  }
});
