import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import type { LivenessPolicy } from "../../src/recv/liveness_machine.ts";
import { test } from "../support/harness.ts";
import { type Happening, type LivenessRun, runLiveness } from "./liveness_run.ts";

const HOUR = 3_600_000;
const full: LivenessPolicy = {
  staleAfterMs: 10_000,
  deadAfterMs: 20_000,
  probe: { afterMs: 4_000 },
};
const quiet: LivenessPolicy = {
  staleAfterMs: 10_000,
  deadAfterMs: 20_000,
  probe: undefined,
};
const gentle: LivenessPolicy = {
  staleAfterMs: 10_000,
  deadAfterMs: undefined,
  probe: undefined,
};

const saidIn = (run: LivenessRun) => run.said.map(({ at, what }) => [at, what]);
const frame = (at: number): Happening => ({ at, type: "frame" });
const frames = (from: number, to: number, every: number): Happening[] =>
  Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, i) => frame(from + i * every));

test("checkLiveness() walks through probe, stale and dead at their times in one long silence", () => {
  const run = runLiveness(full, [], HOUR);
  assertEquals(saidIn(run), [[4_000, "probe"], [10_000, "stale"], [20_000, "dead"]]);
  assert(run.ended);
});

test("checkLiveness() never says dead where that is off, and goes on looking", () => {
  const run = runLiveness(gentle, [], HOUR);
  assertEquals(saidIn(run), [[10_000, "stale"]]);
  assertEquals(run.ended, false);
});

test("checkLiveness() says nothing while frames come", () => {
  assertEquals(saidIn(runLiveness(full, frames(0, HOUR, 3_000), HOUR)), []);
});

test("checkLiveness() says alive at the frame that ends a stale period, and begins anew", () => {
  const run = runLiveness(full, [frame(15_000), frame(15_500)], 45_000);
  const heardAt = 15_500;
  assertEquals(saidIn(run).slice(0, 3), [[4_000, "probe"], [10_000, "stale"], [15_000, "alive"]]);
  const rest = run.said.slice(3);
  assertEquals(rest.map(({ what }) => what), ["probe", "stale", "dead"]);
  for (const [index, after] of [4_000, 10_000, 20_000].entries()) {
    const late = rest[index]!.at - heardAt - after;
    assert(late >= 0 && late <= 1_000, `${rest[index]!.what} ${late} ms late`);
  }
});

test("checkLiveness() is not fooled by frames that a stall kept in the socket", () => {
  const stall: Happening[] = [
    ...frames(0, 5_000, 500),
    { at: 5_100, type: "asleep", by: 10_500 },
    { at: 5_100, type: "queued" },
    ...frames(16_000, 30_000, 500),
  ];
  const without = saidIn(
    runLiveness(gentle, stall.filter(({ type }) => type !== "queued"), 30_000),
  );
  assertEquals(without[0]?.[1], "stale");
  assertEquals(saidIn(runLiveness(gentle, stall, 30_000)), []);
});

test("checkLiveness() sends no probe to a socket that it calls dead in the same breath", () => {
  const policy = { staleAfterMs: 2_000, deadAfterMs: 3_000, probe: { afterMs: 1_000 } };
  const run = runLiveness(policy, [{ at: 100, type: "asleep", by: 5_000 }], HOUR);
  assertEquals(run.said.map(({ what }) => what), ["stale", "dead"]);
});

test("checkLiveness() answers a sleep of 8 h with one probe, whichever clock noticed it", () => {
  for (const type of ["asleep", "suspended"] as const) {
    const happenings: Happening[] = [...frames(0, 60_000, 300), {
      at: 60_500,
      type,
      by: 8 * HOUR,
    }];
    const woken = type === "asleep" ? 60_500 + 8 * HOUR : 60_500;
    const answered = runLiveness(
      full,
      [...happenings, ...frames(woken + 1_500, woken + 60_000, 1_000)],
      woken + 60_000,
    );
    assertEquals(answered.said.map(({ what }) => what), ["probe"], type);
    const probe = answered.said[0]!;
    assert(probe.at >= woken && probe.at <= woken + 1_000);
    assertLessOrEqual(answered.checks.filter((at) => at >= woken && at < woken + 1_000).length, 4);

    const silent = runLiveness(full, happenings, woken + HOUR);
    assertEquals(silent.said.map(({ what }) => what), ["probe", "stale", "dead"], type);
    const [sent, stale, dead] = silent.said.map(({ at }) => at);
    // The probe has the time to be answered that a probe always has.
    assertEquals([stale! - sent!, dead! - sent!], [6_000, 16_000]);
  }
});

test("checkLiveness() answers a sleep without a probe with one reconnect, even where dead is off", () => {
  for (const policy of [quiet, gentle]) {
    for (const type of ["asleep", "suspended"] as const) {
      const happenings: Happening[] = [...frames(0, 60_000, 300), {
        at: 60_500,
        type,
        by: 8 * HOUR,
      }];
      const run = runLiveness(policy, happenings, 20 * HOUR);
      assertEquals(run.said.map(({ what }) => what), ["dead"], type);
      assert(run.ended);
    }
  }
});

test("checkLiveness() does not reconnect after a sleep when frames are there at the second look", () => {
  for (const policy of [full, quiet, gentle]) {
    const happenings: Happening[] = [
      ...frames(0, 60_000, 300),
      { at: 60_500, type: "asleep", by: HOUR },
      { at: 60_500, type: "queued" },
      ...frames(60_501 + HOUR, 120_000 + HOUR, 300),
    ];
    assertEquals(saidIn(runLiveness(policy, happenings, 120_000 + HOUR)), []);
  }
});

test("checkLiveness() takes neither a check that is a little late nor a small step of the clock for sleep", () => {
  for (const happening of [{ type: "wall", by: 9_000 }, { type: "asleep", by: 7_000 }] as const) {
    const happenings: Happening[] = [...frames(0, 60_000, 300), { at: 60_500, ...happening }];
    const run = runLiveness(quiet, [...happenings, ...frames(68_000, 90_000, 1_000)], 90_000);
    assertEquals(saidIn(run), []);
  }
});

test("checkLiveness() sends a stale session's probe again after a sleep, and stays stale", () => {
  const run = runLiveness(full, [{ at: 12_000, type: "suspended", by: HOUR }], HOUR);
  assertEquals(run.said.map(({ what }) => what), ["probe", "stale", "probe", "dead"]);
});

const policies: fc.Arbitrary<LivenessPolicy> = fc.record({
  staleAfterMs: fc.integer({ min: 2, max: 90_000 }),
  dead: fc.option(fc.double({ min: 0, max: 3, noNaN: true })),
  probe: fc.option(fc.double({ min: 0.1, max: 0.99, noNaN: true })),
}).map(({ staleAfterMs, dead, probe }) => ({
  staleAfterMs,
  deadAfterMs: dead === null ? undefined : 1 + Math.floor(staleAfterMs * (1 + dead)),
  probe: probe === null ? undefined : { afterMs: Math.max(1, Math.floor(staleAfterMs * probe)) },
}));

/** Histories whose silences are about as long as the thresholds. */
const lives = policies.chain((policy) => {
  const gap = fc.oneof(
    fc.integer({ min: 0, max: Math.ceil(policy.staleAfterMs / 2) }),
    fc.integer({ min: 0, max: 2 * (policy.deadAfterMs ?? policy.staleAfterMs) }),
    fc.constantFrom(policy.staleAfterMs, policy.deadAfterMs ?? 1, policy.probe?.afterMs ?? 1),
  );
  const type = fc.constantFrom<Happening["type"]>("frame", "frame", "frame", "queued");
  return fc.record({
    policy: fc.constant(policy),
    happenings: fc.array(fc.record({ gap, type }), { maxLength: 15 }).map((steps) => {
      let at = 0;
      return steps.map(({ gap, type }): Happening => ({ at: at += gap, type }));
    }),
  });
});

const untilOf = (policy: LivenessPolicy, happenings: readonly Happening[]) =>
  (happenings.at(-1)?.at ?? 0) + 3 * (policy.deadAfterMs ?? policy.staleAfterMs);

/** How long a check may be away: four times per threshold, and never longer than 15 s. */
const checkOf = ({ staleAfterMs, probe }: LivenessPolicy) =>
  Math.max(1, Math.min(15_000, Math.min(staleAfterMs, probe?.afterMs ?? Infinity) / 4));

test("checkLiveness() says nothing before its time of silence, in every random history", () => {
  const counts = { stale: 0, dead: 0, probe: 0, alive: 0 };
  fc.assert(
    fc.property(lives, ({ policy, happenings }) => {
      const run = runLiveness(policy, happenings, untilOf(policy, happenings));
      const after = {
        stale: policy.staleAfterMs,
        dead: policy.deadAfterMs ?? Infinity,
        probe: policy.probe?.afterMs ?? Infinity,
        alive: 0,
      };
      let stale = false;
      const probedAt = new Set<number>();
      for (const [index, { at, what, heardAt }] of run.said.entries()) {
        counts[what]++;
        assertGreaterOrEqual(at - heardAt, after[what], what);
        if (what === "probe") {
          assert(!probedAt.has(heardAt), "two probes in one silence");
          probedAt.add(heardAt);
        } else if (what === "dead") {
          assertEquals(index, run.said.length - 1, "something was said after dead");
        } else {
          assert(stale === (what === "alive"), `${what} although ${stale ? "" : "not "}stale`);
          stale = what === "stale";
        }
      }
    }),
    { numRuns: 1_000 },
  );
  for (const [what, count] of Object.entries(counts)) {
    assert(count > 100, `${what}: ${count} times`);
  }
});

test("checkLiveness() says what is due within one check, in every random history", () => {
  fc.assert(
    fc.property(lives, ({ policy, happenings }) => {
      const run = runLiveness(policy, happenings, untilOf(policy, happenings));
      const check = checkOf(policy);
      assertLessOrEqual(run.longestDelayMs, check);
      const heard = [0, ...happenings.filter(({ type }) => type === "frame").map(({ at }) => at)];
      // A frame that was queued is heard whenever a second look happens to be taken: such histories are for the other test.
      if (heard.length <= happenings.length) return;
      for (const [index, heardAt] of heard.entries()) {
        const next = heard[index + 1] ?? untilOf(policy, happenings);
        const between = run.said.filter(({ at }) => at >= heardAt && at < next);
        const limits = {
          probe: policy.probe?.afterMs ?? Infinity,
          stale: policy.staleAfterMs,
          dead: policy.deadAfterMs ?? Infinity,
        };
        for (const [what, after] of Object.entries(limits)) {
          // The machine may still be stale, or have ended, from before.
          if (heardAt + after + check + 1 >= next) continue;
          const found = between.find((one) => one.what === what);
          assert(
            found !== undefined,
            `${what} was not said in the silence from ${heardAt} to ${next}`,
          );
          // A timer has a resolution of 1 ms.
          assertLessOrEqual(found.at - heardAt, after + check + 1, what);
        }
        if (between.some(({ what }) => what === "dead")) return;
      }
    }),
    { numRuns: 1_000 },
  );
});

test("checkLiveness() does not care when the time of day goes back, in every random history", () => {
  fc.assert(
    fc.property(
      lives,
      fc.array(fc.record({ at: fc.nat(200_000), by: fc.integer({ min: -HOUR, max: 0 }) })),
      ({ policy, happenings }, jumps) => {
        const until = untilOf(policy, happenings);
        const walls = jumps.map((jump): Happening => ({ type: "wall", ...jump }));
        assertEquals(
          runLiveness(policy, [...happenings, ...walls], until),
          runLiveness(policy, happenings, until),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("checkLiveness() never comes in a burst, whatever clocks do", () => {
  const jumps = fc.array(
    fc.record({
      at: fc.nat(200_000),
      type: fc.constantFrom<Happening["type"]>("wall", "asleep", "suspended"),
      by: fc.integer({ min: 0, max: 8 * HOUR }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(policies, jumps, ({ staleAfterMs, deadAfterMs }, happenings) => {
      const policy: LivenessPolicy = {
        staleAfterMs: staleAfterMs + 10_000,
        deadAfterMs: deadAfterMs === undefined ? undefined : deadAfterMs + 10_000,
        probe: { afterMs: 5_000 },
      };
      const slept = happenings.reduce((sum, { type, by }) => sum + (type === "asleep" ? by : 0), 0);
      const run = runLiveness(policy, happenings, 300_000 + slept);
      const perMoment = new Map<number, number>();
      for (const at of run.checks) perMoment.set(at, (perMoment.get(at) ?? 0) + 1);
      for (const [at, count] of perMoment) assertLessOrEqual(count, 2, `${count} checks at ${at}`);
      const dead = run.said.filter(({ what }) => what === "dead");
      assertLessOrEqual(dead.length, 1);
    }),
    { numRuns: 300 },
  );
});
