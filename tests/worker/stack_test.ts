import { assert, assertEquals, assertThrows } from "@std/assert";
import { isTransportError, open } from "../../mod.ts";
import { mockRuntime } from "../../src/testing/mod.ts";
import { workerConnector } from "../../src/worker/mod.ts";
import { test } from "../support/harness.ts";
import { bench, drained } from "./bench.ts";

test("workerConnector() carries frames both ways and ends its worker at shutdown", async () => {
  const it = bench();
  const dial = await it.up();
  assertEquals(it.feed.lifecycle.value.phase, "connected");
  dial.receive("1");
  dial.receive(Uint8Array.of(50));
  await it.mock.settle();
  await it.feed.send("there");
  await it.mock.settle();
  assertEquals(dial.sent, ["there"]);
  const frames = [];
  for await (const frame of it.feed) {
    frames.push(frame);
    if (frames.length === 2) break;
  }
  assertEquals(frames.map(({ type, seq, epoch }) => [type, seq, epoch]), [["text", 1, 1], [
    "binary",
    2,
    1,
  ]]);
  await it.close();
});

test("a blocked main thread gets two batches, and every lost frame leaves a hole where it was", async () => {
  const it = bench({ buffer: { maxFrames: 5_000, maxBytes: 1e9 } });
  const dial = await it.up();
  const before = it.worker.batches.length;
  it.worker.block();
  for (let i = 1; i <= 100_000; i++) dial.receive(String(i));
  assertEquals(it.worker.batches.length - before, 2);
  it.worker.unblock();
  await it.mock.settle();
  // One frame each went with the two batches, the newest 5,000 waited.
  assertEquals(it.feed.stats().leafDropped, 100_000 - 5_002);
  assertEquals(it.feed.lifecycle.value.totalLagged, 100_000 - 5_000);
  it.conserved();
  const frames = await drained(it.feed);
  assertEquals(frames.filter(({ said, seq }) => said !== seq), []);
  assertEquals([frames.length, frames.at(-1)?.said], [5_000, 100_000]);
  assertEquals(it.feed.lifecycle.value.epoch, 1);
  await it.close();
});

test("overflow: fail ends the session when the worker's buffer is full, and counts what was lost", async () => {
  const it = bench({ buffer: { maxFrames: 10, overflow: "fail" } });
  const dial = await it.up();
  it.worker.block();
  for (let i = 1; i <= 100; i++) dial.receive(String(i));
  it.worker.unblock();
  await it.mock.settle();
  assertEquals(it.feed.lifecycle.value.phase, "reconnecting");
  assert(isTransportError(it.feed.lifecycle.value.error, "overflow"));
  it.conserved();
  const { received, leafDropped } = it.feed.stats();
  assertEquals(received + leafDropped, 100);
  const frames = await drained(it.feed);
  assertEquals(
    frames.map(({ said }) => said),
    Array.from({ length: frames.length }, (_, i) => i + 1),
  );
  await it.up();
  assertEquals(it.feed.lifecycle.value.phase, "resumed");
  await it.close();
});

test("the worker's heartbeat reports stale and alive, and sends the probe", async () => {
  const it = bench({
    liveness: { staleAfterMs: 1_000, probe: { afterMs: 400, frame: "ping" } },
  });
  const dial = await it.up();
  await it.mock.advance(600);
  assertEquals(dial.sent, ["ping"]);
  assertEquals(it.feed.lifecycle.value.phase, "connected");
  await it.mock.advance(1_000);
  assertEquals(it.feed.lifecycle.value.phase, "stale");
  dial.receive("1");
  await it.mock.settle();
  assertEquals([it.feed.lifecycle.value.phase, it.feed.lifecycle.value.stales], ["connected", 1]);
  await it.close();
});

test("a probe of bytes crosses as the part that a view shows", async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 3);
  const it = bench({ liveness: { staleAfterMs: 1_000, probe: { afterMs: 400, frame: bytes } } });
  const dial = await it.up();
  await it.mock.advance(600);
  assertEquals(dial.sent, [Uint8Array.of(2, 3)]);
  await it.close();
});

test("a dead socket is abandoned in the worker and the session is lost with its reason", async () => {
  const it = bench({ liveness: { staleAfterMs: 1_000, deadAfterMs: 3_000 } });
  const dial = await it.up();
  await it.mock.advance(4_000);
  assertEquals(dial.abandoned, true);
  const { error, phase } = it.feed.lifecycle.value;
  assertEquals(phase, "reconnecting");
  assert(isTransportError(error, "session_lost"));
  assertEquals([error.epoch, error.message], [1, "Session lost: nothing was heard for too long"]);
  await it.up();
  assertEquals(it.feed.lifecycle.value.epoch, 2);
  await it.close();
});

test("the worker's heartbeat works while the main thread is blocked, and says so afterwards", async () => {
  const it = bench({ liveness: { staleAfterMs: 1_000 } });
  const dial = await it.up();
  it.worker.block();
  for (let i = 0; i < 200; i++) {
    await it.mock.advance(2_000);
    dial.receive("x");
  }
  // Two batches, and not one message for each of the 400 reports.
  assertEquals(it.worker.underWay, 2);
  it.worker.unblock();
  await it.mock.settle();
  const most = Math.max(...it.worker.batches.map(({ reports }) => reports.length));
  assert(most > 2 && most <= 32, `${most} reports in one batch`);
  assertEquals(it.feed.lifecycle.value.phase, "connected");
  assert(it.feed.lifecycle.value.stales >= 2);
  await it.close();
});

test("frames that came before the end are delivered before it, past the credit", async () => {
  const it = bench();
  const dial = await it.up();
  it.worker.block();
  for (let i = 1; i <= 10_000; i++) dial.receive(String(i));
  dial.end({ code: 1001 });
  await it.mock.settle();
  assertEquals(it.worker.said.at(-1)?.type, "batch");
  it.worker.unblock();
  await it.mock.settle();
  assertEquals(it.worker.said.at(-1)?.type, "end");
  assertEquals(it.feed.stats().received, 10_000);
  assertEquals(it.feed.lifecycle.value.phase, "reconnecting");
  assertEquals((await drained(it.feed)).length, 10_000);
  await it.close();
});

test("a worker that is gone ends the session with 1006, and the next dial has a new one", async () => {
  const it = bench();
  await it.up();
  let prevented = false;
  const { worker } = it;
  worker.fire("error", { message: "boom", preventDefault: () => void (prevented = true) });
  await it.mock.settle();
  assertEquals([prevented, it.feed.lifecycle.value.phase], [true, "reconnecting"]);
  const { error } = it.feed.lifecycle.value;
  assert(isTransportError(error, "session_lost"));
  assertEquals([error.end?.code, error.end?.origin], [1006, "local"]);
  await it.up();
  assertEquals(it.workers.length, 2);
  worker.fire("message", { data: { type: "end", end: error.end } });
  worker.fire("error");
  await it.mock.settle();
  assertEquals(it.feed.lifecycle.value.phase, "resumed");
  await it.close();
});

for (const said of [null, 7, { type: "batch" }, { type: "opened", protocol: "" }, { type: "x" }]) {
  test(`a session whose worker says ${JSON.stringify(said)} ends`, async () => {
    const it = bench();
    await it.up();
    it.worker.say(said);
    await it.mock.settle();
    assertEquals(it.feed.lifecycle.value.phase, "reconnecting");
    assertEquals(it.worker.terminated, true);
    await it.close();
  });
}

test("forceReconnect() ends the worker and takes another", async () => {
  const it = bench();
  await it.up();
  it.feed.control.forceReconnect();
  await it.mock.settle();
  await it.up();
  assertEquals(it.workers.map(({ terminated }) => terminated), [true, false]);
  assertEquals(it.feed.stats().zombies, 0);
  await it.close();
});

test("the worker's leaf is told to close when the connection shuts down", async () => {
  const it = bench();
  const dial = await it.up();
  await it.feed.control.shutdown({ code: 4001, reason: "enough" });
  assertEquals(dial.closing, { code: 4001, reason: "enough" });
  await it.close();
});

for (
  const [name, liveness] of [
    ["liveness.isLife", { isLife: () => true }],
    ["liveness.probe.frame", { probe: { afterMs: 1, frame: () => "ping" } }],
  ] as const
) {
  test(`open() refuses ${name} as a function before any I/O`, () => {
    const { runtime } = mockRuntime();
    let made = 0;
    const connector = workerConnector(() => {
      made++;
      throw new Error("not to be called");
    });
    const error = assertThrows(() =>
      open("ws://venue.example", { liveness, runtime: { ...runtime, connector } })
    );
    assert(isTransportError(error, "unsupported"));
    assert(error.message.includes(name), error.message);
    assertEquals(made, 0);
  });
}

test("user recv layers run on the main side, behind the worker's heartbeat", async () => {
  const it = bench({
    recv: [() => ({
      transform(frame, controller) {
        if (frame.type === "text" && frame.data !== "noise") controller.enqueue(frame);
      },
    })],
  });
  const dial = await it.up();
  for (const data of ["1", "noise", "2"]) dial.receive(data);
  await it.mock.settle();
  assertEquals((await drained(it.feed)).map(({ said }) => said), [1, 2]);
  await it.close();
});

test("send() waits while worker and socket hold more than the high water mark", async () => {
  const it = bench({ send: { highWaterMarkBytes: 1_000 } });
  const dial = await it.up();
  dial.bufferedAmount = 5_000;
  const first = it.feed.send("x".repeat(2_000));
  await it.mock.settle();
  await first;
  const second = it.feed.send("late");
  await it.mock.advance(100);
  assertEquals(dial.sent.length, 1);
  dial.bufferedAmount = 0;
  await it.mock.advance(100);
  await second;
  await it.mock.settle();
  assertEquals(dial.sent.length, 2);
  await it.close();
});

test("overflow: fail ends the session when only the leaf's own buffer was too small", async () => {
  const mock = mockRuntime({ capabilities: { recvAxis: true } });
  const feed = open("ws://venue.example", { buffer: { overflow: "fail" }, runtime: mock.runtime });
  const dial = await mock.dial();
  dial.open();
  await mock.settle();
  dial.drop(3, 30);
  await mock.settle();
  const { error, epoch, totalLagged, totalLaggedBytes } = feed.lifecycle.value;
  assert(isTransportError(error, "overflow"));
  assertEquals([error.epoch, epoch, totalLagged, totalLaggedBytes], [1, 1, 3, 30]);
  assertEquals(dial.abandoned, true);
  await feed.control.shutdown();
});
