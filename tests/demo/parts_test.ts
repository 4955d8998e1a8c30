import { assert, assertEquals, assertThrows } from "@std/assert";
import { isShown, missingKinds, Symptoms } from "../../examples/demo/evidence.ts";
import { FlagError, parseFlags } from "../../examples/demo/flags.ts";
import { type FaultReport, JsonLines, numberOf } from "../../examples/demo/messages.ts";
import { FAULT_KINDS, type FaultKind, scriptOf } from "../../examples/demo/script.ts";
import { Timeline } from "../../examples/demo/timeline.ts";
import { countKinds, reasonsAgainst } from "../../examples/demo/verdict.ts";
import { test } from "../support/harness.ts";
import { type SessionEnd, TransportError } from "../../mod.ts";

test("parseFlags() reads both forms of a value, and has defaults", () => {
  assertEquals(parseFlags([]), { seed: 1, durationS: 20, json: false, help: false });
  assertEquals(parseFlags(["--seed", "7", "--duration=9.5", "--json"]), {
    seed: 7,
    durationS: 9.5,
    json: true,
    help: false,
  });
});

test("parseFlags() refuses what it does not understand, by name", () => {
  const bad: readonly (readonly [string[], RegExp])[] = [
    [["--seed"], /--seed needs a value/],
    [["--seed", "-1"], /--seed takes a whole number/],
    [["--seed=1.5"], /--seed takes a whole number/],
    [["--duration", "4"], /--duration takes seconds from 5/],
    [["--duration", "Infinity"], /--duration takes seconds/],
    [["--json=yes"], /--json takes no value/],
    [["--sed", "1"], /Unknown option "--sed"/],
    [["7"], /Unknown option "7"/],
  ];
  for (const [args, message] of bad) {
    const error = assertThrows(() => parseFlags(args), FlagError);
    assert(message.test(error.message), `${args.join(" ")}: ${error.message}`);
  }
});

test("scriptOf() holds every kind of fault in each round, and is the same for the same seed", () => {
  for (let seed = 0; seed < 200; seed++) {
    const steps = scriptOf(seed, 2);
    assertEquals(steps, scriptOf(seed, 2));
    assertEquals(steps[0]!.at, "session");
    for (const kind of FAULT_KINDS) {
      const count = steps.filter((step) => step.kind === kind).length;
      assert(kind === "refuse" ? count >= 4 : count === 2, `seed ${seed}: ${kind} ${count} times`);
    }
  }
  const orders = new Set([1, 2, 3, 4].map((seed) => scriptOf(seed, 1).map((s) => s.kind).join()));
  assertEquals(orders.size, 4);
});

function fault(kind: FaultKind): FaultReport {
  return { type: "fault", kind, dial: 3, epoch: 2, sent: 100 };
}

/** A client that met nothing, to which one thing is added. */
function symptoms(change: (symptoms: Symptoms) => void): Symptoms {
  const all = new Symptoms();
  change(all);
  return all;
}

function end(code: number, origin: SessionEnd["origin"]): SessionEnd {
  return { code, origin, reason: "", clean: origin === "server" };
}

test("isShown() asks for the symptom of each fault, in its dial or session", () => {
  const cases: readonly (readonly [FaultKind, (all: Symptoms) => void])[] = [
    ["refuse", (all) => all.failedDials.set(3, "connect_failed")],
    ["hang", (all) => all.failedDials.set(3, "connect_timeout")],
    ["reset", (all) => all.ends.set(2, end(1006, "network"))],
    ["close 1001", (all) => all.ends.set(2, end(1001, "server"))],
    ["close 1008", (all) => all.ends.set(2, end(1008, "server"))],
    ["close 1012", (all) => all.ends.set(2, end(1012, "server"))],
    ["half-open", (all) => {
      all.stale.add(2);
      all.ends.set(2, end(1006, "local"));
    }],
    ["stall", (all) => all.stalled.add(2)],
  ];
  const nothing = () => 0;
  for (const [kind] of cases) {
    const shownBy = cases.filter(([, change]) => isShown(fault(kind), symptoms(change), nothing));
    assertEquals(shownBy.map(([name]) => name), [kind]);
  }
  const none = new Symptoms();
  assertEquals(isShown(fault("flood"), none, () => 99), false);
  assertEquals(isShown(fault("flood"), none, () => 100), true);
});

test("isShown() does not take the symptom of another dial or session", () => {
  const other = symptoms((all) => {
    all.failedDials.set(4, "connect_failed");
    all.ends.set(1, end(1012, "server"));
  });
  assertEquals(isShown(fault("refuse"), other, () => 0), false);
  assertEquals(isShown(fault("close 1012"), other, () => 0), false);
});

test("Symptoms takes the facts from trace events", () => {
  const all = new Symptoms();
  const error = new TransportError("connect_timeout", "Cannot connect: took over 1 ms");
  all.note({ type: "dial", attempt: 3, url: "ws://127.0.0.1/", atMs: 1 });
  all.note({ type: "failure", stage: "dial", verdict: "transient", error, inARow: 1, atMs: 2 });
  all.note({ type: "stale", epoch: 2, atMs: 3 });
  all.note({ type: "down", epoch: 2, end: end(1006, "local"), firstSeq: 1, lastSeq: 0, atMs: 4 });
  assert(isShown(fault("hang"), all, () => 0));
  assert(isShown(fault("half-open"), all, () => 0));
});

test("reasonsAgainst() names each kind that did not come or was not met, and a run without lag", () => {
  const faults = FAULT_KINDS.filter((kind) => kind !== "hang").map(fault);
  const shown = ({ kind }: FaultReport) => kind !== "reset";
  const totals = {
    received: 5,
    delivered: 5,
    lagged: 0,
    discarded: 0,
    inflight: 0,
    epochs: 1,
    unexplained: 0,
  };
  assertEquals(missingKinds(faults, shown), ["hang", "reset"]);
  assertEquals(
    reasonsAgainst({ sessions: [], totals, problems: [] }, countKinds(faults, shown), []),
    ["the server never did: hang", "the client never met: reset", "nothing lagged"],
  );
  const lagging = { sessions: [], totals: { ...totals, lagged: 1 }, problems: [] };
  const all = countKinds(FAULT_KINDS.map(fault), () => true);
  assertEquals(reasonsAgainst(lagging, all, []), []);
  assertEquals(reasonsAgainst({ ...lagging, problems: ["a hole"] }, all, ["late"]), [
    "late",
    "a hole",
  ]);
});

test("Timeline shows the worst moment of each cell", () => {
  const timeline = new Timeline();
  timeline.mark(10, "down");
  timeline.mark(20, "up");
  timeline.mark(45, "down");
  timeline.mark(46, "up");
  timeline.mark(60, "stale");
  timeline.mark(70, "up");
  assertEquals(timeline.cells(10, 100), [
    undefined,
    "down",
    "up",
    "up",
    "down",
    "up",
    "stale",
    "up",
    "up",
    "up",
  ]);
});

test("JsonLines puts lines together, however they are cut", () => {
  const lines = new JsonLines();
  assertEquals(lines.push('{"a":'), []);
  assertEquals(lines.push('1}\n\n{"a":2}\n{"a"'), [{ a: 1 }, { a: 2 }]);
  assertEquals(lines.push(":3}\n"), [{ a: 3 }]);
  assertThrows(() => lines.push("no json\n"), SyntaxError);
});

test("numberOf() reads the number of a frame, and nothing else", () => {
  assertEquals(numberOf('{"n":17,"type":"pong"}'), 17);
  assertEquals(numberOf('{"type":"pong","n":17}'), undefined);
  assertEquals(numberOf(new Uint8Array(3)), undefined);
});
