// Arbitrary values where options are expected: they are refused with a name, or they work.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  attemptBudget,
  type ConnectionOptions,
  heartbeat,
  isTransportError,
  open,
  sendRateLimit,
} from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

/** Numbers at the edges of what a number can be. */
const number = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 53, 1e308, NaN, Infinity, -Infinity),
  fc.integer({ min: -10, max: 100_000 }),
  fc.double(),
);

/** Values of every type, the odd ones included. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  number,
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withObjectString: true,
  }),
  fc.constantFrom<unknown>(
    Symbol("s"),
    () => undefined,
    () => "x",
    async () => await Promise.resolve(),
    () => {
      throw new RangeError("a callback throws");
    },
    class {},
    new AbortController().signal,
    new Proxy({}, {}),
    Object.freeze([]),
    new Headers({ a: "b" }),
    new URL("ws://127.0.0.1"),
    { event: 1 },
    { event() {} },
    { signal: null },
    "dropOldest",
    "fail",
  ),
);

/** A record with some of the names, whose values are as likely to be numbers as anything else. */
function members(...names: readonly string[]): fc.Arbitrary<unknown> {
  const value = fc.oneof({ weight: 3, arbitrary: number }, { weight: 1, arbitrary: anything });
  const fields = Object.fromEntries(names.map((name) => [name, value]));
  return fc.oneof(
    { weight: 4, arbitrary: fc.record(fields, { requiredKeys: [] }) },
    { weight: 1, arbitrary: anything },
  );
}

const backoff = members("minDelayMs", "maxDelayMs", "multiplier", "stableAfterMs", "minDelay");
const probe = members("afterMs", "frame");
const liveness = fc.oneof(
  members("staleAfterMs", "deadAfterMs", "probe", "isLife"),
  fc.record({ staleAfterMs: number, deadAfterMs: number, probe }, { requiredKeys: [] }),
);
const callback = fc.constantFrom<unknown>(
  () => undefined,
  () => 1,
  async () => await Promise.resolve("x"),
  () => {
    throw new RangeError("a callback throws");
  },
  () => ({ verdict: "permanent" }),
  () => ({ verdict: "transient", minDelayMs: NaN }),
  () => ({
    transform() {
      throw new RangeError("a layer throws");
    },
  }),
);

/** Where a promise is expected, it may reject. */
const asynchronous = fc.oneof(
  callback,
  fc.constant(() => Promise.reject(new RangeError("a callback rejects"))),
);

const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  protocols: fc.array(fc.string()),
  headers: fc.dictionary(fc.string(), fc.string()),
  auth: asynchronous,
  onSession: asynchronous,
  classify: callback,
  tracer: fc.record({ event: callback }),
  connectTimeoutMs: number,
  startTimeoutMs: number,
  readyTimeoutMs: number,
  backoff,
  attemptBudget: fc.constant(attemptBudget({ attempts: 5, windowMs: 100 })),
  maxAttempts: number,
  permanentRetries: number,
  renewAfterMs: number,
  liveness,
  buffer: members("maxFrames", "maxBytes", "overflow"),
  recv: fc.array(callback, { maxLength: 2 }),
  sendRateLimit: callback,
  send: members("maxWaitingFrames", "maxWaitingBytes", "highWaterMarkBytes", "timeoutMs", "layers"),
  shutdownTimeoutMs: number,
  signal: fc.constant(new AbortController().signal),
};

const field = fc.constantFrom(...Object.keys(FIELDS)).chain((name) =>
  fc.tuple(
    fc.constant(name),
    fc.oneof({ weight: 3, arbitrary: FIELDS[name]! }, { weight: 1, arbitrary: anything }),
  )
);
/** A few options at a time, most of them nearly right: what is refused for one reason hides others. */
const options = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.array(field, { maxLength: 4 }).map((all) => Object.fromEntries(all)),
  },
  { weight: 1, arbitrary: fc.dictionary(fc.string(), anything) },
);

/** What the functions may say to a value that they do not take. */
function assertRefusal(error: unknown): void {
  if (error instanceof TypeError) return;
  assert(isTransportError(error), `it threw ${Object.prototype.toString.call(error)}`);
  if (error.code === "unsupported") return;
  assertEquals(error.code, "invalid_options");
  assert(error.problems.length > 0, "it says what is wrong");
  for (const { path, value, rule } of error.problems) {
    assert([path, value, rule].every((text) => typeof text === "string"), "in words");
    assert(error.message.includes(path), `it names ${path}`);
  }
}

/** Whether the call was refused in a proper way. */
function refused(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    assertRefusal(error);
    return true;
  }
}

test("open() refuses arbitrary options by name, and lives with those it takes", {
  timeoutMs: 60_000,
}, async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(options, async (given) => {
      const mock = mockRuntime();
      const all = { ...given as ConnectionOptions, runtime: mock.runtime };
      let feed: ReturnType<typeof open> | undefined;
      if (refused(() => feed = open("ws://127.0.0.1:1/", all))) return;
      taken++;
      // It was taken, so it must work: a session that comes, talks and goes, and an end.
      await mock.settle();
      const first = mock.connector.next();
      first?.open();
      await mock.settle();
      first?.receive("x");
      await feed!.send("y").catch(() => {});
      first?.end({ code: 1006 });
      await mock.settle();
      await mock.advance(100);
      const ended = feed!.control.shutdown({ timeoutMs: 10 });
      await mock.advance(10);
      await ended;
      assert(feed!.lifecycle.ended, "it has ended");
      const stats = feed!.stats();
      assertEquals(
        stats.received + stats.leafDropped,
        stats.delivered + stats.totalLagged + stats.buffered + stats.totalDiscarded,
      );
    }),
    { numRuns: 2_000, seed: 20_261_125 },
  );
  assert(
    taken > 100,
    `${taken} were taken: a generator whose values are all refused proves little`,
  );
});

test("open() refuses options that are no options at all", () => {
  fc.assert(
    fc.property(anything, (given) => {
      const mock = mockRuntime();
      refused(() =>
        open("ws://127.0.0.1:1/", {
          ...given as ConnectionOptions,
          runtime: mock.runtime,
          signal: AbortSignal.abort(),
        })
      );
    }),
    { numRuns: 1_000, seed: 1 },
  );
});

test("open() refuses urls, subprotocols and headers that are none with a TypeError", () => {
  fc.assert(
    fc.property(
      fc.oneof(anything, fc.string(), fc.webUrl()),
      fc.oneof(anything, fc.array(fc.string())),
      fc.oneof(anything, fc.dictionary(fc.string(), fc.string()), fc.array(fc.array(fc.string()))),
      (url, protocols, headers) => {
        const mock = mockRuntime();
        refused(() =>
          open(url as string, {
            protocols: protocols as string[],
            headers: headers as HeadersInit,
            runtime: mock.runtime,
            signal: AbortSignal.abort(),
          })
        );
      },
    ),
    { numRuns: 1_000, seed: 2 },
  );
});

const FACTORIES: Readonly<Record<string, readonly [(given: unknown) => unknown, ...string[]]>> = {
  "attemptBudget()": [(given) => attemptBudget(given as never), "attempts", "windowMs"],
  "sendRateLimit()": [
    (given) => sendRateLimit(given as never),
    "limit",
    "windowMs",
    "reserve",
    "slackMs",
    "spacingMs",
  ],
  "heartbeat()": [
    (given) => heartbeat(given as never),
    "staleAfterMs",
    "deadAfterMs",
    "probe",
    "isLife",
  ],
};

for (const [name, [make, ...fields]] of Object.entries(FACTORIES)) {
  test(`${name} refuses arbitrary options by name`, () => {
    let taken = 0;
    fc.assert(
      fc.property(members(...fields), (given) => {
        if (!refused(() => make(given))) taken++;
      }),
      { numRuns: 3_000, seed: 3 },
    );
    assert(taken > 10, `${taken} were taken`);
  });
}

test("what an open connection is asked for is refused or done, whatever it is", async () => {
  await fc.assert(
    fc.asyncProperty(anything, members("code", "reason", "timeoutMs"), async (value, how) => {
      const mock = mockRuntime();
      const feed = open("ws://127.0.0.1:1/", { runtime: mock.runtime });
      (await mock.dial()).open();
      await mock.settle();
      const sent = feed.send(value as string, value as never).then(() => {}, (error) => {
        const aborted = value instanceof AbortSignal;
        if (!aborted) assert(error instanceof TypeError || isTransportError(error), `${error}`);
      });
      const reads = [() => feed.batches(value as never), () => feed.frames(value as never)];
      for (const read of reads) {
        try {
          await read().return?.();
        } catch (error) {
          assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
        }
      }
      await mock.settle();
      const asked = feed.control.shutdown(how as never).catch((error) => {
        assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
      });
      const ended = feed.control.shutdown({ timeoutMs: 10 });
      await mock.advance(10);
      await Promise.all([asked, ended, sent]);
      assert(feed.lifecycle.ended, "it has ended");
    }),
    { numRuns: 1_000, seed: 4 },
  );
});
