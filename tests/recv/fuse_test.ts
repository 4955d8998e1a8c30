import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import type { Frame } from "../../src/contract/frame.ts";
import { fuse, fuseWith } from "../../src/recv/fuse.ts";
import { test } from "../support/harness.ts";
import { microtasks, stateOf, text } from "./frames.ts";

type Layer = Transformer<Frame, Frame>;
type Controller = TransformStreamDefaultController<Frame>;

/** Where the frames of a chain go, as in the stack: no stream, just a controller that notes what it is told. */
function outlet() {
  const told: string[] = [];
  const reasons: unknown[] = [];
  const controller: Controller = {
    desiredSize: 1,
    enqueue: (frame) => void told.push(frame?.type === "text" ? frame.data : `${frame?.type}`),
    error: (reason) => {
      told.push("error");
      reasons.push(reason);
    },
    terminate: () => void told.push("terminate"),
  };
  return { told, reasons, controller };
}

/** A chain that has started. */
function started(layers: readonly Layer[], refuse?: Parameters<typeof fuseWith>[1]) {
  const out = outlet();
  const chain = fuseWith(layers, refuse);
  const result = chain.start!(out.controller) as unknown;
  assertEquals(result, undefined);
  return {
    ...out,
    write: (data: string) => chain.transform!(text(data), out.controller),
    flush: () => chain.flush!(out.controller),
  };
}

const tag = (name: string): Layer => ({
  transform: (frame, controller) => {
    controller.enqueue(frame.type === "text" ? text(frame.data + name) : frame);
  },
});

test("fuse() runs frames through its layers in the order they are listed", () => {
  const { told, write } = started([tag("a"), tag("b"), tag("c")]);
  void write("1");
  void write("2");
  assertEquals(told, ["1abc", "2abc"]);
});

test("fuse() of nothing, and of layers without methods, passes frames on, the same object", () => {
  for (const layers of [[], [{}], [{}, {}, {}]]) {
    const frames: (Frame | undefined)[] = [];
    const { controller } = outlet();
    controller.enqueue = (frame) => void frames.push(frame);
    const chain = fuse(...layers);
    void chain.start!(controller);
    const frame = text("x");
    void chain.transform!(frame, controller);
    void chain.flush!(controller);
    assertEquals(frames.length, 1);
    assertStrictEquals(frames[0], frame);
  }
});

test("fuse() makes no promise where no layer makes one: the frame is out when the call returns", () => {
  const { told, write, flush } = started([tag("a"), {}, tag("b")]);
  assertEquals([write("1") as unknown, told], [undefined, ["1ab"]]);
  assertEquals(flush() as unknown, undefined);
});

test("fuse() starts every layer in order before the first frame, and flushes upstream first", () => {
  const calls: string[] = [];
  const noting = (name: string): Layer => ({
    start: () => void calls.push(`start ${name}`),
    transform: (frame, controller) => {
      calls.push(`transform ${name}`);
      controller.enqueue(frame);
    },
    flush: (controller) => {
      calls.push(`flush ${name}`);
      controller.enqueue(text(`last of ${name}`));
    },
  });
  const { told, write, flush } = started([noting("a"), noting("b")]);
  void write("1");
  void flush();
  assertEquals(calls, [
    "start a",
    "start b",
    "transform a",
    "transform b",
    "flush a",
    "transform b",
    "flush b",
  ]);
  assertEquals(told, ["1", "last of a", "last of b"]);
});

test("fuse() calls methods with their own this", () => {
  class Counting implements Layer {
    #frames = 0;
    start(): void {
      this.#frames = 10;
    }
    transform(_: Frame, controller: Controller): void {
      controller.enqueue(text(`${++this.#frames}`));
    }
    flush(controller: Controller): void {
      controller.enqueue(text(`${this.#frames} in all`));
    }
  }
  const { told, write, flush } = started([new Counting(), new Counting()]);
  void write("x");
  void flush();
  assertEquals(told, ["11", "12", "12 in all"]);
});

test("fuse() lets a layer finish its frame although the next one failed, and gives it no other", () => {
  const calls: string[] = [];
  const doubling: Layer = {
    transform: (frame, controller) => {
      controller.enqueue(frame);
      controller.enqueue(frame);
      calls.push("finished");
    },
    flush: () => void calls.push("flushed"),
  };
  let seen = 0;
  const failing: Layer = {
    transform: () => {
      seen++;
      throw new Error("downstream");
    },
  };
  const { told, write, flush } = started([doubling, failing, tag("z")]);
  assertThrows(() => write("1"), Error, "downstream");
  assertEquals([calls, seen, told], [["finished"], 1, ["error"]]);
  assertThrows(() => write("2"), Error, "downstream");
  assertThrows(() => flush(), Error, "downstream");
  assertEquals([calls, seen], [["finished"], 1]);
});

test("fuse() throws TypeError at a layer that enqueues after its end: terminate, error, or flush", () => {
  const ends: [string, Layer][] = [
    ["terminate", { transform: (_, controller) => controller.terminate() }],
    ["error", { transform: (_, controller) => controller.error(new Error("x")) }],
    ["flush", {}],
  ];
  for (const [name, { transform }] of ends) {
    let held: Controller | undefined;
    const ending: Layer = {
      start: (controller) => void (held = controller),
      ...transform === undefined ? {} : { transform },
    };
    const { write, flush, told } = started([tag("a"), ending, tag("b")]);
    if (name === "flush") void flush();
    else void write("1");
    const before = told.length;
    assertThrows(() => held!.enqueue(text("late")), TypeError, "Cannot enqueue");
    held!.terminate();
    assertEquals(told.length, before, name);
    assertEquals(held!.desiredSize, name === "error" ? null : 0);
  }
});

test("fuse() flushes what is downstream of a terminate, and tells the outlet after that", () => {
  const upper: Layer = {
    flush: () => {
      throw new Error("flushed although a layer below terminated");
    },
  };
  const stop: Layer = { transform: (_, controller) => controller.terminate() };
  const lower: Layer = { flush: (controller) => controller.enqueue(text("rest")) };
  const { told, write } = started([upper, stop, lower]);
  void write("1");
  assertEquals(told, ["rest", "terminate"]);
  void write("2");
  assertEquals(told, ["rest", "terminate"]);
});

test("fuse() tells the outlet of a flush that failed after a terminate, and nothing else", () => {
  const stop: Layer = { transform: (_, controller) => controller.terminate() };
  const lower: Layer = {
    flush: () => {
      throw new Error("flush");
    },
  };
  const { told, write } = started([stop, lower]);
  assertThrows(() => write("1"), Error, "flush");
  assertEquals(told, ["error"]);
});

test("fuse() lets nothing out after a failure, although an async layer below still works", async () => {
  const slow: Layer = {
    transform: async (frame, controller) => {
      await null;
      controller.enqueue(frame);
    },
  };
  let held: Controller | undefined;
  const { told, write } = started([{ start: (c) => void (held = c) }, slow]);
  const written = Promise.resolve(write("1"));
  held!.error(new Error("watchdog"));
  await written;
  assertEquals(told, ["error"]);
});

test("fuse() hands on the first failure, whatever its reason is", () => {
  for (const reason of [undefined, null, 0, "text", new Error("x")]) {
    const { told, reasons, write } = started([{
      transform: (_, controller) => {
        controller.error(reason);
        throw new Error("second");
      },
    }]);
    void write("1");
    assertEquals([told, reasons], [["error"], [reason]]);
    const throwing = started([{
      transform: () => {
        throw reason;
      },
    }]);
    let caught: unknown = "nothing";
    try {
      void throwing.write("1");
    } catch (error) {
      caught = error;
    }
    assertStrictEquals(caught, reason);
    assertEquals(throwing.reasons, [reason]);
  }
});

test("fuse() tells the outlet at once what a layer does outside of every call, from a timer of its own", () => {
  let held: Controller | undefined;
  const timed: Layer = { start: (controller) => void (held = controller) };
  const failing: Layer = {
    transform: (frame, controller) => {
      if (frame.type === "text" && frame.data === "bad") throw new Error("late");
      controller.enqueue(frame);
    },
  };
  const first = started([timed, failing]);
  held!.enqueue(text("tick"));
  assertEquals(first.told, ["tick"]);
  held!.enqueue(text("bad"));
  assertEquals([first.told, (first.reasons[0] as Error).message], [["tick", "error"], "late"]);
  const second = started([timed, failing]);
  held!.error(new Error("watchdog"));
  assertEquals(second.told, ["error"]);
  const third = started([timed, failing]);
  held!.terminate();
  assertEquals(third.told, ["terminate"]);
});

test("fuse() does not let enqueue throw at a layer because the outlet does", () => {
  let finished = false;
  const upper: Layer = {
    transform: (frame, controller) => {
      controller.enqueue(frame);
      finished = true;
    },
  };
  const { controller } = outlet();
  controller.enqueue = () => {
    throw new TypeError("the reader has gone");
  };
  const chain = fuse(upper, {});
  void chain.start!(controller);
  assertThrows(() => chain.transform!(text("1"), controller), TypeError, "the reader has gone");
  assert(finished);
});

test("fuse() keeps the order of frames through async layers, and resolves when the frame is out", async () => {
  const gates: (() => void)[] = [];
  const slow: Layer = {
    transform: async (frame, controller) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      controller.enqueue(frame);
    },
  };
  const { told, write, flush } = started([tag("a"), slow, tag("b")]);
  const far = started([{ transform: slow.transform! }, tag("a"), slow, tag("b")]);
  const farWrite = Promise.resolve(far.write("far"));
  await microtasks();
  gates.shift()!();
  await microtasks();
  assertEquals([far.told, await stateOf(farWrite)], [[], "pending"]);
  gates.shift()!();
  await farWrite;
  assertEquals(far.told, ["farab"]);
  const writes = [write("1"), write("2")].map((done) => Promise.resolve(done));
  const flushed = Promise.resolve(flush());
  await microtasks();
  assertEquals([told, gates.length], [[], 1]);
  gates[0]!();
  assertEquals(await stateOf(writes[1]!), "pending");
  assertEquals([told, gates.length], [["1ab"], 2]);
  assertEquals(await stateOf(flushed), "pending");
  gates[1]!();
  await Promise.all([...writes, flushed]);
  assertEquals(told, ["1ab", "2ab"]);
});

test("fuse() in a TransformStream waits for its slowest layer before the next frame", async () => {
  let open: () => void = () => {};
  const slow: Layer = {
    transform: (frame, controller) =>
      new Promise<void>((resolve) => {
        open = () => {
          controller.enqueue(frame);
          resolve();
        };
      }),
  };
  let started = 0;
  const counting: Layer = {
    transform: (frame, controller) => {
      started++;
      controller.enqueue(frame);
    },
  };
  const { readable, writable } = new TransformStream(fuse(counting, slow));
  const reader = readable.getReader();
  const writer = writable.getWriter();
  const reads = [reader.read(), reader.read()];
  const writes = [writer.write(text("1")), writer.write(text("2"))];
  await microtasks();
  assertEquals([started, await stateOf(writes[0]!)], [1, "pending"]);
  open();
  await reads[0];
  await microtasks();
  assertEquals(started, 2);
  open();
  await Promise.all([...reads, ...writes]);
});

const refuse = (index: number, method: string) => new TypeError(`layer ${index}: ${method}`);

test("fuseWith() refuses a promise from transform, names layer and method, and leaves no rejection behind", async () => {
  const layers: Layer[] = [
    { transform: async () => {} },
    { transform: () => Promise.reject(new Error("lost")) },
    { transform: () => ({ then: () => {} }) as unknown as Promise<void> },
  ];
  for (const layer of layers) {
    const { told, write, reasons } = started([tag("a"), layer, tag("b")], refuse);
    const error = assertThrows(() => write("1"), TypeError, "layer 1: transform");
    assertEquals([told, reasons], [["error"], [error]]);
  }
  await microtasks();
});

test("fuseWith() refuses a promise from start, and starts nothing after it", () => {
  let later = false;
  const { controller } = outlet();
  const chain = fuseWith([
    { start: () => Promise.resolve() },
    { start: () => void (later = true) },
  ], refuse);
  assertThrows(() => chain.start!(controller), TypeError, "layer 0: start");
  assertFalse(later);
});

test("fuseWith() without a promise refuses nothing, also when a layer returns something else", () => {
  const odd: Layer = {
    transform: (frame, controller) => {
      controller.enqueue(frame);
      return 7 as unknown as void;
    },
  };
  const { told, write, flush } = started([odd, tag("b")], refuse);
  assertEquals([write("1") as unknown, flush() as unknown], [undefined, undefined]);
  assertEquals(told, ["1b"]);
});
