import { assert, assertEquals } from "@std/assert";
import { account, type Evidence, RunLog } from "../../examples/demo/accounting.ts";
import { test } from "../support/harness.ts";

/**
 * Two sessions: ten frames, all of them sent before the server closed with 1001, of which 4 to 6
 * lagged; then five of seven frames, the last of which was discarded.
 */
const GOOD: Evidence = {
  sent: [{ epoch: 1, sent: 10, close: 1001 }, { epoch: 2, sent: 7 }],
  spans: [
    { epoch: 1, firstSeq: 1, lastSeq: 10, ended: "closed", serverClose: 1001 },
    { epoch: 2, firstSeq: 11, lastSeq: 15, ended: "shut down" },
  ],
  heard: [{ epoch: 1, seq: 0, n: 1, length: 10 }, { epoch: 2, seq: 0, n: 1, length: 5 }],
  delivered: [
    { epoch: 1, seq: 1, n: 1, length: 3 },
    { epoch: 1, seq: 7, n: 7, length: 4 },
    { epoch: 2, seq: 11, n: 1, length: 4 },
  ],
  stats: {
    received: 15,
    delivered: 11,
    buffered: 0,
    leafDropped: 0,
    totalLagged: 3,
    totalDiscarded: 1,
  },
};

/** What is found when one thing is otherwise. */
function problemsOf(change: Partial<Evidence>): readonly string[] {
  const { problems, totals } = account({ ...GOOD, ...change });
  assertEquals(totals.unexplained > 0, problems.length > 0);
  return problems;
}

function assertFinds(change: Partial<Evidence>, pattern: RegExp): void {
  const problems = problemsOf(change);
  assert(
    problems.some((problem) => pattern.test(problem)),
    `not found: ${pattern}; found: ${problems.join("; ") || "nothing"}`,
  );
}

test("account() explains every frame of a run with lag, discards and frames in flight", () => {
  assertEquals(account(GOOD), {
    sessions: [
      {
        epoch: 1,
        sent: 10,
        received: 10,
        delivered: 7,
        lagged: 3,
        discarded: 0,
        inflight: 0,
        ended: "closed",
      },
      {
        epoch: 2,
        sent: 7,
        received: 5,
        delivered: 4,
        lagged: 0,
        discarded: 1,
        inflight: 2,
        ended: "shut down",
      },
    ],
    totals: {
      received: 15,
      delivered: 11,
      lagged: 3,
      discarded: 1,
      inflight: 2,
      epochs: 2,
      unexplained: 0,
    },
    problems: [],
  });
});

test("account() takes a hole over the border of two sessions as lag of both", () => {
  const { sessions, problems } = account({
    ...GOOD,
    delivered: [
      { epoch: 1, seq: 1, n: 1, length: 8 },
      { epoch: 2, seq: 12, n: 2, length: 3 },
    ],
  });
  assertEquals(problems, []);
  assertEquals(sessions.map(({ lagged }) => lagged), [2, 1]);
});

test("account() flags a hole next to the socket", () => {
  const heard = [
    { epoch: 1, seq: 0, n: 1, length: 4 },
    { epoch: 1, seq: 0, n: 6, length: 5 },
    GOOD.heard[1]!,
  ];
  assertFinds({ heard }, /epoch 1: the server's frames 5 to 5 never came/);
});

test("account() flags a repeat next to the socket", () => {
  const heard = [
    { epoch: 1, seq: 0, n: 1, length: 4 },
    { epoch: 1, seq: 0, n: 4, length: 7 },
    GOOD.heard[1]!,
  ];
  assertFinds({ heard }, /epoch 1: frame 4 came again/);
});

test("account() flags a frame that the reader got twice", () => {
  const delivered = [
    { epoch: 1, seq: 1, n: 1, length: 3 },
    { epoch: 1, seq: 3, n: 3, length: 1 },
    { epoch: 1, seq: 8, n: 8, length: 3 },
    { epoch: 2, seq: 11, n: 1, length: 4 },
  ];
  assertFinds({ delivered }, /seq 3: delivered again, or out of order/);
});

test("account() flags a frame of an old session behind those of a new one", () => {
  const [first, second, third] = GOOD.delivered as [never, never, never];
  assertFinds({ delivered: [first, third, second] }, /seq 7: delivered again, or out of order/);
});

test("account() flags more received than sent", () => {
  const sent = [{ epoch: 1, sent: 9, close: 1001 }, { epoch: 2, sent: 7 }];
  assertFinds({ sent }, /epoch 1: 10 received, but only 9 sent/);
});

test("account() flags a frame that is missing although the server closed cleanly", () => {
  const sent = [{ epoch: 1, sent: 12, close: 1001 }, { epoch: 2, sent: 7 }];
  assertFinds({ sent }, /epoch 1: 10 received of 12, although the server closed cleanly/);
});

test("account() takes the same as in flight when the connection was lost", () => {
  const sent = [{ epoch: 1, sent: 12 }, { epoch: 2, sent: 7 }];
  const { totals, problems } = account({ ...GOOD, sent });
  assertEquals(problems, []);
  assertEquals(totals.inflight, 4);
});

test("account() flags a hole in seq that is not one of the server's numbers", () => {
  const delivered = [
    { epoch: 1, seq: 1, n: 1, length: 3 },
    { epoch: 1, seq: 7, n: 6, length: 4 }, // frame 6 must be seq 6
    { epoch: 2, seq: 11, n: 1, length: 4 },
  ];
  assertFinds({ delivered }, /seq 7: holds the server's frame 6, not 7; the holes do not match/);
});

test("account() flags a hole of the server's numbers that is none in seq", () => {
  const delivered = [
    { epoch: 1, seq: 1, n: 1, length: 3 },
    { epoch: 1, seq: 4, n: 7, length: 4 }, // as if the buffer had not numbered what it dropped
    { epoch: 2, seq: 11, n: 1, length: 4 },
  ];
  assertFinds({ delivered }, /seq 4: holds the server's frame 7, not 4/);
});

test("account() flags lag that the counter does not tell", () => {
  const stats = { ...GOOD.stats, totalLagged: 2 };
  const problems = problemsOf({ stats });
  assert(problems.some((problem) => /out of balance by 1/.test(problem)));
  assert(problems.some((problem) => /3 frames are missing.*2 count as lagged/.test(problem)));
});

test("account() flags discarded frames with delivered ones behind them", () => {
  const delivered = [
    GOOD.delivered[0]!,
    { epoch: 1, seq: 7, n: 7, length: 3 },
    { epoch: 2, seq: 11, n: 1, length: 5 },
  ];
  assertFinds({ delivered }, /1 frames count as discarded, but frames behind them/);
});

test("account() flags frames that stay in the buffer", () => {
  const stats = { ...GOOD.stats, delivered: 10, buffered: 1 };
  const delivered = [...GOOD.delivered.slice(0, 2), { epoch: 2, seq: 11, n: 1, length: 3 }];
  assertFinds({ stats, delivered }, /1 frames are still in the buffer/);
});

test("account() flags a received frame that the sessions do not hold", () => {
  const stats = { ...GOOD.stats, received: 16, totalLagged: 4 };
  assertFinds({ stats }, /the sessions hold 15 frames, but 16 count as received/);
});

test("account() flags sessions that overlap, or leave a gap in seq", () => {
  const [first, second] = GOOD.spans as [Evidence["spans"][0], Evidence["spans"][0]];
  assertFinds({ spans: [first, { ...second, firstSeq: 12 }] }, /begins at seq 12, not 11/);
  assertFinds({ spans: [first, { ...second, firstSeq: 10 }] }, /begins at seq 10, not 11/);
});

test("account() flags a session that only one side knows", () => {
  assertFinds({ sent: [...GOOD.sent, { epoch: 3, sent: 2 }] }, /sent 2 frames to epoch 3/);
  assertFinds({ sent: [GOOD.sent[0]!] }, /epoch 2: the server knows no such session/);
  assertFinds({ sent: [...GOOD.sent, GOOD.sent[1]!] }, /epoch 2: the server had 2 sessions/);
});

test("account() explains a session that was lost before it could subscribe", () => {
  const spans = [...GOOD.spans, { epoch: 3, firstSeq: 16, lastSeq: 15, ended: "lost" }];
  assertEquals(problemsOf({ spans }), []);
});

test("RunLog keeps runs apart by session, number and seq", () => {
  const log = new RunLog();
  log.note(1, 1, 1);
  log.note(1, 2, 2);
  log.note(1, 3, 4); // seq jumps, the number does not
  log.note(1, 5, 5); // the other way round
  log.note(2, 1, 6);
  assertEquals(log.runs, [
    { epoch: 1, seq: 1, n: 1, length: 2 },
    { epoch: 1, seq: 4, n: 3, length: 1 },
    { epoch: 1, seq: 5, n: 5, length: 1 },
    { epoch: 2, seq: 6, n: 1, length: 1 },
  ]);
  assertEquals([log.lastOf(1), log.lastOf(2), log.lastOf(3)], [5, 1, 0]);
});
