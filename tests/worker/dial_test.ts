import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Capabilities, isTransportError, type WsConnection } from "../../mod.ts";
import { ManualClock, MockConnector } from "../../src/testing/mod.ts";
import { workerConnector, type WorkerLike } from "../../src/worker/mod.ts";
import { test } from "../support/harness.ts";
import { LinkedWorker } from "./linked_worker.ts";

function dial(
  makeWorker: () => WorkerLike,
  { capabilities, signal = new AbortController().signal, url = "ws://venue.example/?key=secret" }: {
    readonly capabilities?: Partial<Capabilities>;
    readonly signal?: AbortSignal;
    readonly url?: string;
  } = {},
): Promise<WsConnection> {
  const connector = workerConnector(
    makeWorker,
    capabilities === undefined ? {} : { capabilities },
  );
  const handshake = { url: new URL(url), protocols: [], headers: new Headers() };
  return connector.connect(handshake, { signal });
}

async function failure(outcome: Promise<unknown>): Promise<unknown> {
  try {
    await outcome;
  } catch (error) {
    return error;
  }
  throw new Error("The dial has opened");
}

async function failsWith(outcome: Promise<unknown>, code: string, part: string): Promise<void> {
  const error = await failure(outcome);
  assert(isTransportError(error), String(error));
  assertEquals(error.code, code);
  assert(error.message.includes(part), error.message);
  assert(!error.message.includes("secret"), error.message);
}

function linked(capabilities: Partial<Capabilities> = {}): {
  readonly worker: LinkedWorker;
  readonly leaf: MockConnector;
  readonly clock: ManualClock;
} {
  const leaf = new MockConnector({ capabilities });
  const clock = new ManualClock();
  return { leaf, clock, worker: new LinkedWorker({ connector: leaf, clock }) };
}

/** Lets what is under way arrive. */
async function settled(): Promise<void> {
  for (let round = 0; round < 50; round++) await null;
}

test("workerConnector() claims what the default leaf can, and what only a worker can", () => {
  const never = () => {
    throw new Error("not to be called");
  };
  assertEquals(workerConnector(never).capabilities, {
    headers: false,
    handshakeStatus: "none",
    ping: false,
    seePing: false,
    terminate: true,
    maxMessageBytes: 64 * 1024 * 1024,
    wireDials: 2,
    recvAxis: true,
  });
  const told = { headers: true, terminate: false, recvAxis: false, wireDials: 1 };
  const { capabilities } = workerConnector(never, { capabilities: told });
  assertEquals(
    [capabilities.headers, capabilities.terminate, capabilities.recvAxis, capabilities.wireDials],
    [true, true, true, 1],
  );
});

test("workerConnector() refuses what is no function and options that it does not know", () => {
  assertThrows(() => workerConnector({} as () => WorkerLike), TypeError);
  const error = assertThrows(() =>
    workerConnector(() => new LinkedWorker(), { capabilites: {} } as object)
  );
  assert(isTransportError(error, "invalid_options"));
});

test("connect() fails for good when the worker cannot be made", async () => {
  const boom = () => {
    throw new Error("boom");
  };
  await failsWith(dial(boom), "unsupported", "could not be made");
  await failsWith(dial(() => ({}) as WorkerLike), "unsupported", "could not be made");
});

test("connect() makes no worker for a handshake that is refused", async () => {
  const never = () => {
    throw new Error("not to be called");
  };
  await failsWith(dial(never, { url: "ws://user:secret@venue.example/" }), "unsupported", "header");
  assert((await failure(dial(never, { url: "ftp://venue.example/" }))) instanceof TypeError);
});

test("connect() fails when the worker fails before it opened, and ends it", async () => {
  for (const said of [undefined, "Uncaught Error: boom"]) {
    const worker = new LinkedWorker();
    const outcome = dial(() => worker);
    worker.fire("error", said === undefined ? {} : { message: said });
    await failsWith(outcome, "connect_failed", "the worker has failed");
    assertEquals(worker.terminated, true);
  }
});

test("connect() fails when the worker file is not one of ours", async () => {
  for (const said of [undefined, "hi", { type: "batch" }, { type: "end" }]) {
    const worker = new LinkedWorker();
    const outcome = dial(() => worker);
    worker.say(said);
    await failsWith(outcome, "protocol_error", "not one of ours");
    assertEquals(worker.terminated, true);
  }
});

test("connect() fails for good when the worker has another version", async () => {
  const worker = new LinkedWorker();
  const outcome = dial(() => worker);
  worker.say({ type: "hello", version: 99 });
  await failsWith(outcome, "unsupported", "another version");
});

test("connect() fails before any I/O when the leaf in the worker can do less than was claimed", async () => {
  const claimed = { headers: true, ping: true, seePing: true, handshakeStatus: "exact" } as const;
  const { worker, leaf } = linked({
    headers: false,
    ping: false,
    seePing: false,
    handshakeStatus: "message",
    maxMessageBytes: 1,
    wireDials: 3,
  });
  const names = "headers, ping, seePing, handshakeStatus, maxMessageBytes, wireDials";
  await failsWith(dial(() => worker, { capabilities: claimed }), "unsupported", names);
  assertEquals([worker.terminated, leaf.dials.length], [true, 0]);
});

test("connect() tells how the dial in the worker failed", async () => {
  const { worker, leaf } = linked();
  const outcome = dial(() => worker);
  await settled();
  leaf.next()?.fail({ status: 429, retryAfterMs: 7_000 });
  const error = await failure(outcome);
  assert(isTransportError(error, "connect_failed"));
  assertEquals([error.end?.status, error.end?.retryAfterMs, error.kind], [429, 7_000, "throttled"]);
  assertEquals(worker.terminated, true);
});

test("connect() aborted rejects with the reason and ends the worker, at any time", async () => {
  for (const rounds of [0, 50]) {
    const { worker } = linked();
    const controller = new AbortController();
    const outcome = dial(() => worker, { signal: controller.signal });
    if (rounds > 0) await settled();
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals([await failure(outcome), worker.terminated], [reason, true]);
  }
});

test("connect() aborted while the worker is made ends it", async () => {
  const worker = new LinkedWorker();
  const controller = new AbortController();
  const reason = new Error("enough");
  const outcome = dial(() => {
    controller.abort(reason);
    return worker;
  }, { signal: controller.signal });
  assertEquals([await failure(outcome), worker.terminated], [reason, true]);
});

test("connect() over an EventEmitter worker fails when that exits", async () => {
  const listeners: Record<string, (value: unknown) => void> = {};
  let ended = 0;
  const outcome = dial(() => ({
    postMessage() {},
    terminate: () => Promise.reject(new Error(String(++ended))),
    on: (type, listener) => void (listeners[type] = listener),
  }));
  listeners["exit"]?.(0);
  await failsWith(outcome, "connect_failed", "the worker has failed");
  listeners["error"]?.(new Error("late"));
  assertEquals(ended, 1);
});

test("closed resolves after abandon() once the platform says that the worker has ended", async () => {
  const { worker, leaf } = linked();
  let over = () => {};
  const slow: WorkerLike = {
    postMessage: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => new Promise<void>((resolve) => over = resolve),
    addEventListener: (type, listener) => worker.addEventListener(type, listener),
  };
  const outcome = dial(() => slow);
  await settled();
  leaf.next()?.open();
  const connection = await outcome;
  let ended = false;
  void connection.closed.then(() => ended = true);
  connection.abandon();
  await settled();
  assertEquals(ended, false);
  over();
  assertEquals(await connection.closed, { code: 1006, reason: "", clean: false, origin: "local" });
});

test("attach() after the end gives the frames, then the end", async () => {
  const { worker, leaf } = linked();
  const outcome = dial(() => worker);
  await settled();
  const socket = leaf.next();
  socket?.open();
  const connection = await outcome;
  for (const data of ["1", "2", "3"]) socket?.receive(data);
  socket?.end({ code: 1000 });
  assertEquals((await connection.closed).code, 1000);
  const heard: unknown[] = [];
  connection.attach?.({
    frame: (frame) => heard.push(frame.type === "text" && frame.data),
    dropped: () => {},
    end: ({ code }) => heard.push(code),
  });
  assertEquals(heard, ["1", "2", "3", 1000]);
});

test("frames that nobody attaches for end the session in the end", async () => {
  const { worker, leaf } = linked();
  const outcome = dial(() => worker);
  await settled();
  const socket = leaf.next();
  socket?.open();
  const connection = await outcome;
  for (let i = 0; i < 70_000; i++) {
    socket?.receive("x");
    if (i % 1_000 === 0) await settled();
  }
  assertEquals((await connection.closed).code, 1006);
  assertEquals(worker.terminated, true);
});

test("send() leaves the caller its bytes and takes the part that a view shows", async () => {
  const { worker, leaf } = linked();
  const outcome = dial(() => worker);
  await settled();
  const socket = leaf.next();
  socket?.open();
  const connection = await outcome;
  const bytes = Uint8Array.of(1, 2, 3, 4);
  connection.send({ type: "binary", data: bytes.subarray(1, 3) });
  assertEquals([socket?.sent, [...bytes]], [[Uint8Array.of(2, 3)], [1, 2, 3, 4]]);
  connection.abandon();
});

test("bytes cross by transfer, and a view by its part", async () => {
  const { worker, leaf } = linked();
  const outcome = dial(() => worker);
  await settled();
  const socket = leaf.next();
  socket?.open();
  const connection = await outcome;
  const whole = Uint8Array.of(1, 2, 3);
  const view = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
  socket?.receive(whole);
  socket?.receive(view);
  const heard: Uint8Array[] = [];
  connection.attach?.({
    frame: (frame) => void (frame.type === "binary" && heard.push(frame.data)),
    dropped: () => {},
    end: () => {},
  });
  await settled();
  assertEquals(heard, [Uint8Array.of(1, 2, 3), Uint8Array.of(2, 3)]);
  assertEquals(heard.map(({ buffer }) => buffer.byteLength), [3, 2]);
  assertEquals([whole.byteLength, view.byteLength], [0, 2]);
});

for (const how of ["takes it", "is let go of", "is aborted"] as const) {
  test(`writable waits until the worker ${how}`, async () => {
    const { worker, leaf, clock } = linked();
    const outcome = dial(() => worker);
    await settled();
    const socket = leaf.next();
    socket?.open();
    const connection = await outcome;
    if (socket !== undefined) socket.bufferedAmount = 2_000_000;
    const writer = connection.writable.getWriter();
    worker.block();
    let written = false;
    const writing = writer.write({ type: "text", data: "x".repeat(2_000_000) })
      .then(() => written = true);
    await settled();
    assertEquals([written, connection.bufferedAmount], [false, 2_000_000]);
    if (how === "is aborted") await writer.abort();
    else if (how === "is let go of") connection.abandon();
    else {
      if (socket !== undefined) socket.bufferedAmount = 0;
      clock.runTurns();
      worker.unblock();
    }
    await writing;
    assertEquals([written, worker.terminated], [true, how !== "takes it"]);
    connection.abandon();
  });
}

test("readable that nobody reads ends the session in the end, and cancel() ends the worker", async () => {
  for (const how of ["read", "cancel"]) {
    const { worker, leaf } = linked();
    const outcome = dial(() => worker);
    await settled();
    const socket = leaf.next();
    socket?.open();
    const connection = await outcome;
    const { readable } = connection;
    if (how === "cancel") await readable.cancel();
    for (let i = 0; how === "read" && i < 70_000; i++) {
      socket?.receive("x");
      if (i % 1_000 === 0) await settled();
    }
    assertEquals([(await connection.closed).origin, worker.terminated], ["local", true]);
  }
});
