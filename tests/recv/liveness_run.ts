/**
 * Runs the liveness machine through virtual time, as the heartbeat layer does, and notes what it said and when.
 *
 * @module
 */
import {
  checkLiveness,
  livenessAtOpen,
  type LivenessDecision,
  type LivenessPolicy,
} from "../../src/recv/liveness_machine.ts";

/** What happens to a session beside time passing. */
export interface Happening {
  readonly at: number;
  /**
   * `frame`: something is heard. `queued`: something is heard, but the event loop only gets to it in the turn after the next check, as after
   * a stall. `wall`: the time of day jumps by `by`. `asleep`: nothing runs for `by`; monotonic time goes on. `suspended`: nothing runs for
   * `by`, and monotonic time does not count it.
   */
  readonly type: "frame" | "queued" | "wall" | "asleep" | "suspended";
  readonly by?: number;
}

/** One effect, or one look, at its time. */
export interface Said {
  readonly at: number;
  readonly what: LivenessDecision["effects"][number];
  /** When the last frame came that the machine could know of. */
  readonly heardAt: number;
}

/** What a run showed. */
export interface LivenessRun {
  readonly said: readonly Said[];
  readonly checks: readonly number[];
  /** Longest time between two checks that the machine asked for. */
  readonly longestDelayMs: number;
  /** Whether the machine ended. */
  readonly ended: boolean;
}

/** Runs until `untilMs` or the machine's end. */
export function runLiveness(
  policy: LivenessPolicy,
  happenings: readonly Happening[],
  untilMs: number,
): LivenessRun {
  const said: Said[] = [];
  const checks: number[] = [];
  const events = [...happenings].sort((a, b) => a.at - b.at);
  let wallOffset = 1_750_000_000_000;
  let now = 0;
  let heard = 0;
  let heardAt = 0;
  let queued = 0;
  let longestDelayMs = 0;
  let [state, delayMs] = livenessAtOpen(policy, 0, wallOffset);
  let due: number | undefined = delayMs;
  longestDelayMs = delayMs;
  const check = (grace: boolean): void => {
    checks.push(now);
    const moment = { heard, now, wall: now + wallOffset, grace };
    const [next, decision] = checkLiveness(state, policy, moment);
    state = next;
    for (const what of decision.effects) said.push({ at: now, what, heardAt });
    if (decision.delayMs === 0) {
      if (grace) throw new Error("a second look asked for a third");
      if (decision.effects.some((what) => what !== "alive")) {
        throw new Error("said without a second look");
      }
      if (queued > 0) hear(queued);
      queued = 0;
      return check(true);
    }
    due = decision.delayMs === undefined ? undefined : now + decision.delayMs;
    longestDelayMs = Math.max(longestDelayMs, decision.delayMs ?? 0);
  };
  const hear = (frames: number) => {
    heard += frames;
    heardAt = now;
  };
  while (due !== undefined) {
    const event = events[0];
    if (event === undefined || event.at > due) {
      if (due > untilMs) break;
      now = Math.max(now, due);
      check(false);
      continue;
    }
    events.shift();
    now = Math.max(now, event.at);
    const { type, by = 0 } = event;
    if (type === "queued") queued++;
    else if (type === "wall" || type === "suspended") wallOffset += by;
    else if (type === "asleep") now += by;
    else {
      hear(1);
      if (state.stale) check(true);
    }
  }
  return { said, checks, longestDelayMs, ended: due === undefined };
}
