/**
 * The rules of the IBKR simulator: the venue's (WebSocket reference of 2026-07-02, Campus page cpapi-v1, ibind at a3d8fe1), and the
 * same made short for tests.
 *
 * @module
 */

/** Durations in milliseconds. */
export interface IbkrRules {
  /** A session dies so long after its last tickle. */
  readonly sessionTtlMs: number;
  /** All three greetings are out after so long. */
  readonly greetingMs: number;
  /** Heartbeats go out so often, also on a socket without subscriptions. */
  readonly hbEveryMs: number;
  /** Answers to one `tic`. */
  readonly ticReplies: number;
  readonly tickEveryMs: number;
  /** A market data line ends after so long, without a word. */
  readonly smdLifetimeMs: number;
  /** Whether asking again for a live line renews it; if not, `umd` must come first. Open at the venue. */
  readonly resmdRenews: boolean;
  /** Whether `{"session":...}` is taken as the first message; if not, it is an unknown topic. Sources differ. */
  readonly firstMessageSession: boolean;
  /** Whether the socket is closed with 1000 when the session is lost, or falls silent. Both were seen. */
  readonly closesOnSessionLoss: boolean;
  readonly linesCap: number;
  readonly historyCap: number;
  readonly dailyResetMs: number;
  /** Requests per second of the REST side; beyond it 429 for `penaltyMs`. */
  readonly restLimit: number;
  readonly restWindowMs: number;
  readonly penaltyMs: number;
}

/** Real time. */
export const IBKR_REAL: IbkrRules = {
  sessionTtlMs: 300_000,
  greetingMs: 250,
  hbEveryMs: 10_000,
  ticReplies: 4,
  tickEveryMs: 500,
  smdLifetimeMs: 900_000,
  resmdRenews: true,
  firstMessageSession: true,
  closesOnSessionLoss: false,
  linesCap: 100,
  historyCap: 5,
  dailyResetMs: 86_400_000,
  restLimit: 10,
  restWindowMs: 1_000,
  penaltyMs: 600_000,
};

/** Short, for tests. */
export const IBKR_TEST: IbkrRules = {
  ...IBKR_REAL,
  sessionTtlMs: 3_000,
  greetingMs: 20,
  hbEveryMs: 100,
  tickEveryMs: 5,
  smdLifetimeMs: 300,
  linesCap: 5,
  dailyResetMs: 4_000,
  penaltyMs: 1_000,
};
