/**
 * The executor of the kit: it steps when the test says so, and like a native one only who woke it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Task } from "../../src/contract/runtime.ts";
import { MockSpawn } from "../../src/testing/mod.ts";
import { test } from "../support/harness.ts";

/** A task that notes what it handles, and ends at "end". */
class Notes implements Task {
  readonly queue: string[] = [];
  readonly handled: string[];
  #wake: () => void = () => {};

  constructor(handled: string[]) {
    this.handled = handled;
  }

  get pending(): number {
    return this.queue.length;
  }

  onWork(wake: () => void): void {
    this.#wake = wake;
  }

  post(event: string): void {
    this.queue.push(event);
    if (this.queue.length === 1) this.#wake();
  }

  step(): boolean {
    const event = this.queue.shift();
    if (event !== undefined) this.handled.push(event);
    return event !== "end";
  }
}

test("MockSpawn step() handles one event, of the task that was woken first", () => {
  const spawn = new MockSpawn();
  const handled: string[] = [];
  const one = new Notes(handled);
  const two = new Notes(handled);
  spawn.spawn("one", one);
  spawn.spawn("two", two);
  assertEquals([spawn.tasks, spawn.pending, spawn.step()], [2, 0, false]);
  two.post("two: a");
  one.post("one: a");
  two.post("two: b");
  assertEquals(spawn.pending, 3);
  assertEquals(spawn.step(), true);
  assertEquals(handled, ["two: a"]);
  assertEquals(spawn.run(), 2);
  assertEquals(handled, ["two: a", "two: b", "one: a"]);
});

test("MockSpawn steps what was pending before the task came", () => {
  const spawn = new MockSpawn();
  const handled: string[] = [];
  const task = new Notes(handled);
  task.post("early");
  spawn.spawn("task", task);
  assertEquals([spawn.run(), handled], [1, ["early"]]);
});

test("MockSpawn forgets a task that has ended, whatever that still posts", () => {
  const spawn = new MockSpawn();
  const handled: string[] = [];
  const task = new Notes(handled);
  spawn.spawn("task", task);
  task.post("end");
  task.post("late");
  assertEquals([spawn.run(), spawn.tasks, spawn.pending], [1, 0, 0]);
  task.queue.length = 0;
  task.post("later");
  assertEquals([spawn.run(), handled], [0, ["end"]]);
});

test("MockSpawn with auto steps by itself, a moment later", async () => {
  const spawn = new MockSpawn({ auto: true });
  const handled: string[] = [];
  const task = new Notes(handled);
  spawn.spawn("task", task);
  task.post("a");
  assertEquals(handled, []);
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(handled, ["a"]);
});
