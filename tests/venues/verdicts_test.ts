// What close codes and statuses mean, venue by venue.
import { assertEquals } from "@std/assert";
import {
  type Classify,
  type Failure,
  type SessionEnd,
  TransportError,
  type Verdict,
} from "../../mod.ts";
import {
  classifyBinance,
  classifyBy,
  classifyBybit,
  classifyCoinbase,
  classifyIbkr,
  classifyKraken,
  classifyOkx,
} from "../../src/venues/mod.ts";
import { test } from "../support/harness.ts";

function failure(end: Partial<SessionEnd>, changes: Partial<Failure> = {}): Failure {
  const dial = end.status !== undefined;
  return {
    stage: dial ? "dial" : "session",
    error: new TransportError(dial ? "connect_failed" : "session_lost", "Test"),
    end: { code: 1006, reason: "", clean: false, origin: dial ? "handshake" : "server", ...end },
    inARow: 1,
    ...changes,
  };
}

const transient = (minDelayMs?: number): Verdict =>
  minDelayMs === undefined ? { verdict: "transient" } : { verdict: "transient", minDelayMs };
const permanent: Verdict = { verdict: "permanent" };

const table: readonly [string, Classify, Partial<SessionEnd>, Verdict][] = [
  ["IBKR 401", classifyIbkr, { status: 401 }, permanent],
  ["IBKR 404", classifyIbkr, { status: 404 }, permanent],
  ["IBKR penalty box", classifyIbkr, { status: 429 }, transient(900_000)],
  ["IBKR 1000 on a lost session", classifyIbkr, { code: 1000 }, transient()],
  ["IBKR 503", classifyIbkr, { status: 503 }, transient()],
  [
    "Binance too many",
    classifyBinance,
    { code: 1008, reason: "Too many requests" },
    transient(120_000),
  ],
  ["Binance pong timeout", classifyBinance, { code: 1008, reason: "Pong timeout" }, transient()],
  ["Binance ban", classifyBinance, { status: 418 }, transient(120_000)],
  [
    "Binance ban with a time",
    classifyBinance,
    { status: 418, retryAfterMs: 7_000 },
    transient(7_000),
  ],
  ["Binance 429", classifyBinance, { status: 429 }, transient(60_000)],
  ["Binance firewall", classifyBinance, { status: 403 }, transient(300_000)],
  ["Binance by country", classifyBinance, { status: 451 }, permanent],
  ["Binance 401, by default", classifyBinance, { status: 401 }, permanent],
  ["Coinbase restart", classifyCoinbase, { code: 1001 }, transient()],
  ["Coinbase by country", classifyCoinbase, { code: 3003 }, permanent],
  ["Coinbase 429", classifyCoinbase, { status: 429 }, transient(10_000)],
  ["Kraken maintenance", classifyKraken, { code: 1013 }, transient(5_000)],
  ["Kraken ban", classifyKraken, { status: 429 }, transient(600_000)],
  ["Bybit 1008", classifyBybit, { code: 1008 }, transient()],
  ["OKX login", classifyOkx, { code: 4001 }, permanent],
  ["OKX no data for 30 s", classifyOkx, { code: 4004 }, transient()],
  ["OKX buffer full", classifyOkx, { code: 4005 }, transient()],
];

for (const [name, classify, end, verdict] of table) {
  test(`classify gives the venue's verdict: ${name}`, () => {
    assertEquals(classify(failure(end)), verdict);
  });
}

test("classifyBy() leaves what no rule names to defaultClassify", () => {
  const classify = classifyBy([{ closeCodes: [4001], verdict: "permanent" }]);
  assertEquals(classify(failure({ code: 1007 }, { inARow: 5 })), permanent);
  assertEquals(classify(failure({ code: 1007 }, { inARow: 4 })), transient());
  const rejected = new TransportError("auth_rejected", "Test");
  assertEquals(classify({ stage: "auth", error: rejected, inARow: 1 }), permanent);
});

test("classifyBy() takes no close code from a handshake that failed", () => {
  const classify = classifyBy([{ closeCodes: [1006], verdict: "permanent" }]);
  assertEquals(classify(failure({ code: 1006, status: 500 })), transient());
  assertEquals(classify(failure({ code: 1006 })), permanent);
});
