/**
 * Random histories of the outbox: whatever happens, in whatever order, every frame has one fate.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isTransportError, TransportError } from "../../src/contract/errors.ts";
import type { Frame } from "../../src/contract/frame.ts";
import { sendRateLimit } from "../../src/send/send_rate_limit.ts";
import { test } from "../support/harness.ts";
import { type Bench, bench, fullest, settled, text, textOf } from "./bench.ts";

const over = new TransportError("closed", "Connection closed: by the test");

/** What can happen. */
type Action =
  | { readonly type: "send"; readonly hold: boolean; readonly size: number }
  | { readonly type: "sendFirst" | "sendAside" | "admit" }
  | { readonly type: "abort"; readonly which: number }
  | { readonly type: "open"; readonly layers: "none" | "sync" | "async" | "failing" }
  | { readonly type: "start" | "lose" | "kill" }
  | { readonly type: "fill"; readonly bytes: number }
  | { readonly type: "pass"; readonly ms: number };

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    arbitrary: fc.record({ type: fc.constant("send"), hold: fc.boolean(), size: fc.nat(9) }),
    weight: 6,
  },
  { arbitrary: fc.record({ type: fc.constantFrom("sendFirst", "sendAside", "admit") }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant("abort"), which: fc.nat(9) }), weight: 2 },
  {
    arbitrary: fc.record({
      type: fc.constant("open"),
      layers: fc.constantFrom("none", "none", "sync", "async", "failing"),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ type: fc.constantFrom("start", "start", "lose", "kill") }), weight: 3 },
  {
    arbitrary: fc.record({ type: fc.constant("fill"), bytes: fc.constantFrom(0, 0, 2_000) }),
    weight: 2,
  },
  { arbitrary: fc.record({ type: fc.constant("pass"), ms: fc.nat(40) }), weight: 3 },
) as fc.Arbitrary<Action>;

/** One frame that somebody wanted sent. */
interface Wanted {
  readonly name: string;
  readonly rank: 0 | 2;
  /** Whether it waited for room first: then it has no place in the order yet. */
  readonly admitted: boolean;
  /** The session it belongs to; `undefined` is any. */
  readonly epoch: number | undefined;
  readonly abort: AbortController;
  settled: number;
  outcome: "pending" | "done" | "refused" | "lost" | "aborted" | "broken" | "over";
}

function layersOf(
  kind: "none" | "sync" | "async" | "failing",
): Transformer<Frame, Frame> | undefined {
  switch (kind) {
    case "none":
      return undefined;
    case "sync":
      return { transform: (frame, controller) => controller.enqueue(frame) };
    case "async":
      return {
        async transform(frame, controller) {
          await settled();
          controller.enqueue(frame);
        },
      };
    case "failing":
      return {
        transform() {
          throw new Error("failing layer");
        },
      };
  }
}

/** Runs one history, then what the test ends it with. */
async function play(
  it: Bench,
  history: readonly Action[],
  finish: () => void | Promise<void>,
): Promise<Wanted[]> {
  const { outbox, clock, sockets, failures } = it;
  const all: Wanted[] = [];
  let epoch: number | undefined;
  const want = (rank: 0 | 2, at: number | undefined, size: number, admitted = false) => {
    const entry: Wanted = {
      name: `${all.length}:${"x".repeat(size)}`,
      rank,
      admitted,
      epoch: at,
      abort: new AbortController(),
      settled: 0,
      outcome: "pending",
    };
    all.push(entry);
    return entry;
  };
  const follow = (entry: Wanted, promise: Promise<void>) => {
    promise.then(() => {
      entry.settled++;
      entry.outcome = "done";
    }, (reason) => {
      entry.settled++;
      const codes = ["not_connected", "queue_full"];
      entry.outcome = !isTransportError(reason)
        ? "aborted"
        : codes.includes(reason.code)
        ? "refused"
        : reason.code === "stale_session"
        ? "lost"
        : reason.code === "layer_failed"
        ? "broken"
        : "over";
    });
  };
  for (const action of history) {
    switch (action.type) {
      case "send": {
        const entry = want(2, action.hold ? undefined : epoch, action.size);
        const { signal } = entry.abort;
        follow(entry, outbox.send(text(entry.name), { signal, hold: action.hold }));
        break;
      }
      case "sendFirst": {
        const entry = want(0, epoch ?? 0, 0);
        follow(entry, outbox.sendFirst(text(entry.name), epoch ?? 0));
        break;
      }
      case "sendAside":
        outbox.sendAside(text("aside"), epoch ?? 0);
        break;
      case "admit": {
        const entry = want(2, undefined, 0, true);
        entry.outcome = "done"; // admitted and then sent, unless onLost says otherwise
        outbox.admit(text(entry.name), entry.abort.signal, (reason) => {
          entry.settled++;
          entry.outcome = reason === entry.abort.signal.reason
            ? "aborted"
            : isTransportError(reason, "layer_failed")
            ? "broken"
            : "over";
        }).catch(() => entry.outcome = "refused");
        break;
      }
      case "abort":
        all[all.length - 1 - action.which]?.abort.abort(new Error("withdrawn"));
        break;
      case "open":
        it.opened({
          start: false,
          ...{ layers: layersOf(action.layers) } as { layers: Transformer },
        });
        epoch = sockets.length;
        break;
      case "start":
        outbox.start();
        break;
      case "lose":
        it.lost();
        epoch = undefined;
        break;
      case "kill":
        if (sockets.length > 0) sockets.at(-1)!.alive = false;
        break;
      case "fill":
        if (sockets.length > 0) sockets.at(-1)!.bufferedAmount = action.bytes;
        break;
      case "pass": {
        const until = clock.now() + action.ms;
        while (clock.fireNext(until - clock.now())) await settled();
        clock.skip(until - clock.now());
        break;
      }
    }
    if (failures.length > 0 && epoch === failures.at(-1)!.epoch) {
      it.lost(); // the supervisor's answer
      epoch = undefined;
    }
  }
  await finish();
  await settled();
  return all;
}

test("Outbox gives every frame one fate, in any history", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(actions, { maxLength: 60, size: "max" }),
      fc.boolean(),
      async (history, paced) => {
        const it = bench({
          maxWaitingFrames: 6,
          maxWaitingBytes: 40,
          timeoutMs: 50,
          ...paced ? { gate: sendRateLimit({ limit: 2, windowMs: 15 }) } : {},
        });
        const { outbox, clock, sockets } = it;
        const all = await play(it, history, () => outbox.end(over));
        const log = sockets.map(({ sent }) => sent.map(({ frame }) => textOf(frame)));
        for (const { name, epoch, outcome, settled: times } of all) {
          const places = log.flatMap((texts, i) =>
            texts.filter((t) => t === name).map(() => i + 1)
          );
          assert(outcome !== "pending", `${name} never settled`);
          assert(times <= 1, `${name} settled ${times} times`);
          assertEquals(places.length, outcome === "done" ? 1 : 0, `${name} is ${outcome}`);
          if (epoch !== undefined && places.length > 0) assertEquals(places, [epoch]);
        }
        // First in, first out within a rank, over all sessions.
        for (const rank of [0, 2] as const) {
          const names = all.filter((entry) => entry.rank === rank && !entry.admitted).map((
            { name },
          ) => name);
          const order = log.flat().map((t) => names.indexOf(t as string)).filter((i) => i >= 0);
          assertEquals(order, order.toSorted((a, b) => a - b));
        }
        const times = sockets.flatMap(({ sent }) => sent.map(({ at }) => at));
        if (paced) assert(fullest(times, 15) <= 2);
        assertEquals([outbox.waiting, outbox.waitingBytes], [0, 0]);
        assertEquals(outbox.sent, log.flat().length);
        assertEquals(clock.timers, 0, "a timer was left");
      },
    ),
    { numRuns: 1_500 },
  );
});

test("Outbox hands over what is held as soon as it can, after any history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { maxLength: 40, size: "max" }), async (history) => {
      const it = bench({ maxWaitingFrames: 6, timeoutMs: 50 });
      const { outbox, clock } = it;
      const held = history.map((action): Action =>
        action.type === "send" ? { ...action, hold: true } : action
      );
      const all = await play(it, held, async () => {
        it.opened();
        await settled();
        while (outbox.waiting > 0 && clock.fireNext(1_000)) await settled();
      });
      assertEquals(outbox.waiting, 0);
      assert(all.every(({ outcome }) => outcome !== "pending" && outcome !== "over"));
      assertEquals(clock.timers, 0);
    }),
    { numRuns: 500 },
  );
});
