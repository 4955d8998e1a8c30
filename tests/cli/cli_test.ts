// The program as a user starts it, against an ordinary server.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { test } from "../support/harness.ts";
import { type RawPeer, type RawServer, startRawServer } from "../support/raw_server.ts";
import { Program, runProgram } from "./program.ts";

/** Runs with a server that is given back. */
async function withServer(
  onPeer: (peer: RawPeer) => void,
  use: (server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await startRawServer({ onPeer });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

function echo(peer: RawPeer): void {
  peer.accept();
  peer.onText = (text) => peer.sendText(text);
  peer.onBinary = (data) => peer.sendBinary(data);
}

test("cli prints what an echo server gives back, and ends as asked", () =>
  withServer(echo, async ({ url }) => {
    const { code, lines, told } = await runProgram(url, "--send", "hello", "--until", "1");
    assertEquals(lines, ["hello"]);
    assertEquals(code, 0, told);
    for (const text of ["dial 1 to ws://127.0.0.1", "session 1 up", "frames 1 to 1"]) {
      assert(told.includes(text), told);
    }
  }));

test("cli sends the lines of its input in order, and gives JSON lines with epoch and seq", () =>
  withServer(echo, async ({ url }) => {
    const program = new Program(url, "--json", "--until", "/^last$/", "--quiet", "--stats");
    program.type("first\nse");
    program.type("cond\n\nlast");
    program.endInput();
    const { code, lines, told } = await program.ended;
    assertEquals(
      lines.map((line) => JSON.parse(line)),
      ["first", "second", "", "last"].map((data, at) => ({
        epoch: 1,
        seq: at + 1,
        type: "text",
        data,
      })),
    );
    assertMatch(told, / received=4 .* delivered=4 .* balance=ok sent=4 sessions=1 dials=1 /);
    assertEquals(told.trimEnd().split("\n").length, 1, "quiet but for the counts");
    assertEquals(code, 0);
  }));

test("cli takes no more frames than --until asks for, although more are there", () =>
  withServer((peer) => {
    peer.accept();
    void peer.flood(10, (n) => `frame ${n}`);
  }, async ({ url }) => {
    const { lines, told } = await runProgram(url, "--until=3", "--stats");
    assertEquals(lines, ["frame 0", "frame 1", "frame 2"]);
    assertMatch(told, / delivered=3 lagged=0 buffered=0 discarded=\d+ balance=ok /);
  }));

test("cli prints binary frames in base64", () =>
  withServer((peer) => {
    peer.accept();
    peer.sendBinary(new Uint8Array([0, 255]));
  }, async ({ url }) => {
    assertEquals((await runProgram(url, "--until=1")).lines, ["AP8="]);
  }));

test("cli asks with the headers and subprotocols that it was given, and tells no secret", () => {
  const asked: (string | undefined)[] = [];
  return withServer((peer) => {
    const { request } = peer;
    asked.push(request.header("x-key"), request.header("authorization"), request.protocols.join());
    peer.accept({ protocol: "v1" });
    peer.sendText("in");
  }, async ({ url }) => {
    const target = url.replace("ws://", "ws://name:SECRET@") + "?token=SECRET";
    const { code, lines, told } = await runProgram(
      target,
      "--header=X-Key: SECRET",
      "--protocol=v2",
      "--protocol=v1",
      "--until=1",
      "--send=SECRET",
    );
    assertEquals([code, lines], [0, ["in"]], told);
    assertEquals(asked, ["SECRET", `Basic ${btoa("name:SECRET")}`, "v2,v1"]);
    assert(told.includes('protocol "v1"') && !told.includes("SECRET"), told);
  });
});

test("cli dials again after a loss, sends anew what --send says, and tells both sessions", () => {
  let session = 0;
  return withServer((peer) => {
    peer.accept();
    const mine = ++session;
    peer.onText = (text) => {
      peer.sendText(`${text} ${mine}`);
      if (mine === 1) peer.close(1012, "restart");
    };
  }, async ({ url }) => {
    const { code, lines, told } = await runProgram(url, "--send=who", "--json", "--until=who 2");
    assertEquals(lines.map((line) => JSON.parse(line).epoch), [1, 2]);
    assert(
      told.includes('session 1 closed by the server with 1012 "restart", frames 1 to 1'),
      told,
    );
    assert(told.includes("session 2 up"), told);
    assertEquals(code, 0);
  });
});

test("cli gives up after --max-attempts, and says why", () =>
  withServer((peer) => peer.refuse(503), async ({ url }) => {
    const { code, lines, told } = await runProgram(url, "--max-attempts=1");
    assertEquals([code, lines], [1, []]);
    assertMatch(told, /dial failed \(connect_failed, transient\).*\n.*gave up \(exhausted\)/s);
    const quiet = await runProgram(url, "--max-attempts=1", "--quiet");
    assertMatch(quiet.told, /^\S+ gave up .* --max-attempts \(1\) is reached; at last: .*\n$/);
  }));

test("cli ends with 1 when --until passes without a session", () =>
  withServer((peer) => peer.hang(), async ({ url }) => {
    const { code, told } = await runProgram(url, "--until=100ms");
    assertEquals(code, 1);
    assert(told.includes("no session"), told);
  }));

test("cli refuses a wrong command line with one sentence and no secret", async () => {
  const wrong = [
    ["ws://127.0.0.1:1/#SECRET", "The URL has a fragment"],
    ["http//SECRET", "The URL is not absolute"],
    ["ftp://127.0.0.1/SECRET", "The URL has the scheme ftp: instead of ws: or wss:"],
  ];
  for (const [url = "", rule = ""] of wrong) {
    const { code, lines, told } = await runProgram(url);
    assertEquals([code, lines], [2, []]);
    assert(told.includes(rule) && !told.includes("SECRET"), told);
  }
});

test("cli refuses a header that belongs to the handshake", async () => {
  const { code, told } = await runProgram("ws://127.0.0.1:1/", "--header=Host: SECRET");
  assertEquals(code, 2);
  assertEquals(
    told.split("\n")[0],
    "holdfast: Cannot set header host: it belongs to the handshake itself",
  );
});

test("cli shuts down at SIGINT with a close frame, and ends with 130", () => {
  let closed: number | undefined;
  return withServer((peer) => {
    echo(peer);
    peer.onClose = (code) => closed = code;
  }, async ({ url }) => {
    const program = new Program(url, "--stats");
    await program.told("session 1 up");
    program.kill("SIGINT");
    const { code, told } = await program.ended;
    assertEquals([code, closed], [130, 1000], told);
    assert(told.includes("balance=ok"), told);
  });
});

test("cli ends at once at the second SIGINT, before the bound of the shutdown", () => {
  let program: Program | undefined;
  return withServer((peer) => {
    peer.accept();
    peer.ignoreClose();
    peer.onClose = () => program?.kill("SIGINT");
    peer.sendText("ready");
  }, async ({ url }) => {
    program = new Program(url, "--stats");
    await program.told("session 1 up");
    await program.printed("ready");
    program.kill("SIGINT");
    const { code, told } = await program.ended;
    assertEquals(code, 130);
    assert(!told.includes("balance="), "the shutdown was not waited for");
  });
});

test("cli ends within its bound at SIGINT when the server does not answer the close frame", () =>
  withServer((peer) => {
    peer.accept();
    peer.ignoreClose();
  }, async ({ url }) => {
    const program = new Program(url, "--stats");
    await program.told("session 1 up");
    program.kill("SIGINT");
    const { code, told } = await program.ended; // else the test's own limit tells
    assertEquals(code, 130);
    assert(told.includes("balance=ok"), told);
  }));

test("cli ends with 141 when nobody reads its output any more", () =>
  withServer((peer) => {
    peer.accept();
    const again = setInterval(() => peer.sendText("x".repeat(1_000)), 10);
    void peer.closed.then(() => clearInterval(again));
  }, async ({ url }) => {
    const program = new Program(url);
    await program.printed("x");
    program.stopReading();
    assertEquals((await program.ended).code, 141);
  }));

test("cli counts what a slow reader of its output loses, stays up meanwhile, and shows the hole", () => {
  let heard = () => {};
  const stillHere = new Promise<void>((resolve) => heard = resolve);
  return withServer((peer) => {
    peer.accept();
    peer.onText = (text) => {
      // More than pipe and buffer hold.
      if (text === "go") void peer.flood(20_000, (n) => `${n} `.padEnd(1_000, "x"));
      else heard();
    };
  }, async ({ url }) => {
    const program = new Program(url, "--max-frames=4096", "--json", "--stats");
    program.pauseReading();
    await program.told("session 1 up");
    program.type("go\n");
    await program.told("reader too slow");
    program.type("still here\n");
    await stillHere; // sent although the output is stuck
    program.resumeReading();
    program.kill("SIGTERM");
    const { code, lines, told } = await program.ended;
    assertEquals(code, 143, told);
    const seqs = lines.map((line) => (JSON.parse(line) as { seq: number }).seq);
    const holes = seqs.filter((seq, at) => at > 0 && seq !== seqs[at - 1]! + 1);
    assert(holes.length > 0 && seqs.every((seq, at) => at === 0 || seq > seqs[at - 1]!));
    assertMatch(told, / lagged=[1-9]\d* .* balance=ok sent=2 sessions=1 /);
    // What was delivered was written.
    assertEquals(Number(/ delivered=(\d+) /.exec(told)?.[1]), lines.length);
  });
});

test("cli says which lines of its input were not sent", () =>
  withServer((peer) => peer.hang(), async ({ url }) => {
    const program = new Program(url, "--no-hold");
    await program.told("dial 1");
    program.type("SECRET\nheld\n");
    await program.told("line 1 of the input was not sent: not_connected");
    await program.told("line 2 of the input was not sent: not_connected");
    program.kill("SIGTERM");
    const { code, told } = await program.ended;
    assertEquals(code, 143);
    assert(!told.includes("SECRET"));
  }));

test("cli holds a line of its input until there is a session", () => {
  let handshakes = 0;
  return withServer((peer) => {
    // The first dial ends before the line can be sent: it waits for the second.
    if (++handshakes === 1) peer.refuse(503);
    else echo(peer);
  }, async ({ url }) => {
    const kept = new Program(url, "--until=1");
    kept.type("kept\n");
    assertEquals((await kept.ended).lines, ["kept"]);
  });
});

test("cli says at its end which held lines were never sent", () =>
  withServer((peer) => peer.refuse(503), async ({ url }) => {
    const program = new Program(url, "--max-attempts=2");
    program.type("one\ntwo\n");
    const { code, told } = await program.ended;
    assertEquals(code, 1);
    assertMatch(told, /line 1 of the input was not sent/);
    assertMatch(told, /line 2 of the input was not sent/);
  }));

test("cli --demo shows quotes of its own server", async () => {
  const { code, lines, told } = await runProgram("--demo", "--until=3");
  assertEquals(lines.map((line) => JSON.parse(line).n), [1, 2, 3]);
  assertEquals(code, 0, told);
});

test("cli --help and --version need no URL", async () => {
  const [help, version] = [await runProgram("--help"), await runProgram("--version")];
  assertEquals([help.code, version.code], [0, 0]);
  assertMatch(help.lines[0]!, /^Usage: holdfast URL/);
  assertMatch(version.lines.join(), /^\d+\.\d+\.\d+/);
});
