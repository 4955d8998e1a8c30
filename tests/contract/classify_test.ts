import { assertEquals } from "@std/assert";
import {
  type Classify,
  defaultClassify,
  type Failure,
  isPoison,
} from "../../src/contract/classify.ts";
import type { SessionEnd } from "../../src/contract/connection.ts";
import { TransportError, type TransportErrorCode } from "../../src/contract/errors.ts";
import { test } from "../support/harness.ts";

type Told = Partial<SessionEnd> & { readonly inARow?: number };

function failure(stage: Failure["stage"], code: TransportErrorCode, told?: Told): Failure {
  const { inARow = 1, ...fields } = told ?? {};
  const error = new TransportError(code, "x");
  if (Object.keys(fields).length === 0) return { stage, error, inARow };
  const end: SessionEnd = { code: 1006, reason: "", clean: false, origin: "server", ...fields };
  return { stage, error, end, inARow };
}

const verdict = (...args: Parameters<typeof failure>) => defaultClassify(failure(...args)).verdict;

test("defaultClassify() calls permanent what another try cannot mend", () => {
  for (const status of [401, 403, 407]) {
    assertEquals(verdict("dial", "connect_failed", { status }), "permanent");
  }
  for (const stage of ["auth", "start", "dial"] as const) {
    assertEquals(verdict(stage, "auth_rejected"), "permanent");
  }
  assertEquals(verdict("dial", "unsupported"), "permanent");
  assertEquals(verdict("dial", "invalid_options"), "permanent");
});

test("defaultClassify() calls everything else transient, however often it comes", () => {
  const cases: Parameters<typeof failure>[] = [
    ["auth", "auth_failed"],
    ["dial", "connect_failed"],
    ["dial", "connect_timeout"],
    ["dial", "protocol_error"],
    ["start", "start_failed"],
    ["start", "start_timeout"],
    ["session", "session_lost"],
    ["session", "overflow"],
    ["session", "send_timeout"],
    ["session", "protocol_error"],
  ];
  for (const status of [200, 301, 302, 400, 404, 418, 429, 500, 502, 503, 504]) {
    cases.push(["dial", "connect_failed", { status }]);
  }
  for (
    const code of [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 1014, 1015, 3000, 4000, 4999]
  ) {
    cases.push(["session", "session_lost", { code }]);
  }
  for (const [stage, code, told] of cases) {
    for (const inARow of [1, 4, 5, 1_000]) {
      const what = `${stage} ${code} ${JSON.stringify(told)} ${inARow} in a row`;
      assertEquals(verdict(stage, code, { ...told, inARow }), "transient", what);
    }
  }
});

test("defaultClassify() calls the fifth broken session in a row permanent, and not the fourth", () => {
  const cases: Parameters<typeof failure>[] = [["session", "layer_failed"], [
    "start",
    "layer_failed",
  ]];
  for (const code of [1002, 1003, 1007, 1009, 1010]) {
    cases.push(["session", "session_lost", { code }], ["start", "session_lost", { code }]);
  }
  for (const [stage, code, told] of cases) {
    assertEquals(verdict(stage, code, { ...told, inARow: 4 }), "transient");
    assertEquals(verdict(stage, code, { ...told, inARow: 5 }), "permanent");
    assertEquals(verdict(stage, code, { ...told, inARow: 6 }), "permanent");
  }
});

test("isPoison() does not take a dial for a session that broke the protocol", () => {
  assertEquals(isPoison(failure("dial", "connect_failed", { code: 1002 })), false);
  assertEquals(isPoison(failure("session", "session_lost", { code: 1002 })), true);
  assertEquals(isPoison(failure("session", "session_lost")), false);
});

test("defaultClassify() hands on what the server asked for, with either verdict", () => {
  assertEquals(
    defaultClassify(failure("dial", "connect_failed", { status: 429, retryAfterMs: 7_000 })),
    { verdict: "transient", minDelayMs: 7_000 },
  );
  assertEquals(
    defaultClassify(failure("dial", "connect_failed", { status: 403, retryAfterMs: 0 })),
    { verdict: "permanent", minDelayMs: 0 },
  );
  assertEquals(defaultClassify(failure("dial", "connect_failed")), { verdict: "transient" });
});

test("defaultClassify() can be refined by delegation", () => {
  const classify: Classify = (failed) =>
    failed.end?.code === 4001 ? { verdict: "permanent" } : defaultClassify(failed);
  assertEquals(classify(failure("session", "session_lost", { code: 4001 })).verdict, "permanent");
  assertEquals(classify(failure("session", "session_lost", { code: 4002 })).verdict, "transient");
});
