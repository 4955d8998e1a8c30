/**
 * Planted bugs in the life of a connection.
 *
 * @module
 */
import { edit, type Mutant } from "../mutant.ts";

const machine = "src/reconnect/machine.ts";
const supervisor = "src/reconnect/supervisor.ts";
const backoff = "src/reconnect/backoff.ts";
const classify = "src/contract/classify.ts";

/** Mutants of `src/reconnect`. */
export const RECONNECT: readonly Mutant[] = [
  {
    name: "reset on open",
    mistake: "counts of failures start anew when a socket opens, so accept-then-close is a storm",
    seenIn: "@atproto/ws-client 0.2.1: accept-then-1008 loops at 1 Hz for ever",
    breaks: ["I13"],
    edits: edit(
      machine,
      `this.#set({ mode: "starting", epoch, silent: false });`,
      `this.#set({ ...forgiven, mode: "starting", epoch, silent: false });`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test:
        "scenario 1: transition() lets delays grow to the cap over 10,000 sessions that close at once",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test: "atproto 0.2.1 A5: accept-then-1008 backs off instead of looping once a second",
    }, { seeds: 300, says: "I13" }],
  },
  {
    name: "first retry without jitter",
    mistake: "the first retry comes at once for everybody, after a server restart all together",
    breaks: ["I13"],
    edits: edit(
      backoff,
      `random * (cap - policy.minDelayMs)`,
      `(failures > 1 ? random : 0) * (cap - policy.minDelayMs)`,
    ),
    killers: [{
      file: "tests/reconnect/backoff_test.ts",
      test:
        "scenario 18: backoffDelay() spreads 500 clients over the whole range, on the first retry too",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 18: open() spreads 500 clients that lose one server at one moment",
    }],
  },
  {
    name: "jitter off by the least delay",
    mistake: "the jitter is added on top of the cap",
    breaks: ["I13"],
    edits: edit(backoff, `random * (cap - policy.minDelayMs)`, `random * cap`),
    killers: [{
      file: "tests/reconnect/backoff_test.ts",
      test: "scenario 10: backoffDelay() is whole, never below hint + min, never above hint + cap",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 18: open() spreads 500 clients that lose one server at one moment",
    }, { seeds: 300, says: "I13" }],
  },
  {
    name: "full jitter down to zero",
    mistake: "the least delay is not kept",
    breaks: ["I13"],
    edits: edit(
      backoff,
      `hintMs + policy.minDelayMs + random * (cap - policy.minDelayMs)`,
      `hintMs + random * cap`,
    ),
    killers: [{
      file: "tests/reconnect/backoff_test.ts",
      test: "scenario 10: backoffDelay() is whole, never below hint + min, never above hint + cap",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 18: open() spreads 500 clients that lose one server at one moment",
    }, { seeds: 300, says: "I13" }],
  },
  {
    name: "force ignores the hint",
    mistake: "a forced reconnect comes before the time that the server asked for",
    breaks: ["I13"],
    edits: edit(
      machine,
      `const hintMs = notBefore - this.#moment.now;`,
      `const hintMs = notBefore * 0;`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 15: transition() lets forceReconnect skip the backoff, but not a hint",
    }, {
      file: "tests/stack/reconnect_test.ts",
      test: "scenario 10: open() waits at least as long as the server asks, and disperses on top",
    }, { seeds: 300, says: "I13" }],
  },
  {
    name: "Retry-After is ignored",
    mistake: "the server says when to come again, and nobody listens",
    breaks: ["I13"],
    edits: edit(
      machine,
      `this.state.failures, { hintMs, random }`,
      `this.state.failures, { hintMs: 0, random }`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 10: transition() waits for the hint and the backoff on top of it",
    }, {
      file: "tests/stack/reconnect_test.ts",
      test: "scenario 10: open() waits at least as long as the server asks, and disperses on top",
    }, { seeds: 300, says: "I13" }],
  },
  {
    name: "stable after any session",
    mistake: "a session is called stable while it is stale",
    breaks: ["I13"],
    edits: edit(
      machine,
      `    this.#clearTimers("stable");
    this.#set({
      mode: "stale",`,
      `    this.#set({
      mode: "stale",`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "transition() counts stability anew after a stale period, and never while stale",
    }],
  },
  {
    name: "force dials beside a dial",
    mistake: "a reconnect that is asked for while a dial is under way starts a second one",
    seenIn: "@d-fischer/connection: reconnect() during a slow handshake leaves two live sockets",
    breaks: ["I3"],
    edits: edit(
      machine,
      `} else if (mode !== "waiting") return;`,
      `} else if (mode !== "waiting" && mode !== "dialing") return;`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 15: transition() makes one dial of forceReconnect, whatever the mode",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "websocket-ts 2.3.0 T3: a reconnect without backoff heeds the budget and maxAttempts all the same",
    }, { seeds: 300, says: "I15" }],
  },
  {
    name: "an old socket's end counts",
    mistake: "the close of a former socket ends the present session",
    seenIn: "siebly websocket base: an old onclose deletes the state of the new connection",
    breaks: ["I2", "I3"],
    edits: edit(
      machine,
      `if (event.epoch !== epoch || !this.#attached()) return;`,
      `if (!this.#attached()) return;`,
    ),
    killers: [
      { file: "tests/reconnect/machine_table_test.ts", test: "event in mode up" },
      {
        file: "tests/stack/peer_defects_test.ts",
        test: "siebly SB3: late events of an old socket do not touch the new session",
      },
      { seeds: 300, says: "I3" },
    ],
  },
  {
    name: "a late dial is adopted",
    mistake: "a socket is taken although its dial was given up",
    breaks: ["I3"],
    edits: edit(
      machine,
      `if (mode === "dialing" && event.dial === attempts) return`,
      `if (mode === "dialing") return`,
    ),
    killers: [{ file: "tests/reconnect/machine_table_test.ts", test: "event in mode dialing" }],
  },
  {
    name: "off by one in maxAttempts",
    mistake: "one dial more than was allowed",
    breaks: ["I9"],
    edits: edit(
      machine,
      `this.state.dials >= policy.maxAttempts`,
      `this.state.dials > policy.maxAttempts`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 19: transition() is exhausted exactly once, at maxAttempts and not before",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "RWS 4.4.0 R2, d-fischer D3: giving up is told to everybody, and asking for more afterwards is harmless",
    }],
  },
  {
    name: "a refusal is tried for ever",
    mistake:
      "permanent failures are not counted: a revoked key is tried until the address is banned",
    seenIn: "siebly websocket base: 401 is retried every 0.5 s",
    breaks: ["I9"],
    edits: edit(
      machine,
      `this.state.permanents + (verdict === "permanent" ? 1 : 0)`,
      `verdict === "permanent" ? 1 : 0`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test:
        "scenario 14: transition() tries permanentRetries times more with fresh credentials, then ends",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "siebly SB1: refused credentials end in minutes, not in a loop that gets the address banned",
    }],
  },
  {
    name: "a clean close is for good",
    mistake: "close 1000 and 1001 are taken for the end, so a deploy of the server ends the feed",
    seenIn: "sockette, rpc-websockets, rxjs: a close with 1000 is never followed by a reconnect",
    breaks: ["I16"],
    edits: edit(
      classify,
      `const refused = end?.status === 401`,
      `const refused = end?.clean === true || end?.status === 401`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test:
        "transition() calls five sessions in a row that broke the protocol permanent, of whatever code",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test: "atproto 0.2.1 A5: accept-then-1008 backs off instead of looping once a second",
    }],
  },
  {
    name: "1008 is for good",
    mistake: "a policy violation is permanent, although venues use it for rate limits",
    breaks: ["I16"],
    edits: edit(
      classify,
      `const refused = end?.status === 401`,
      `const refused = end?.code === 1008 || end?.status === 401`,
    ),
    killers: [{
      file: "tests/contract/classify_test.ts",
      test: "defaultClassify() calls everything else transient, however often it comes",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test: "atproto 0.2.1 A5: accept-then-1008 backs off instead of looping once a second",
    }],
  },
  {
    name: "a hung start has no deadline",
    mistake: "a login that is never answered keeps the connection in between for ever",
    seenIn: "partysocket, rews, graphql-ws: a provider that hangs wedges the reconnect",
    breaks: ["I16"],
    edits: edit(
      machine,
      `this.#setTimer("start", this.#policy.startTimeoutMs);`,
      ``,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test:
        "scenario 1: transition() lets delays grow to the cap over 10,000 sessions that close at once",
    }, {
      file: "tests/stack/reconnect_test.ts",
      test: "open() bounds onSession by startTimeoutMs and tells it by its signal",
    }, { seeds: 300, says: "I16" }],
  },
  {
    name: "a failed start is not heard",
    mistake: "onSession rejects and nothing happens",
    breaks: ["I16"],
    edits: edit(
      machine,
      `if (mode !== "starting" || event.epoch !== epoch) return;`,
      `if (mode !== "up" || event.epoch !== epoch) return;`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "transition() tells classify the stage, the end and how many of the kind came in a row",
    }, {
      file: "tests/stack/chain_test.ts",
      test:
        "passthrough() is one session: its end is the end, and forceReconnect is no way to a second one",
    }],
  },
  {
    name: "await the native close event",
    mistake: "shutdown waits for the peer, without a bound",
    seenIn: "rews, nats-core: close() to a silent peer waits for minutes",
    breaks: ["I7"],
    edits: edit(
      machine,
      `    this.#do({ type: "finish", error: undefined });
    this.#setTimer("shutdown", timeoutMs);`,
      `    this.#do({ type: "finish", error: undefined });`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 50: transition() ends after a shutdown in every mode, twice or not",
    }, {
      file: "tests/stack/liveness_test.ts",
      test: "scenario 20: open() calls a silent session stale, then abandons it within its bound",
    }, { seeds: 300, says: "I7" }],
  },
  {
    name: "shutdown forgets the dial",
    mistake: "a dial that is under way at the shutdown goes on",
    seenIn: "rpc-websockets, @binance/common: close() while down reconnects anyway",
    breaks: ["I8"],
    edits: edit(
      machine,
      `if (mode === "dialing") this.#do({ type: "cancelDial", dial: attempts });
      return this.#finish(closed, undefined);`,
      `return this.#finish(closed, undefined);`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "scenario 50: transition() ends after a shutdown in every mode, twice or not",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "open() shut down while it waits for the budget costs nobody an attempt",
    }],
  },
  {
    name: "stale periods are not counted",
    mistake: "an observer that slept cannot know that the feed was silent",
    breaks: ["I10"],
    edits: edit(machine, `stales: stales + 1,`, `stales,`),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "transition() does not forget that a session went silent while it was starting",
    }, {
      file: "tests/stack/liveness_test.ts",
      test: "scenario 20: open() calls a silent session stale, then abandons it within its bound",
    }, { seeds: 300, says: "I10" }],
  },
  {
    name: "stale still counts as up",
    mistake: "downSinceMs is not set when a session goes silent",
    breaks: ["I9"],
    edits: edit(
      machine,
      `stales: stales + 1,
      downSinceMs: this.#moment.now,`,
      `stales: stales + 1,`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "transition() counts stability anew after a stale period, and never while stale",
    }, {
      file: "tests/stack/liveness_test.ts",
      test: "scenario 20: open() calls a silent session stale, then abandons it within its bound",
    }, { seeds: 300, says: "I9" }],
  },
  {
    name: "the reason of readyTimeout never comes",
    mistake: "the bound on the first session is not kept",
    breaks: ["I7"],
    edits: edit(
      machine,
      `if (this.state.phase !== "connecting") return;`,
      `if (this.state.attempts > 0) return;`,
    ),
    killers: [{
      file: "tests/reconnect/machine_scenarios_test.ts",
      test: "transition() gives up at readyTimeoutMs in whatever mode, unless it was up before",
    }, {
      file: "tests/stack/reconnect_test.ts",
      test: "open() rejects ready at readyTimeoutMs, and is exhausted",
    }],
  },
  {
    name: "wait for the old socket to close",
    mistake: "a lost session's socket is not let go of",
    seenIn: "rews, nats-core: reconnect waits for the close event of a dead peer",
    breaks: ["I3"],
    edits: edit(
      supervisor,
      `if (session.end === undefined) this.#abandon(session.connection);`,
      ``,
    ),
    killers: [{
      file: "tests/stack/chain_test.ts",
      test: "reconnect() survives a connection that cannot be attached",
    }, { seeds: 300, says: "I3" }],
  },
  {
    name: "a late socket is kept",
    mistake: "a socket that opens after its dial was given up stays open, and nobody reads it",
    breaks: ["I3"],
    edits: edit(
      supervisor,
      `        return this.#abandon(connection);
      }
      dial.connection`,
      `        return;
      }
      dial.connection`,
    ),
    killers: [{
      file: "tests/stack/chain_test.ts",
      test: "reconnect() lets go of a socket that a dial layer lets through after the shutdown",
    }],
  },
  {
    name: "up although it has failed",
    mistake:
      "a session whose loss is on its way counts as up for a moment: limits on getting up are taken back",
    breaks: ["I9"],
    edits: edit(
      supervisor,
      `    if (event.type === "started" && this.#session?.failed) return true;
`,
      ``,
    ),
    killers: [{
      file: "tests/review/core_test.ts",
      test: "a session that fails in the turn in which onSession resolves is never up",
    }],
  },
  {
    name: "zombies are not counted",
    mistake: "abandoned sockets leave no trace",
    breaks: ["I4"],
    edits: edit(
      "src/reconnect/session.ts",
      `    this.zombies++;
`,
      `    this.zombies += 0;
`,
    ),
    killers: [{
      file: "tests/stack/liveness_test.ts",
      test: "scenario 20: open() calls a silent session stale, then abandons it within its bound",
    }, { seeds: 300, says: "I4" }],
  },
  {
    name: "the session's signal never aborts",
    mistake: "what waits for an answer of a session waits for ever after its end",
    seenIn: "rpc-websockets: a call in flight at the loss never settles",
    breaks: ["I7"],
    edits: edit(
      supervisor,
      `    session.abort(error);
`,
      ``,
    ),
    killers: [{
      file: "tests/simulation/exploration_test.ts",
      test:
        "open() keeps all invariants in every history of 6 events of a connection that waits for an answer at its start",
    }],
  },
  {
    name: "forget one listener",
    mistake: "the listener on the application's signal stays after the end",
    breaks: ["I8"],
    edits: edit(
      supervisor,
      `  #end(): void {
    this.#forget();`,
      `  #end(): void {`,
    ),
    killers: [{
      file: "tests/stack/shutdown_test.ts",
      test: "open() is shut down by its signal, in every phase, and leaves no listener on it",
    }, { seeds: 300, says: "I8" }],
  },
  {
    name: "a timer is forgotten",
    mistake: "cancelled timers go on",
    breaks: ["I8"],
    edits: edit(
      supervisor,
      `      case "clearTimer":
        this.#timers[effect.name]?.();`,
      `      case "clearTimer":`,
    ),
    killers: [{
      file: "tests/stack/budget_test.ts",
      test: "scenario 29: open() paces by monotonic time when somebody sets the clock back an hour",
    }, { seeds: 300, says: "I8" }],
  },
  {
    name: "ready is left pending",
    mistake: "who waits for the first session is not told that it gave up",
    breaks: ["I7"],
    edits: edit(
      supervisor,
      `    this.#settleReady?.reject(error);
    this.trace(`,
      `    this.trace(`,
    ),
    killers: [{
      file: "tests/stack/chain_test.ts",
      test:
        "passthrough() is one session: its end is the end, and forceReconnect is no way to a second one",
    }, { seeds: 300, says: "I7" }],
  },
  {
    name: "forceReconnect is not coalesced",
    mistake: "ten thousand calls are ten thousand events",
    breaks: ["I12"],
    edits: edit(
      supervisor,
      `    if (this.#forced) return;
`,
      ``,
    ),
    killers: [{ seeds: 300, says: "I12" }],
  },
  {
    name: "classify is trusted",
    mistake: "a policy of the application that throws takes the actor down",
    seenIn: "websocket-ts, reconnecting-websocket: a hook that throws in a timer ends the client",
    breaks: ["I9"],
    edits: edit(
      "src/stack.ts",
      `classify: contained(resolved.classify)`,
      `classify: resolved.classify ?? contained(undefined)`,
    ),
    killers: [{
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() stays sane when every callback throws",
    }],
  },
  {
    name: "notify before the state",
    mistake: "effects run before the new state is published: frames come before their epoch",
    breaks: ["I2"],
    edits: edit(
      supervisor,
      `    if (state !== before) this.lifecycle.advance();
    for (const effect of effects) this.#run(effect);
`,
      `    for (const effect of effects) this.#run(effect);
    if (state !== before) this.lifecycle.advance();
`,
    ),
    killers: [{
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() takes calls from within every callback, as events of their own",
    }, { seeds: 300, says: "I2" }],
  },
  {
    name: "a verdict without a delay ignores Retry-After",
    mistake: "a `classify` of the application's own drops what the server asked for",
    breaks: ["I6"],
    edits: edit(machine, `minDelayMs = end?.retryAfterMs ?? 0`, `minDelayMs = 0`),
    killers: [{
      file: "tests/stack/reconnect_test.ts",
      test:
        "scenario 10: open() obeys Retry-After where classify says nothing of a delay, and classify where it does",
    }],
  },
];
