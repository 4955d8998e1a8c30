/**
 * Planted bugs on the recv axis.
 *
 * @module
 */
import { edit, type Mutant } from "../mutant.ts";

const buffer = "src/recv/drop_oldest_buffer.ts";
const ring = "src/recv/frame_ring.ts";
const heartbeat = "src/recv/heartbeat.ts";
const liveness = "src/recv/liveness_machine.ts";
const flow = "src/session_flow.ts";

/** Mutants of `src/recv` and of its assembly. */
export const RECV: readonly Mutant[] = [
  {
    name: "drop the newest",
    mistake: "when the buffer is full the frame that comes is lost, and the reader sees the past",
    seenIn: "partysocket: overflow drops the newest",
    breaks: ["I1"],
    edits: edit(
      buffer,
      `    this.#ring.push(delivered, bytes);
    if (this.#ring.over) this.#drop();`,
      `    if (!this.#ring.fits(bytes)) {
      this.#lag(1, bytes);
      return delivered;
    }
    this.#ring.push(delivered, bytes);`,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test:
        "DropOldestBuffer.readable holds no frame back: what nobody asked for can still be dropped",
    }, {
      file: "tests/stack/recv_test.ts",
      test:
        "scenario 32: open() with a consumer that never reads keeps the newest of 1,000,000 frames, and counts exactly",
    }],
  },
  {
    name: "drops are not counted",
    mistake: "the buffer loses frames quietly",
    breaks: ["I1"],
    edits: edit(
      buffer,
      `    this.lagged += frames;
`,
      ``,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test:
        "DropOldestBuffer.readable holds no frame back: what nobody asked for can still be dropped",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 54: an observer that slept through k cycles finds k by subtraction",
    }, { seeds: 300, says: "I1" }],
  },
  {
    name: "a hole without a number",
    mistake: "what the leaf dropped leaves no hole in seq",
    breaks: ["I1"],
    edits: edit(
      buffer,
      `    this.seq += frames;
`,
      ``,
    ),
    killers: [{
      file: "tests/recv/drop_oldest_buffer_test.ts",
      test: "DropOldestBuffer.dropped() puts what the leaf lost into seq at its place",
    }, {
      file: "tests/stack/recv_test.ts",
      test: "open() counts what the leaf dropped, at its place",
    }, { seeds: 300, says: "I1" }],
  },
  {
    name: "a reconnect empties the buffer",
    mistake: "frames of the old session that nobody has read yet are thrown away uncounted",
    seenIn: "@atproto/ws-client 0.2.1: 1 of 10 received messages delivered after a loss",
    breaks: ["I1"],
    edits: [
      ...edit(
        buffer,
        `  #failedEpoch = 0;
`,
        `  #failedEpoch = 0;
  #ringEpoch = 0;
`,
      ),
      ...edit(
        buffer,
        `    this.#ring.push(delivered, bytes);
`,
        `    if (delivered.epoch !== this.#ringEpoch) this.#ring.clear();
    this.#ringEpoch = delivered.epoch;
    this.#ring.push(delivered, bytes);
`,
      ),
    ],
    killers: [{
      file: "tests/recv/drop_oldest_buffer_test.ts",
      test:
        "DropOldestBuffer keeps the newest of 1,000,000 frames that nobody reads, and counts exactly",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() takes calls from within every callback, as events of their own",
    }, { seeds: 300, says: "I1" }],
  },
  {
    name: "bytes are not bounded",
    mistake: "a few large frames fill the memory",
    seenIn: "effect 4 Socket: no bound on Node and Deno",
    breaks: ["I14"],
    edits: edit(
      ring,
      `    return this.length > this.#bounds.maxFrames ||
      this.bytes > this.#bounds.maxBytes && this.length > 1;`,
      `    return this.length > this.#bounds.maxFrames;`,
    ),
    killers: [{
      file: "tests/recv/drop_oldest_buffer_test.ts",
      test:
        "DropOldestBuffer drops as many as the bytes of the newest frame ask for, and says so once",
    }, {
      file: "tests/stack/peer_defects_test.ts",
      test:
        "effect 4.1.0, rxjs 7.8.2: a reader that does not read costs bounded memory, by default",
    }, { seeds: 300, says: "I14" }],
  },
  {
    name: "one frame too many",
    mistake: "the bound on frames is off by one",
    breaks: ["I14"],
    edits: edit(
      ring,
      `    return this.length > this.#bounds.maxFrames ||`,
      `    return this.length > this.#bounds.maxFrames + 1 ||`,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test:
        "DropOldestBuffer.readable holds no frame back: what nobody asked for can still be dropped",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 54: an observer that slept through k cycles finds k by subtraction",
    }],
  },
  {
    name: "a frame above the bound is refused",
    mistake: "the newest frame is dropped because it alone exceeds maxBytes",
    breaks: ["I1"],
    edits: edit(
      ring,
      `this.bytes > this.#bounds.maxBytes && this.length > 1;`,
      `this.bytes > this.#bounds.maxBytes;`,
    ),
    killers: [{
      file: "tests/recv/drop_oldest_buffer_test.ts",
      test: "DropOldestBuffer admits one frame above its bound of bytes, alone",
    }, {
      file: "tests/stack/recv_test.ts",
      test: "scenario 32: open() bounds bytes as well, and counts what they held",
    }, { seeds: 300, says: "I9" }],
  },
  {
    name: "cancel does not end it",
    mistake: "nobody reads any more, and the socket stays",
    breaks: ["I7"],
    edits: edit(
      buffer,
      `    this.#reading?.settle();
    this.#hooks.onCancel();`,
      `    this.#reading?.settle();`,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test: "DropOldestBuffer.frames() cancels when its loop is left by break, throw or return",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() takes calls from within every callback, as events of their own",
    }],
  },
  {
    name: "what a cancel throws away is not counted",
    mistake: "buffered frames vanish from the balance at a cancel",
    breaks: ["I1"],
    edits: edit(
      buffer,
      `this.discarded += unread + this.#ring.length;`,
      `this.discarded += unread;`,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test: "DropOldestBuffer.frames() cancels when its loop is left by break, throw or return",
    }, {
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() takes calls from within every callback, as events of their own",
    }],
  },
  {
    name: "the end overtakes the buffer",
    mistake: "after a shutdown what was received and not read is lost",
    breaks: ["I1"],
    edits: edit(
      buffer,
      `    this.#reading?.ended();
    this.#flush();
    this.#endStream();`,
      `    this.#ring.clear();
    this.#reading?.ended();
    this.#flush();
    this.#endStream();`,
    ),
    killers: [{
      file: "tests/recv/buffer_reading_test.ts",
      test: "DropOldestBuffer.frames() answers calls to next() in their order, like a generator",
    }, {
      file: "tests/stack/chain_test.ts",
      test: "reconnect() hears nothing of an abandoned socket that goes on delivering",
    }, { seeds: 300, says: "I1" }],
  },
  {
    name: "discards are not published",
    mistake: "frames that come after the end are counted, and no observer learns of it",
    breaks: ["I10"],
    edits: edit(
      flow,
      `    buffer.dropped(frames, bytes);
    if (!buffer.open) hooks.onCount();`,
      `    buffer.dropped(frames, bytes);`,
    ),
    killers: [{
      file: "tests/simulation/found_test.ts",
      test: "lifecycle publishes what the leaf dropped after the end",
    }, {
      file: "tests/stack/recv_test.ts",
      test:
        "scenario 40: open() counts frames during the close handshake as discarded, and sees nothing after abandonment",
    }],
  },
  {
    name: "an abandoned socket is heard",
    mistake: "frames of a socket that was let go of still count",
    breaks: ["I3"],
    edits: edit(
      flow,
      `      // The session is over whatever a layer thinks of it.
    }
    this.#over = true;`,
      `      // The session is over whatever a layer thinks of it.
    }`,
    ),
    killers: [{
      file: "tests/stack/chain_test.ts",
      test: "reconnect() hears nothing of an abandoned socket that goes on delivering",
    }, { seeds: 300, says: "I1" }],
  },
  {
    name: "the heartbeat is behind the layers",
    mistake: "a layer that keeps frames for itself makes the socket look dead",
    breaks: ["I12"],
    edits: edit(
      flow,
      `[beat, ...recv]`,
      `[...recv, beat]`,
    ),
    killers: [{
      file: "tests/stack/observer_test.ts",
      test: "heartbeat is on the socket side: what a layer swallows or delays is life all the same",
    }],
  },
  {
    name: "stale without a second look",
    mistake:
      "after a long synchronous stall the session is called stale although frames wait in the socket",
    breaks: ["I9"],
    edits: edit(
      liveness,
      `if ((dead || becomesStale) && !grace) return finish(0);`,
      ``,
    ),
    killers: [{
      file: "tests/recv/heartbeat_test.ts",
      test:
        "heartbeat() takes a second look after a turn: frames that a stall kept in the socket are life",
    }],
  },
  {
    name: "stale, and then nothing",
    mistake: "a dead peer is noticed, and its socket is kept for ever",
    seenIn:
      "nats-core: staleConnection, and no reconnect in 60 s; graphql-ws: no action on a missing pong",
    breaks: ["I16"],
    edits: edit(
      heartbeat,
      `        return this.#die("session_lost", "nothing was heard for too long");`,
      `        return;`,
    ),
    killers: [{
      file: "tests/recv/heartbeat_test.ts",
      test: "heartbeat() with a probe calls the session dead after 120 s, once, with the facts",
    }, {
      file: "tests/stack/liveness_test.ts",
      test: "scenario 20: open() calls a silent session stale, then abandons it within its bound",
    }, { seeds: 300, says: "I16" }],
  },
  {
    name: "the heartbeat outlives its session",
    mistake: "the timer of a session that is over goes on",
    breaks: ["I8"],
    edits: edit(
      heartbeat,
      `  stop(): void {
    this.#over = true;
    this.#cancel();`,
      `  stop(): void {`,
    ),
    killers: [{
      file: "tests/recv/heartbeat_test.ts",
      test: "heartbeat() leaves no timer after the abort of its session, in whatever state it was",
    }, {
      file: "tests/stack/budget_test.ts",
      test: "scenario 17: open() keeps ten connections on one budget within it, and none starves",
    }, { seeds: 300, says: "I8" }],
  },
  {
    name: "sleep is silence",
    mistake: "what was not heard while the machine slept ends the session without a probe",
    breaks: ["I13"],
    edits: edit(
      liveness,
      `let slept = state.slept || jumped;`,
      `let slept = state.slept && !jumped;`,
    ),
    killers: [{
      file: "tests/recv/heartbeat_test.ts",
      test:
        "heartbeat() after a sleep of 8 h sends one probe, or where there is none reports dead once",
    }, {
      file: "tests/stack/liveness_test.ts",
      test:
        "scenario 28: open() answers eight hours of sleep with one probe, or one jittered reconnect, and no storm",
    }],
  },
  {
    name: "a broken layer goes on",
    mistake: "a recv layer that throws is ignored, and frames are lost uncounted",
    breaks: ["I1"],
    edits: edit(
      flow,
      `    if (this.#over) return;
    this.#over = true;
    this.#fail("a recv layer failed", reason);`,
      `    if (this.#over || reason !== undefined) return;
    this.#over = true;
    this.#fail("a recv layer failed", reason);`,
    ),
    killers: [{
      file: "tests/stack/observer_test.ts",
      test: "scenario 53: open() stays sane when every callback throws",
    }],
  },
  {
    name: "slow timers are taken for sleep",
    mistake:
      "in a hidden page every check is late: good feeds are dialled anew, and dead ones kept",
    breaks: ["I16"],
    edits: edit(
      liveness,
      `const slow = grace && !skewed && lateMs >= SLOW_TURN_MS;`,
      `const slow = false;`,
    ),
    killers: [{
      file: "tests/review/interplay_test.ts",
      test:
        "a hidden page, whose timers are late, keeps a session that is good and ends one that is not",
    }],
  },
];
