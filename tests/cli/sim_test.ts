// The program against the simulators, as somebody would look at a venue.
import { assert, assertEquals } from "@std/assert";
import { BINANCE_TEST, startSimBinance } from "../../examples/sim/binance.ts";
import { COINBASE_TEST, startSimCoinbase } from "../../examples/sim/coinbase.ts";
import { IBKR_TEST, startSimIbkr } from "../../examples/sim/ibkr.ts";
import { test } from "../support/harness.ts";
import { Program, runProgram } from "./program.ts";

test("cli follows SimBinance over a reset, with the streams in the url", async () => {
  const sim = await startSimBinance({ rules: BINANCE_TEST });
  try {
    const program = new Program(
      `${sim.url}/stream?streams=btcusdt@trade/btcusdt@depth@100ms`,
      "--preset=binance-streams",
      "--json",
      "--stats",
    );
    program.endInput();
    await program.printed("depthUpdate");
    await program.printed("@trade");
    sim.last.rst();
    await program.told("session 2 up");
    await program.printed('"epoch":2');
    program.kill("SIGTERM");
    const { code, lines, told } = await program.ended;
    const frames = lines.map((line) => JSON.parse(line) as { seq: number; data: string });
    assertEquals(frames.map(({ seq }) => seq), frames.map((_, at) => at + 1), "no hole in seq");
    assert(frames.every(({ data }) => data.includes('"stream":')), "only what the url asked for");
    assert(told.includes("session 1 lost") && told.includes("balance=ok"), told);
    assertEquals(code, 143);
  } finally {
    await sim.close();
  }
});

test("cli subscribes to SimCoinbase with --send, in every session", async () => {
  const sim = await startSimCoinbase({ rules: COINBASE_TEST });
  try {
    const { code, lines, told } = await runProgram(
      sim.url,
      "--preset=coinbase-market",
      '--send={"type":"subscribe","channel":"heartbeats"}',
      "--until=heartbeat_counter",
    );
    assertEquals(code, 0, told);
    assert(lines.at(-1)!.includes('"channel":"heartbeats"'));
  } finally {
    await sim.close();
  }
});

test("cli reaches SimIbkr behind its cookie", async () => {
  const sim = await startSimIbkr({ rules: IBKR_TEST });
  try {
    const answer = await fetch(`${sim.httpUrl}/v1/api/tickle`, { method: "POST" });
    const { session } = await answer.json() as { session: string };
    const program = new Program(
      `${sim.url}/v1/api/ws`,
      "--preset=ibkr-gateway",
      `--header=Cookie: api={"session":"${session}"}`,
      "--until=smd+265598",
    );
    // What comes before the gateway has said so is ignored: too early for --send.
    await program.printed('"authenticated":true');
    program.type('smd+265598+{"fields":["31"]}\n');
    const { code, told } = await program.ended;
    assertEquals(code, 0, told);
    assert(!told.includes(session), "the cookie is not told");
  } finally {
    await sim.close();
  }
});
