/**
 * Transport liveness, decided: is anybody at the other end of the socket?
 *
 * ```text
 *            nothing for staleAfterMs               nothing for deadAfterMs
 *   alive ───────────────────────────▶ stale ───────────────────────────▶ dead
 *     ▲  └ nothing for probe.afterMs: probe        │
 *     └──────────────── a sign of life ────────────┘
 * ```
 *
 * Rules:
 * - Frames only count; a timer compares counters. The moment of the last frame is known to within one check, always on the late side, so that
 *   nothing is called stale too early. Checks come at least four times per threshold.
 * - Before stale or dead is said, the caller takes one turn of the event loop and checks again (`grace`): after a long synchronous stall the
 *   frames are already in the socket.
 * - A jump (the wall clock ran ahead of the monotonic one, or the check itself came much too late) means sleep: what was not heard meanwhile
 *   proves nothing, nor does what was heard before. If nothing is heard by the second look: one probe, or where there is none one reconnect;
 *   never a burst.
 * - Where the second look is late as well, it was no sleep: timers are slow (a hidden page's, once a minute in Chromium 156), and frames came when
 *   they came.
 *
 * @module
 */

/** When to do what. */
export interface LivenessPolicy {
  /** Silence after which the session is stale. */
  readonly staleAfterMs: number;
  /** Silence after which it is dead. */
  readonly deadAfterMs: number | undefined;
  /** Silence after which a probe is sent; `undefined`, if none is. */
  readonly probe: { readonly afterMs: number } | undefined;
}

/** What is known at one check. */
export interface LivenessMoment {
  /** Signs of life so far. */
  readonly heard: number;
  /** Monotonic time. */
  readonly now: number;
  /** Time of day. */
  readonly wall: number;
  /** Whether this is the second look, after a turn of the event loop, or a frame is just being heard. */
  readonly grace: boolean;
}

/** What is remembered between checks. */
export interface LivenessState {
  readonly heard: number;
  readonly heardAt: number;
  readonly checkedAt: number;
  readonly checkedWall: number;
  readonly dueAt: number;
  readonly stale: boolean;
  readonly probed: boolean;
  /** A sleep was seen, and is not yet answered. */
  readonly slept: boolean;
  /** Whether it was the clocks that showed it, and whether something was heard that may be from before it. */
  readonly skewed: boolean;
  readonly doubted: boolean;
}

/** What to do, and how long until the next check; `delayMs: 0` asks for the second look. */
export interface LivenessDecision {
  readonly effects: readonly ("stale" | "alive" | "probe" | "dead")[];
  readonly delayMs: number | undefined;
}

/** Longest time between two checks: bounds how late a sleep is noticed. */
const MAX_CHECK_MS = 15_000;

/** A check that comes so much too late was not late because of work. */
const SLEEP_MS = 10_000;

/** A turn that takes so long is a slow timer. */
const SLOW_TURN_MS = 5_000;

function interval(policy: LivenessPolicy): number {
  const least = Math.min(policy.staleAfterMs, policy.probe?.afterMs ?? Infinity);
  return Math.min(MAX_CHECK_MS, least / 4);
}

/** The state at the open of a session. */
export function livenessAtOpen(
  policy: LivenessPolicy,
  now: number,
  wall: number,
): [LivenessState, number] {
  const delayMs = interval(policy);
  return [{
    heard: 0,
    heardAt: now,
    checkedAt: now,
    checkedWall: wall,
    dueAt: now + delayMs,
    stale: false,
    probed: false,
    slept: false,
    skewed: false,
    doubted: false,
  }, delayMs];
}

/** One check. */
export function checkLiveness(
  state: LivenessState,
  policy: LivenessPolicy,
  moment: LivenessMoment,
): [LivenessState, LivenessDecision] {
  const { now, wall, grace } = moment;
  const probeAfterMs = policy.probe?.afterMs;
  const effects: LivenessDecision["effects"][number][] = [];
  const asleepMs = Math.max(SLEEP_MS, policy.staleAfterMs / 2);
  const lateMs = now - state.dueAt;
  const skews = wall - state.checkedWall - (now - state.checkedAt) >= asleepMs;
  const skewed = skews || state.slept && state.skewed;
  const jumped = skews || lateMs >= asleepMs;
  const slow = grace && !skewed && lateMs >= SLOW_TURN_MS;
  // What a busy feed brought since the last check may all be from before the sleep.
  const heard = moment.heard !== state.heard;
  const doubted = heard && jumped && !grace;
  const life = heard && !doubted || slow && state.doubted;
  let { heardAt, stale, probed } = state;
  let slept = state.slept || jumped;
  if (life) {
    heardAt = now;
    probed = slept = false;
    if (stale) effects.push("alive");
    stale = false;
  }
  const finish = (delayMs: number | undefined): [LivenessState, LivenessDecision] => [{
    heard: moment.heard,
    heardAt,
    checkedAt: now,
    checkedWall: wall,
    dueAt: now + (delayMs ?? 0),
    stale,
    probed,
    slept,
    skewed,
    doubted,
  }, { effects, delayMs }];
  if (slept) {
    if (!grace) return finish(0);
    slept = false;
    if (probeAfterMs === undefined) {
      if (!slow) {
        effects.push("dead");
        return finish(undefined);
      }
    } else if (!slow || !probed) {
      // As if the last frame came just so long ago that the probe is due: it has the rest of the time to be answered.
      heardAt = now - probeAfterMs;
      probed = false;
    }
  }
  const silent = now - heardAt;
  const dead = policy.deadAfterMs !== undefined && silent >= policy.deadAfterMs;
  const becomesStale = !stale && silent >= policy.staleAfterMs;
  if ((dead || becomesStale) && !grace) return finish(0);
  if (probeAfterMs !== undefined && !probed && silent >= probeAfterMs && !dead) {
    probed = true;
    effects.push("probe");
  }
  if (becomesStale) {
    stale = true;
    effects.push("stale");
  }
  if (dead) {
    effects.push("dead");
    return finish(undefined);
  }
  const thresholds = [
    stale ? Infinity : policy.staleAfterMs,
    probed ? Infinity : probeAfterMs ?? Infinity,
    policy.deadAfterMs ?? Infinity,
  ];
  const until = Math.min(...thresholds.map((threshold) => threshold - silent));
  return finish(Math.max(1, Math.min(interval(policy), until)));
}
