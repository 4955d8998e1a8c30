/**
 * Planted bugs in the way to a socket.
 *
 * @module
 */
import { edit, type Mutant } from "../mutant.ts";

const budget = "src/connect/attempt_budget.ts";
const timeout = "src/connect/connect_timeout.ts";
const auth = "src/connect/auth.ts";
const stack = "src/stack.ts";
const window = "src/send/token_window.ts";

/** Mutants of `src/connect` and of the order of layers. */
export const CONNECT: readonly Mutant[] = [
  {
    name: "the deadline does not cover credentials",
    mistake: "a provider of credentials that hangs wedges the reconnect for good",
    seenIn: "partysocket, reconnecting-websocket, rews, graphql-ws, atproto: all of those tried",
    breaks: ["I7", "I16"],
    edits: edit(
      stack,
      `[deadline(ms, clock), ...source === undefined ? [] : [auth(source)]]`,
      `[...source === undefined ? [] : [auth(source)], deadline(ms, clock)]`,
    ),
    killers: [{
      file: "tests/stack/reconnect_test.ts",
      test: "scenario 12: open() discards credentials that come after the deadline",
    }, { seeds: 300, says: "I16" }],
  },
  {
    name: "the budget is inside the deadline",
    mistake: "waiting for the attempt budget eats the deadline of the dial",
    breaks: ["I16"],
    edits: [
      ...edit(stack, `connector: budgeted(budget, seams.clock)(next),`, `connector: next,`),
      ...edit(
        stack,
        `[deadline(ms, clock), ...source`,
        `[deadline(ms, clock), budgeted(budget ?? new Budget(60, 300_000), clock), ...source`,
      ),
      ...edit(
        stack,
        `{ auth: source }: ConnectionOptions`,
        `{ auth: source, attemptBudget: budget }: ConnectionOptions`,
      ),
    ],
    killers: [{
      file: "tests/stack/budget_test.ts",
      test: "scenario 17: open() keeps ten connections on one budget within it, and none starves",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "forced dials are free",
    mistake: "there is a way around the attempt budget",
    breaks: ["I5"],
    edits: edit(
      budget,
      `const reservation = await budget.reserve(cost, { clock, signal });`,
      `if (context.trace !== undefined && cost === 1) return await next.connect(handshake, context);
      const reservation = await budget.reserve(cost, { clock, signal });`,
    ),
    killers: [{
      file: "tests/stack/budget_test.ts",
      test: "scenario 17: open() keeps ten connections on one budget within it, and none starves",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "the budget counts reservations only",
    mistake: "slow credentials bring dials together again that the budget had spread",
    breaks: ["I5"],
    edits: edit(
      budget,
      `              this.#dialling = [...this.#dialling, held];
              return () => {`,
      `              return () => {`,
    ),
    killers: [{
      file: "tests/simulation/found_test.ts",
      test:
        "attemptBudget() holds on the wire too: credentials that came slowly count from when the dial was made",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "the window is open at one end",
    mistake: "a spend and the one a whole window later count as two windows",
    breaks: ["I5", "I6"],
    edits: edit(window, `back < 0 ? 0 : Math.floor(back) + 1`, `back < 0 ? 0 : Math.ceil(back)`),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox makes no burst of what was held over an outage",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 17: open() keeps ten connections on one budget within it, and none starves",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "a refill bucket",
    mistake: "tokens come back one by one over the window, so twice the limit fits into one",
    seenIn: "several venue clients: bursts of 9 or 10 where 5 per second are allowed",
    breaks: ["I6"],
    edits: edit(
      window,
      `const back = oldest === undefined ? 0 : oldest + windowMs - now;`,
      `const back = oldest === undefined ? 0 : oldest + windowMs / limit - now;`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox makes no burst of what was held over an outage",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 17: open() keeps ten connections on one budget within it, and none starves",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "who left the queue still stands in it",
    mistake: "an aborted waiter for the budget spends a dial, or blocks those behind",
    breaks: ["I16"],
    edits: edit(budget, `if (at >= 0) this.#queue.splice(at, 1);`, ``),
    killers: [{
      file: "tests/connect/attempt_budget_test.ts",
      test:
        "attemptBudget() charges nothing to whoever aborts while waiting, first or further back",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "open() shut down while it waits for the budget costs nobody an attempt",
    }, { seeds: 300, says: "I8" }],
  },
  {
    name: "an opened dial costs nothing",
    mistake: "a dial that opens gives back its whole reservation",
    breaks: ["I5"],
    edits: edit(
      budget,
      `this.#window.refund(held.at, held.cost - 1);`,
      `this.#window.refund(held.at, held.cost);`,
    ),
    killers: [{
      file: "tests/connect/attempt_budget_test.ts",
      test: "attemptBudget() is exact in every closed window and serves first come first served",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "open() shut down while it waits for the budget costs nobody an attempt",
    }, { seeds: 300, says: "I5" }],
  },
  {
    name: "a socket after the deadline is kept",
    mistake: "what opens after the deadline stays open",
    breaks: ["I3"],
    edits: edit(
      timeout,
      `        connection.abandon();
`,
      ``,
    ),
    killers: [{
      file: "tests/connect/connect_timeout_test.ts",
      test:
        "scenario 4: connectTimeout() ends a dial that is never answered, and abandons what opens later",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test: "robust-websocket B2: a dial that timed out is ended, not only reported",
    }, { seeds: 300, says: "I3" }],
  },
  {
    name: "the deadline goes on after the open",
    mistake: "the timer of a dial that has opened is left",
    breaks: ["I8"],
    edits: edit(
      timeout,
      `        cancel();
`,
      ``,
    ),
    killers: [{
      file: "tests/connect/connect_timeout_test.ts",
      test:
        "connectTimeout() gives each dial a fresh deadline, and leaves neither timer nor listener",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 18: open() spreads 500 clients that lose one server at one moment",
    }, { seeds: 300, says: "I8" }],
  },
  {
    name: "credentials are cached",
    mistake: "the credentials of the first dial are used for all",
    breaks: ["I15"],
    edits: [
      ...edit(
        auth,
        `export function auth(source: AuthSource): DialLayer {
  return`,
        `export function auth(source: AuthSource): DialLayer {
  let cached: Handshake | undefined;
  return`,
      ),
      ...edit(
        auth,
        `        await raced(signal, () => source(own, { signal }));`,
        `        if (cached === undefined) await raced(signal, () => source(own, { signal }));
        cached ??= own;`,
      ),
      ...edit(
        auth,
        `      return next.connect(own, context);`,
        `      return next.connect(cached, context);`,
      ),
    ],
    killers: [{
      file: "tests/connect/auth_test.ts",
      test: "auth() pulls once per dial, and what it stamps stays with that dial",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() stays sane when every callback throws",
    }, { seeds: 300, says: "I15" }],
  },
  {
    name: "credentials after the end",
    mistake: "credentials that come in the turn of the abort are still used for a dial",
    breaks: ["I15"],
    edits: edit(
      auth,
      `      }
      signal.throwIfAborted();
`,
      `      }
`,
    ),
    killers: [{
      file: "tests/connect/auth_test.ts",
      test: "auth() does not dial when the abort comes in the same turn as the credentials",
    }],
  },
];
