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
    killers: [],
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
    killers: [],
  },
  {
    name: "jitter off by the least delay",
    mistake: "the jitter is added on top of the cap",
    breaks: ["I13"],
    edits: edit(backoff, `random * (cap - policy.minDelayMs)`, `random * cap`),
    killers: [],
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
    killers: [],
  },
  {
    name: "force ignores the hint",
    mistake: "a forced reconnect comes before the time that the server asked for",
    breaks: ["I13"],
    edits: edit(machine, `const hintMs = notBefore - this.#moment.now;`, `const hintMs = notBefore * 0;`),
    killers: [],
  },
  {
    name: "a short hint shortens a long one",
    mistake: "the last hint wins instead of the furthest",
    breaks: ["I13"],
    edits: edit(
      machine,
      `notBefore: Math.max(this.state.notBefore, now + hintMs)`,
      `notBefore: now + hintMs`,
    ),
    killers: [],
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
    killers: [],
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
    killers: [],
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
    killers: [],
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
    killers: [],
  },
  {
    name: "off by one in maxAttempts",
    mistake: "one dial more than was allowed",
    breaks: ["I9"],
    edits: edit(machine, `this.state.dials >= policy.maxAttempts`, `this.state.dials > policy.maxAttempts`),
    killers: [],
  },
  {
    name: "a refusal is tried for ever",
    mistake: "permanent failures are not counted: a revoked key is tried until the address is banned",
    seenIn: "siebly websocket base: 401 is retried every 0.5 s",
    breaks: ["I9"],
    edits: edit(
      machine,
      `this.state.permanents + (verdict === "permanent" ? 1 : 0)`,
      `verdict === "permanent" ? 1 : 0`,
    ),
    killers: [],
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
    killers: [],
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
    killers: [],
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
    killers: [],
  },
  {
    name: "a failed start is not heard",
    mistake: "onSession rejects and nothing happens",
    breaks: ["I16"],
    edits: edit(machine, `if (mode !== "starting" || event.epoch !== epoch) return;`, `return;`),
    killers: [],
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
    killers: [],
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
    killers: [],
  },
  {
    name: "stale periods are not counted",
    mistake: "an observer that slept cannot know that the feed was silent",
    breaks: ["I10"],
    edits: edit(machine, `stales: stales + 1,`, `stales,`),
    killers: [],
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
    killers: [],
  },
  {
    name: "the reason of readyTimeout never comes",
    mistake: "the bound on the first session is not kept",
    breaks: ["I7"],
    edits: edit(machine, `if (this.state.everUp) return;`, `if (this.state.attempts > 0) return;`),
    killers: [],
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
    killers: [],
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
    killers: [],
  },
  {
    name: "zombies are not counted",
    mistake: "abandoned sockets leave no trace",
    breaks: ["I4"],
    edits: edit(supervisor, `    this.zombies++;
`, `    this.zombies += 0;
`),
    killers: [],
  },
  {
    name: "the session's signal never aborts",
    mistake: "what waits for an answer of a session waits for ever after its end",
    seenIn: "rpc-websockets: a call in flight at the loss never settles",
    breaks: ["I7"],
    edits: edit(supervisor, `    session.abort.abort(error);
`, ``),
    killers: [],
  },
  {
    name: "forget one listener",
    mistake: "the listener on the application's signal stays after the end",
    breaks: ["I8"],
    edits: edit(supervisor, `  #end(): void {
    this.#forget();`, `  #end(): void {`),
    killers: [],
  },
  {
    name: "a timer is forgotten",
    mistake: "cancelled timers go on",
    breaks: ["I8"],
    edits: edit(
      supervisor,
      `      case "clearTimer":
        this.#timers.get(effect.name)?.();`,
      `      case "clearTimer":`,
    ),
    killers: [],
  },
  {
    name: "ready is left pending",
    mistake: "who waits for the first session is not told that it gave up",
    breaks: ["I7"],
    edits: edit(supervisor, `    this.#settleReady.reject(error);
    this.trace(`, `    this.trace(`),
    killers: [],
  },
  {
    name: "forceReconnect is not coalesced",
    mistake: "ten thousand calls are ten thousand events",
    breaks: ["I5"],
    edits: edit(supervisor, `    if (this.#forced) return;
`, ``),
    killers: [],
  },
  {
    name: "classify is trusted",
    mistake: "a policy of the application that throws takes the actor down",
    seenIn: "websocket-ts, reconnecting-websocket: a hook that throws in a timer ends the client",
    breaks: ["I9"],
    edits: edit(supervisor, `classify: contained(options.classify),`, `classify: options.classify ?? defaultClassify,`),
    killers: [],
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
    killers: [],
  },
];
