/**
 * The send rate limit: paces what one connection sends, exactly in any closed window.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import { isDataFrame } from "../contract/frame.ts";
import { OptionCheck } from "../contract/options.ts";
import type { Clock } from "../contract/runtime.ts";
import type { FrameLayer, SessionContext } from "../contract/session.ts";
import { TokenWindow } from "./token_window.ts";

/** What a venue allows. */
export interface SendRateLimitOptions {
  /** Frames in any window, at most. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** Frames left for pongs that the platform sends by itself. Zero is allowed. @default {0} */
  readonly reserve?: number;
  /** Added to the window, in milliseconds, because the network compresses gaps. Zero is allowed. @default {0} */
  readonly slackMs?: number;
  /** Least time between two frames, in milliseconds. Zero is allowed. @default {0} */
  readonly spacingMs?: number;
}

/** What the outbox needs of a limit: it asks before it commits to a frame, so that a frame withdrawn meanwhile costs nothing. */
export interface SendGate {
  /**
   * How long until a frame of `who` may be handed off, in milliseconds; 0 is now. Whoever has to wait stands in line from then on, until it is told
   * 0 or leaves: of several connections none may starve behind what another has to send.
   */
  waitMs(now: number, who: object): number;
  /** Does not wait any more. */
  leave(who: object): void;
  /** A frame was handed off. */
  spend(now: number): void;
  /** A frame was let in that will be handed off later: until the returned function is called, others find one token less. */
  hold(): () => void;
}

/** What part of the tokens one may take in its turn while others are in line, and how soon it asks again after that. */
const SHARES = 8;
const YIELD_MS = 1;

/** How often a limit is asked again whose last tokens are held for frames that are on their way. */
const HELD_POLL_MS = 10;

const gates: WeakMap<FrameLayer, SendGate> = new WeakMap();

/** The gate of a layer that {@link sendRateLimit} made; `undefined` for any other layer. */
export function gateOf(layer: FrameLayer | undefined): SendGate | undefined {
  return layer === undefined ? undefined : gates.get(layer);
}

/**
 * Paces data frames. The window outlives sessions, so that a reconnect does not open a second one. Given to several connections it is a
 * common limit, as some venues count per address.
 *
 * @throws {TransportError} `invalid_options` with every problem.
 *
 * @example
 * ```ts
 * import { sendRateLimit } from "@holdfast/ws";
 *
 * // Five per second, of which one is left for pongs, and 300 ms of network jitter.
 * const layer = sendRateLimit({ limit: 5, windowMs: 1_000, reserve: 1, slackMs: 300 });
 * console.log(typeof layer); // function
 * ```
 */
export function sendRateLimit(options: SendRateLimitOptions): FrameLayer {
  const check = new OptionCheck(options, "sendRateLimit");
  const required = (name: "limit" | "windowMs", rule: string) => {
    if (options[name] === undefined) check.note(name, undefined, rule);
  };
  required("limit", "a whole number, 1 or more");
  required("windowMs", "a finite number above 0");
  const limit = check.whole("limit", 1);
  const windowMs = check.positive("windowMs", 1);
  const reserve = check.whole("reserve", 0, 0);
  const slackMs = check.positive("slackMs", 0, true);
  const spacingMs = check.positive("spacingMs", 0, true);
  if (limit - reserve < 1) check.note("reserve", reserve, `below limit (${limit})`);
  check.done("make a send rate limit");
  const window = new TokenWindow({
    limit: limit - reserve,
    windowMs: windowMs + slackMs,
    spacingMs,
  });
  let held = 0;
  // Of two that are on their way nobody knows how far apart they leave.
  const most = spacingMs > 0 ? 1 : limit - reserve;
  const burst = Math.ceil((limit - reserve) / SHARES);
  const line: object[] = [];
  let last: object | undefined;
  let taken = 0;
  const gate: SendGate = {
    waitMs(now, who) {
      const ms = held >= most ? HELD_POLL_MS : window.waitMs(now, 1 + held);
      const turn = line.length === 0 || line[0] === who || last === who && taken < burst;
      if (ms <= 0 && turn) {
        gate.leave(who);
        taken = last === who ? taken + 1 : 1;
        last = who;
        return 0;
      }
      if (!line.includes(who)) line.push(who);
      return Math.max(YIELD_MS, ms);
    },
    leave(who) {
      const place = line.indexOf(who);
      if (place >= 0) line.splice(place, 1);
    },
    spend: (now) => window.spend(now),
    hold() {
      held++;
      return () => void held--;
    },
  };
  const layer: FrameLayer = (context) => ({
    async transform(frame, controller) {
      if (!isDataFrame(frame)) return controller.enqueue(frame);
      await spent(gate, context);
      controller.enqueue(frame);
    },
  });
  gates.set(layer, gate);
  return layer;
}

/** Waits for a token and spends it; rejects at the session's end. Nothing comes between the look and the spend: others share the gate. */
async function spent(gate: SendGate, context: SessionContext): Promise<void> {
  const { clock, signal } = context;
  const who = {};
  try {
    for (;;) {
      const now = clock.now();
      const ms = gate.waitMs(now, who);
      if (ms <= 0) return gate.spend(now);
      await pause(clock, ms, signal);
    }
  } finally {
    gate.leave(who);
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      forget();
      resolve();
    }, ms);
    const forget = onAbort(signal, () => {
      cancel();
      reject(signal.reason);
    });
  });
}
