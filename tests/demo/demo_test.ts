import { assert, assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { platform, test } from "../support/harness.ts";

/** As tools/run.mjs starts it: with no more rights than the demo needs. */
const RUNTIME_ARGS = platform === "deno"
  ? ["run", "--no-check", "--allow-net=127.0.0.1", "--allow-run", "--allow-read", "--allow-env"]
  : platform === "node"
  ? ["--disable-warning=ExperimentalWarning"]
  : [];

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs the demo on the runtime of this test; `onText` sees its output so far, and can end it. */
async function demo(
  args: readonly string[],
  onText: (text: string, interrupt: () => void) => void = () => {},
): Promise<Outcome> {
  const file = fileURLToPath(new URL("../../examples/demo/main.ts", import.meta.url));
  const child = spawn(process.execPath, [...RUNTIME_ARGS, file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    // Not child.kill(): Deno 2.9.5 then says that the signal ended it, whatever its exit code was.
    onText(text, () => process.kill(child.pid!, "SIGINT"));
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => errors += chunk);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, lines: text.trimEnd().split("\n"), errors };
}

/** The figures of the last line. */
function figuresOf(line: string): Record<string, number> {
  const pairs = [...line.matchAll(/(\w+)=(\d+)/g)].map(([, name, value]) => [name!, Number(value)]);
  return Object.fromEntries(pairs);
}

test("demo passes, shows progress in plain lines, and says so last", {
  timeoutMs: 40_000,
}, async () => {
  const { code, lines, errors } = await demo(["--seed", "2", "--duration", "5"]);
  const last = lines.at(-1)!;
  assert(
    /^demo: PASS received=\d+ delivered=\d+ lagged=\d+ discarded=\d+ inflight=\d+ /.test(last),
  );
  assertEquals(code, 0, errors);
  const figures = figuresOf(last);
  assertEquals(
    figures["received"],
    figures["delivered"]! + figures["lagged"]! + figures["discarded"]!,
  );
  assertEquals(figures["unexplained"], 0);
  assert(figures["lagged"]! > 0);
  assert(lines.filter((line) => line.includes("phase=")).length >= 4, "progress once per second");
  assert(!lines.some((line) => line.includes("\x1b")), "no terminal, no escape sequences");
});

test("demo --json prints one document that balances, and the verdict", {
  timeoutMs: 40_000,
}, async () => {
  const { code, lines, errors } = await demo(["--seed=3", "--duration=5", "--json"]);
  assertEquals(lines.length, 2);
  assert(lines[1]!.startsWith("demo: PASS "), lines[1]);
  assertEquals(code, 0, errors);
  const { sessions, totals, faults } = JSON.parse(lines[0]!) as {
    sessions: (Record<string, number> & { ended: string })[];
    totals: Record<string, number>;
    faults: { kind: string; done: number; shown: number }[];
  };
  assertEquals(figuresOf(lines[1]!), totals);
  assertEquals(sessions.map(({ epoch }) => epoch), sessions.map((_, at) => at + 1));
  assertEquals(totals["epochs"], sessions.length);
  for (const session of sessions) {
    const { sent, received, delivered, lagged, discarded, inflight } = session;
    assertEquals(received, delivered! + lagged! + discarded!);
    assertEquals(sent, received! + inflight!);
    if (session.ended.endsWith("by the server")) assertEquals(inflight, 0);
  }
  for (const name of ["received", "delivered", "lagged", "discarded", "inflight"]) {
    assertEquals(sessions.reduce((sum, session) => sum + session[name]!, 0), totals[name]);
  }
  assertEquals(faults.length, 9);
  for (const { kind, shown } of faults) assert(shown > 0, kind);
});

test("demo ends cleanly when it is interrupted, with its books in order", {
  timeoutMs: 40_000,
}, async () => {
  let sent = false;
  const { code, lines } = await demo([], (text, interrupt) => {
    if (sent || !text.includes("session 1 up")) return;
    sent = true;
    interrupt();
  });
  assert(/^demo: FAIL received=.* epochs=1 unexplained=0: interrupted$/.test(lines.at(-1)!));
  assertEquals(code, 130);
});

test("demo refuses a bad flag with one clear line, and does nothing else", async () => {
  const { code, lines, errors } = await demo(["--duration", "soon"]);
  assertEquals(code, 2);
  assertEquals(lines, [""]);
  assertEquals(
    errors.trimEnd(),
    'demo: --duration takes seconds from 5 to 3600, not "soon" (see --help)',
  );
});
