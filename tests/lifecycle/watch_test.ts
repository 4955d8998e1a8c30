import { assert, assertEquals, assertFalse, assertRejects, assertStrictEquals } from "@std/assert";
import { WatchSource } from "../../src/lifecycle/watch.ts";
import { test } from "../support/harness.ts";

interface Counts {
  readonly version: number;
  readonly total: number;
}

/** A source over a total that the test changes, and how often a value was built. */
function counting() {
  const state = { total: 0, builds: 0 };
  const source = new WatchSource<Counts>((version) => {
    state.builds++;
    return Object.freeze({ version, total: state.total });
  });
  const add = (count: number) => {
    state.total += count;
    source.bump();
  };
  return { state, source, add, watch: source.watch };
}

/** What has become of a promise by now. */
async function stateOf(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  const rounds = (async () => {
    for (let i = 0; i < 10; i++) await null;
    return "pending" as const;
  })();
  return await Promise.race([
    promise.then(() => "resolved" as const, () => "rejected" as const),
    rounds,
  ]);
}

/** A signal that knows how many listeners it has. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const removals = { count: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removals.count++;
    removeEventListener.apply(signal, args);
  };
  return { controller, signal, listeners, removals };
}

test("Watch.value is built once per version, and only when read", () => {
  const { state, watch, add } = counting();
  for (let i = 0; i < 1_000; i++) add(1);
  assertEquals(state.builds, 0);
  const value = watch.value;
  assertEquals(value, { version: 1_000, total: 1_000 });
  assertStrictEquals(watch.value, value);
  assertEquals(state.builds, 1);
  add(1);
  assertEquals(watch.value.total, 1_001);
});

test("Watch.changed() resolves with true at the next change", async () => {
  const { watch, add } = counting();
  const changed = watch.changed();
  assertEquals(await stateOf(changed), "pending");
  add(1);
  assertEquals(await changed, true);
});

test("Watch.changed() resolves at once for whoever knows an older version only", async () => {
  const { watch, add } = counting();
  const { version } = watch.value;
  add(1);
  assertEquals(await watch.changed(version), true);
  assertEquals(await stateOf(watch.changed(watch.value.version)), "pending");
});

test("Watch.changed() waits for a version beyond the one asked for", async () => {
  const { watch, add } = counting();
  const changed = watch.changed(2);
  add(1);
  add(1);
  assertEquals(await stateOf(changed), "pending");
  add(1);
  assertEquals(await changed, true);
});

test("Watch.changed() is not woken by a notification without a change", async () => {
  const { watch, source } = counting();
  const changed = watch.changed();
  source.notify();
  assertEquals(await stateOf(changed), "pending");
  source.advance();
  assertEquals(await stateOf(changed), "pending");
  source.notify();
  assertEquals(await changed, true);
});

test("Watch.changed() gives true at an end that brought something new, and false at one that did not", async () => {
  const { watch, add, source } = counting();
  const { version } = watch.value;
  const waiting = watch.changed();
  source.end(new Error("over"));
  assertEquals(await waiting, false);
  const other = counting();
  const last = other.watch.changed();
  other.add(1);
  other.source.end(new Error("over"));
  assertEquals(await last, true);
  assertEquals(await other.watch.changed(0), true);
  assertEquals(await other.watch.changed(), false);
  add(1);
  assertEquals(await watch.changed(version), false);
});

test("Watch.changed() rejects with the reason of its signal, before and while it waits", async () => {
  const { watch } = counting();
  const reason = new Error("enough");
  await assertRejects(
    () => watch.changed(0, { signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  await assertRejects(
    () => watch.changed(-1, { signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  const controller = new AbortController();
  const changed = watch.changed(0, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await changed.catch((error: unknown) => error), reason);
});

test("Watch.changed() leaves no listener on its signal: not at a change, the end, or an abort", async () => {
  const { controller, signal, listeners, removals } = countedSignal();
  const { watch, add, source } = counting();
  for (let i = 0; i < 100; i++) {
    const changed = watch.changed(undefined, { signal });
    assertEquals(listeners.size, 1);
    add(1);
    await changed;
    assertEquals(listeners.size, 0);
  }
  const settled = watch.changed(undefined, { signal });
  source.end(undefined);
  assertEquals(await settled, false);
  assertEquals(listeners.size, 0);
  assertEquals(await watch.changed(undefined, { signal }), false);
  assertEquals(listeners.size, 0);
  const other = counting();
  const aborted = other.watch.changed(undefined, { signal });
  controller.abort();
  await assertRejects(() => aborted);
  // Whoever was aborted is not woken any more: it would take its listener away once again.
  const { count } = removals;
  other.add(1);
  assertEquals(removals.count, count);
});

test("Watch.waitFor() gives the value of now if it fits, else the first that does", async () => {
  const { watch, add } = counting();
  assertEquals((await watch.waitFor(({ total }) => total === 0)).total, 0);
  const found = watch.waitFor(({ total }) => total >= 3);
  add(1);
  assertEquals(await stateOf(found), "pending");
  add(2);
  assertEquals((await found).total, 3);
});

test("Watch.waitFor() looks at the last value before it rejects with the terminal error", async () => {
  const { watch, add, source } = counting();
  const lucky = watch.waitFor(({ total }) => total === 1);
  const unlucky = watch.waitFor(({ total }) => total === 2);
  const over = new Error("over");
  add(1);
  source.end(over);
  assertEquals((await lucky).total, 1);
  assertStrictEquals(await unlucky.catch((error: unknown) => error), over);
  assertStrictEquals(await watch.waitFor(() => false).catch((error: unknown) => error), over);
  assertEquals((await watch.waitFor(() => true)).total, 1);
});

test("Watch.waitFor() rejects with its signal's reason, or with what the predicate throws", async () => {
  const { watch, add } = counting();
  const controller = new AbortController();
  const aborted = watch.waitFor(() => false, { signal: controller.signal });
  const broken = watch.waitFor(({ total }) => {
    if (total === 1) throw new Error("predicate");
    return false;
  });
  add(1);
  await assertRejects(() => broken, Error, "predicate");
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
});

test("Watch iterates from the value of now to the last value before the end", async () => {
  const { watch, add, source } = counting();
  add(1);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { total } of watch) seen.push(total);
  })();
  await stateOf(reading);
  add(1);
  await stateOf(reading);
  add(1);
  add(1);
  source.end(new Error("over"));
  await reading;
  assertEquals(seen, [1, 2, 4]);
});

test("Watch iterates over the last value only, once it has ended", async () => {
  const { watch, add, source } = counting();
  add(7);
  source.end(new Error("over"));
  const seen: Counts[] = [];
  for await (const value of watch) seen.push(value);
  assertEquals(seen, [{ version: 1, total: 7 }]);
});

test("Watch gives every iterator a cursor of its own", async () => {
  const { watch, add, source } = counting();
  const fast = watch[Symbol.asyncIterator]();
  const slow = watch[Symbol.asyncIterator]();
  assertEquals((await fast.next()).value?.total, 0);
  add(1);
  assertEquals((await fast.next()).value?.total, 1);
  add(1);
  assertEquals((await fast.next()).value?.total, 2);
  assertEquals((await slow.next()).value?.total, 2);
  source.end(undefined);
  assertEquals([(await fast.next()).done, (await slow.next()).done], [true, true]);
});

test("Watch iterator answers calls to next() in their order", async () => {
  const { watch, add, source } = counting();
  const iterator = watch[Symbol.asyncIterator]();
  const answers = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  for (let i = 0; i < 2; i++) {
    await stateOf(answers[i]!);
    add(1);
  }
  await stateOf(answers[2]!);
  source.end(undefined);
  const totals = (await Promise.all(answers)).map(({ value }) => value?.total);
  assertEquals(totals, [0, 1, 2, undefined]);
});

test("Watch iterator lets go at return(), although a next() waits for a change", async () => {
  const { watch, add } = counting();
  const iterator = watch[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await stateOf(waiting);
  const left = iterator.return!();
  assertEquals([await stateOf(waiting), await stateOf(left)], ["resolved", "resolved"]);
  assertEquals((await waiting).done, true);
  add(1);
  assertEquals((await iterator.next()).done, true);
});

test("Watch stands 100 observers of which one is dead and one throws", async () => {
  const { watch, add, source } = counting();
  const dead = watch[Symbol.asyncIterator]();
  await dead.next();
  const thrower = (async () => {
    for await (const { total } of watch) if (total > 0) throw new Error("observer");
  })();
  const throwing = assertRejects(() => thrower, Error, "observer");
  const last = Array.from({ length: 98 }, () => 0);
  const readers = last.map(async (_, index) => {
    for await (const { total } of watch) last[index] = total;
  });
  for (let round = 1; round <= 50; round++) {
    add(1);
    await stateOf(Promise.all(readers));
    assert(last.every((total) => total === round), `round ${round}: ${last.join()}`);
  }
  await throwing;
  source.end(new Error("over"));
  await Promise.all(readers);
  assertEquals((await dead.next()).value?.total, 50);
});

test("Watch derives for an observer that slept what happened meanwhile, by subtraction", async () => {
  let levels = { epoch: 1, stales: 0, totalLagged: 0 };
  const source = new WatchSource((version) => ({ ...levels, version }));
  const before = source.watch.value;
  for (let cycle = 0; cycle < 1_000; cycle++) {
    const { epoch, stales, totalLagged } = levels;
    levels = { epoch: epoch + 1, stales: stales + cycle % 2, totalLagged: totalLagged + cycle };
    source.bump();
    if (cycle % 100 === 0) await null;
  }
  assertEquals(await source.watch.changed(before.version), true);
  const now = source.watch.value;
  assertEquals(
    [now.epoch - before.epoch, now.stales - before.stales, now.totalLagged - before.totalLagged],
    [1_000, 500, 499_500],
  );
  assertEquals(now.version - before.version, 1_000);
});

test("Watch.value absorbs after the end, whatever becomes of what it is built from", async () => {
  const { watch, add, source, state } = counting();
  add(3);
  assertFalse(watch.ended);
  source.end(new Error("first"));
  source.end(new Error("second"));
  state.total = 100;
  add(5);
  assert(watch.ended);
  assertEquals(watch.value, { version: 1, total: 3 });
  assertEquals(await watch.changed(1), false);
  await assertRejects(() => watch.waitFor(() => false), Error, "first");
});

test("WatchSource wakes an observer that re-enters from within its callback", async () => {
  const { watch, add } = counting();
  const seen: number[] = [];
  const chase = async (): Promise<void> => {
    while (watch.value.total < 5) {
      await watch.changed(watch.value.version);
      seen.push(watch.value.total);
      if (watch.value.total < 5) queueMicrotask(() => add(1));
    }
  };
  const chasing = chase();
  add(1);
  await chasing;
  assertEquals(seen, [1, 2, 3, 4, 5]);
});
