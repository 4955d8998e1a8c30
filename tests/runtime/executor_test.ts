/**
 * The executor that every runtime's `Spawn` is made of, and the clock.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Task } from "../../src/contract/runtime.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { executor } from "../../src/runtime/executor.ts";
import { test } from "../support/harness.ts";

/** A task that does what its queue says. */
class Script implements Task {
  readonly queue: (() => boolean)[] = [];
  #wake: () => void = () => {};

  get pending(): number {
    return this.queue.length;
  }

  step(): boolean {
    return this.queue.shift()?.() ?? true;
  }

  onWork(wake: () => void): void {
    this.#wake = wake;
  }

  post(...events: (() => boolean)[]): void {
    this.queue.push(...events);
    this.#wake();
  }
}

/** Some promise callbacks later. */
async function soon(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test("executor() never steps within wake", async () => {
  const task = new Script();
  executor().spawn("t", task);
  let stepped = false;
  task.post(() => stepped = true);
  assert(!stepped);
  await soon();
  assert(stepped);
});

test("executor() steps until nothing is pending, what comes meanwhile included", async () => {
  const task = new Script();
  executor().spawn("t", task);
  const seen: number[] = [];
  task.post(() => {
    seen.push(1);
    task.post(() => seen.push(3) > 0);
    return true;
  }, () => seen.push(2) > 0);
  await soon();
  assertEquals(seen, [1, 2, 3]);
});

test("executor() stops at the end of the task and tells of it", async () => {
  const task = new Script();
  let ended = false;
  executor({ started: (end) => void end.then(() => ended = true) }).spawn("t", task);
  let late = false;
  task.post(() => false, () => late = true);
  await soon();
  assert(ended && !late);
});

test("executor() runs the task through what detaches it from its cause", async () => {
  const task = new Script();
  const later: (() => void)[] = [];
  let seen = false;
  executor({ detached: (run) => void later.push(run) }).spawn("t", task);
  task.post(() => seen = true);
  await soon();
  assert(!seen, "only what detaches it runs it");
  for (const run of later) run();
  assert(seen);
});

test("executor() hands an escaped error to the platform's sink and goes on", async () => {
  const task = new Script();
  const escaped = new Error("escaped");
  const caught: unknown[] = [];
  const host = globalThis as { reportError?: (error: unknown) => void };
  const original = host.reportError;
  host.reportError = (error) => void caught.push(error);
  try {
    executor().spawn("t", task);
    let after = false;
    task.post(() => {
      throw escaped;
    }, () => after = true);
    await soon();
    assertEquals(caught, [escaped]);
    assert(after);
  } finally {
    if (original === undefined) delete host.reportError;
    else host.reportError = original;
  }
});

test("systemClock clamps a delay that platforms would fire at once (scenario 30)", async () => {
  let fired = false;
  const cancel = systemClock.setTimer(() => fired = true, 2 ** 31 + 5);
  await new Promise<void>((resolve) => systemClock.turn(resolve));
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 5));
  cancel();
  assert(!fired);
});

test("systemClock turn() comes after promise callbacks that are ready", async () => {
  const order: string[] = [];
  const turned = new Promise<void>((resolve) =>
    systemClock.turn(() => {
      order.push("turn");
      resolve();
    })
  );
  await Promise.resolve().then(() => order.push("promise"));
  await turned;
  assertEquals(order, ["promise", "turn"]);
});

test("systemClock a cancelled timer does not fire", async () => {
  let fired = false;
  systemClock.setTimer(() => fired = true, 1)();
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 10));
  assert(!fired);
});
