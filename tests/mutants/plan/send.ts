/**
 * Planted bugs on the send axis and in the lifecycle watch.
 *
 * @module
 */
import { edit, type Mutant } from "../mutant.ts";

const outbox = "src/send/outbox.ts";
const queue = "src/send/send_queue.ts";
const limit = "src/send/send_rate_limit.ts";
const watch = "src/lifecycle/watch.ts";

/** Mutants of `src/send` and `src/lifecycle`. */
export const SEND: readonly Mutant[] = [
  {
    name: "drop the epoch check",
    mistake: "a frame that belongs to a lost session is sent in the next one",
    seenIn: "partysocket, reconnecting-websocket: an order of yesterday's session goes out today",
    breaks: ["I11"],
    edits: edit(
      outbox,
      `this.#enqueue(frame, 2, hold ? undefined : this.#session!.epoch, signal)`,
      `this.#enqueue(frame, 2, undefined, signal)`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox lets no frame cross into a later session unless it is held",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "partysocket 1.3.0 P6, ccxt 4.5.84 C2: a half-open session is found out, and its waiting sends reject",
    }, { seeds: 300, says: "I7" }],
  },
  {
    name: "a late layer settles",
    mistake:
      "what a layer of the last session does late is taken for the send that waits in the layers of this one",
    breaks: ["I11"],
    edits: edit(
      outbox,
      `      if (this.#session !== session || this.#inside !== entry) return;
      if (this.#ready) this.#limit();
`,
      `      if (this.#inside !== entry) return;
      if (this.#ready) this.#limit();
`,
    ),
    killers: [{
      file: "tests/review/core_test.ts",
      test:
        "send() with hold waits for its own session's layers, whatever those of the last one still do",
    }],
  },
  {
    name: "a withdrawn send comes back",
    mistake: "an abort is forgotten while the frame is in a layer, and the next session sends it",
    breaks: ["I11"],
    edits: edit(
      queue,
      `    if (entry.withdrawn !== undefined) return this.settle(entry, entry.withdrawn);
`,
      ``,
    ),
    killers: [{
      file: "tests/review/core_test.ts",
      test: "send() with hold that is withdrawn on its way goes out in no later session",
    }],
  },
  {
    name: "tokens are looked at and not held",
    mistake: "two connections that share a limit let a frame into their layers for the same token",
    breaks: ["I6"],
    edits: edit(
      outbox,
      `      if (gate !== undefined && isDataFrame(entry.frame)) this.#unhold = gate.hold();
`,
      ``,
    ),
    killers: [{
      file: "tests/review/core_test.ts",
      test: "sendRateLimit() that two connections share is kept although their layers take time",
    }],
  },
  {
    name: "a lost session's sends never settle",
    mistake: "what waits at the loss is forgotten instead of rejected",
    seenIn: "rpc-websockets: promises in flight at the loss never settle",
    breaks: ["I7"],
    edits: edit(
      outbox,
      `    this.#queue.reject("fenced", stale);
`,
      ``,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox lets no frame cross into a later session unless it is held",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "partysocket 1.3.0 P6, ccxt 4.5.84 C2: a half-open session is found out, and its waiting sends reject",
    }, { seeds: 300, says: "I7" }],
  },
  {
    name: "a dead socket swallows",
    mistake: "a send to a socket that has ended succeeds",
    seenIn: "effect 4 Socket: write() after the native close returns success",
    breaks: ["I7"],
    edits: edit(
      outbox,
      `      this.#handed--;
      throw reason;`,
      `      if (!isTransportError(reason, "not_connected")) throw reason;`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 45: Outbox settles once when the socket dies before the hand-off",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "rews 4.1.0, effect 4.1.0 E1, rxjs 7.8.2 X6: a send after the end, or while closing, rejects",
    }],
  },
  {
    name: "the queue goes before the login",
    mistake: "held frames are sent before the start of the session is done",
    seenIn: "partysocket: the server gets q0, q1, q2, then LOGIN",
    breaks: ["I11"],
    edits: edit(
      outbox,
      `this.#queue.next(this.#started)`,
      `this.#queue.next(true)`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test:
        "Outbox keeps the application's frames behind the start, and start and probe ahead of them",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test: "partysocket 1.3.0 P4: what waited is sent after the login, not before",
    }],
  },
  {
    name: "held frames go twice",
    mistake:
      "a held frame that was handed over is queued again when the session is lost at that moment",
    seenIn: "partysocket: a queue that failed half-way is sent again",
    breaks: ["I11"],
    edits: edit(
      outbox,
      `      if (this.#handed > 0) this.#queue.settle(inside, undefined);
      else if`,
      `      if`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 45: Outbox settles once when the socket dies during the hand-off",
    }],
  },
  {
    name: "an abort does not withdraw",
    mistake: "a frame that was withdrawn while it waited is sent all the same",
    breaks: ["I7"],
    edits: edit(
      queue,
      `forget = onAbort(signal, () => this.#withdraw(entry, signal!.reason));`,
      `forget = onAbort(signal, () => {});`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "Outbox withdraws an aborted send while it waits, and leaves no listener",
    }, {
      file: "tests/stack/send_test.ts",
      test: "scenario 46: send() aborted while it waits for a token costs nothing",
    }],
  },
  {
    name: "a stuck socket is waited for",
    mistake: "a peer that stops reading blocks sending for ever",
    seenIn: "nats-core: an unbounded loop while bufferedAmount > 0",
    breaks: ["I7"],
    edits: edit(
      outbox,
      `        this.#least = held;
        this.#bound(session);`,
      `        this.#least = held;`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test:
        "Outbox abandons a socket that drains nothing for timeoutMs, and not one that drains slowly",
    }, {
      file: "tests/stack/send_test.ts",
      test:
        "scenario 48: send() to a peer that stops reading is bounded, and the session abandoned",
    }],
  },
  {
    name: "the send queue is not bounded",
    mistake: "frames that wait fill the memory",
    breaks: ["I14"],
    edits: edit(
      queue,
      `    return load.frames >= maxWaitingFrames ||
      load.frames > 0 && load.bytes + bytes > maxWaitingBytes;`,
      `    return load.frames > maxWaitingFrames * 1e6 || bytes > maxWaitingBytes * 1e6;`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "Outbox queue_full comes at either bound, and says what waits",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "partysocket 1.3.0 P4, rews 4.1.0: a queue that overflows says so to the one whose frame it was",
    }, { seeds: 300, says: "I12" }],
  },
  {
    name: "a token before the frame is ready",
    mistake:
      "tokens are spent when a frame is queued, so withdrawn frames cost and waiting ones bunch",
    breaks: ["I6"],
    edits: [
      ...edit(
        outbox,
        `    if (isDataFrame(frame)) this.#options.gate?.spend(this.#options.clock.now());
`,
        ``,
      ),
      ...edit(
        outbox,
        `    const fate = this.#queue.add(`,
        `    if (isDataFrame(frame)) this.#options.gate?.spend(this.#options.clock.now());
    const fate = this.#queue.add(`,
      ),
    ],
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox makes no burst of what was held over an outage",
    }, {
      file: "tests/stack/send_test.ts",
      test: "scenario 42: send() over an outage makes no burst, and rejects what was not held",
    }, { seeds: 300, says: "I6" }],
  },
  {
    name: "the first send is free",
    mistake: "what can go at once does not count against the rate limit",
    breaks: ["I6"],
    edits: edit(
      outbox,
      `      (this.#options.gate === undefined ||
        this.#options.gate.waitMs(this.#options.clock.now(), this.#place!) <= 0) &&`,
      `      true &&`,
    ),
    killers: [{
      file: "tests/send/send_rate_limit_test.ts",
      test:
        "sendRateLimit() in the outbox is exact in every closed window, whatever the application does",
    }, {
      file: "tests/stack/send_test.ts",
      test: "scenario 42: send() over an outage makes no burst, and rejects what was not held",
    }, { seeds: 300, says: "I6" }],
  },
  {
    name: "the reserve is given away",
    mistake: "no room is left for the pongs that the platform sends by itself",
    breaks: ["I6"],
    edits: edit(
      limit,
      `    limit: limit - reserve,
    windowMs`,
      `    limit,
    windowMs`,
    ),
    killers: [{
      file: "tests/send/send_rate_limit_test.ts",
      test: "sendRateLimit() reserve, slack and spacing make the window that they say",
    }, {
      file: "tests/stack/send_test.ts",
      test: "scenario 44: send() keeps the reserve free for pongs of the platform",
    }],
  },
  {
    name: "slack is forgotten",
    mistake: "the network compresses gaps, and the server counts one too many",
    breaks: ["I6"],
    edits: edit(limit, `windowMs: windowMs + slackMs,`, `windowMs,`),
    killers: [{
      file: "tests/send/send_rate_limit_test.ts",
      test: "sendRateLimit() reserve, slack and spacing make the window that they say",
    }, { seeds: 300, says: "I6" }],
  },
  {
    name: "a window per session",
    mistake: "a reconnect opens a fresh rate limit window",
    breaks: ["I6"],
    edits: edit(
      outbox,
      `    this.#session = session;
    this.#started = false;
    this.#ready = true;`,
      `    this.#session = session;
    this.#started = false;
    this.#ready = true;
    const { gate } = this.#options;
    if (gate !== undefined) Object.assign(gate, { waitMs: () => 0 });`,
    ),
    killers: [{
      file: "tests/send/outbox_test.ts",
      test: "scenario 42: Outbox makes no burst of what was held over an outage",
    }, {
      file: "tests/stack/send_test.ts",
      test: "scenario 42: send() over an outage makes no burst, and rejects what was not held",
    }, { seeds: 300, says: "I6" }],
  },
  {
    name: "an observer that looks late waits for ever",
    mistake: "a change between a look and the wait for the next one is missed",
    breaks: ["I10"],
    edits: edit(
      watch,
      `      wake();
    });`,
      `      this.#wait(wake);
    });`,
    ),
    killers: [{
      file: "tests/lifecycle/watch_test.ts",
      test: "Watch.changed() resolves at once for whoever knows an older version only",
    }],
  },
  {
    name: "the end wakes nobody",
    mistake: "observers that wait when the connection ends are left waiting",
    breaks: ["I7"],
    edits: edit(
      watch,
      `    this.#end = { error };
    this.notify();`,
      `    this.#end = { error };`,
    ),
    killers: [{
      file: "tests/lifecycle/watch_test.ts",
      test:
        "Watch.changed() gives true at an end that brought something new, and false at one that did not",
    }],
  },
  {
    name: "an observer leaves its listener",
    mistake: "each wait leaves a listener on the observer's signal",
    breaks: ["I8"],
    edits: edit(
      watch,
      `        forget();
        resolve(newer);`,
      `        resolve(newer);`,
    ),
    killers: [{
      file: "tests/lifecycle/watch_test.ts",
      test:
        "Watch.changed() leaves no listener on its signal: not at a change, the end, or an abort",
    }],
  },
  {
    name: "the value is not cached",
    mistake: "two reads of one version give two objects",
    breaks: ["I10"],
    edits: edit(watch, `if (this.#built?.version !== this.#version) {`, `{`),
    killers: [{
      file: "tests/lifecycle/watch_test.ts",
      test: "Watch.value is built once per version, and only when read",
    }, { seeds: 300, says: "I10" }],
  },
  {
    name: "a shared rate limit serves whoever asks first",
    mistake:
      "of two connections on one limit the older takes every token, and the other cannot log in",
    breaks: ["I7", "I16"],
    edits: edit(limit, `if (ms <= 0 && turn) {`, `if (ms <= 0) {`),
    killers: [{
      file: "tests/review/interplay_test.ts",
      test: "sendRateLimit() that two connections share lets none of them starve",
    }],
  },
  {
    name: "a blocked thread counts as a full socket",
    mistake: "timers come before the socket's events after a stall, and a healthy session is ended",
    breaks: ["I16"],
    edits: edit(outbox, `const BOUND_STEPS = 4;`, `const BOUND_STEPS = 1;`),
    killers: [{
      file: "tests/review/interplay_test.ts",
      test: "send() to a full socket is not given up because the thread was blocked",
    }],
  },
];
