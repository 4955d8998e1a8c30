// What the report makes of figures.
import { readFileSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { chart, ROWS } from "../../bench/report/chart.ts";
import { FLOORS } from "../../bench/report/floors.ts";
import { page } from "../../bench/report/page.ts";
import { merged } from "../../bench/results_file.ts";
import type { Results } from "../../bench/results.ts";
import { root } from "../../tools/scenarios.ts";
import { test } from "../support/harness.ts";

const published = JSON.parse(readFileSync(`${root}/docs/benchmarks.json`, "utf8")) as Results;

test("the bound of what a slow consumer holds is the one that was allowed in the run", () => {
  const { bound } = FLOORS.find(({ path }) => path === "heldBytes")!;
  for (const [runtime, figures] of Object.entries(published.overload!)) {
    assertEquals(bound[runtime as keyof typeof bound], figures["heldBytesAllowed"]);
  }
});

test("merged() puts new parts beside older ones, each with its date, and mixes no part", () => {
  const { measured: _, ...older } = published;
  const newer: Results = {
    ...older,
    date: "2030-01-02T03:04:05.000Z",
    rounds: 3,
    versions: { bun: "9.9.9" },
    measured: { echo: { bun: { date: "2030-01-02T03:05:00.000Z", rounds: 3, load: 7 } } },
    detail: { echo: { bun: { at1: 1 } } },
    receive: {},
    send: {},
    latency: {},
    overload: {},
    reconnect: {},
    footprint: {},
    echo: { bun: { at1: { ratio: 1 } } },
  };
  const whole = merged(older, newer);
  assertEquals(whole.echo!.bun, { at1: { ratio: 1 } });
  assertEquals(whole.detail["echo"]!.bun, { at1: 1 });
  assertEquals(whole.echo!.node, older.echo!.node);
  assertEquals(whole.receive, older.receive);
  assertEquals(whole.detail["receive"], older.detail["receive"]);
  assertEquals(whole.versions, { ...older.versions, bun: "9.9.9" });
  const before = { date: older.date, rounds: older.rounds, load: older.machine.load };
  assertEquals(whole.measured!.echo, {
    deno: before,
    node: before,
    bun: { date: "2030-01-02T03:05:00.000Z", rounds: 3, load: 7 },
  });
  // Once kept, a date stays with its part.
  assertEquals(merged(whole, { ...newer, echo: {}, detail: {} }).measured, whole.measured);
});

test("the chart says of each bar what the table of the page says", () => {
  const drawn = [...chart(published).matchAll(/<rect.*?<text[^>]*>([\d.]+)<\/text>/g)];
  const table = page(published).split("### 200 bytes of text\n")[1]!.split("###")[0]!;
  const medians = new Map(
    [...table.matchAll(/^\| `(.*?)` +(.*)$/gm)].map(([, name, cells]) => [
      name!,
      [...cells!.matchAll(/\| ([\d.]+) /g)].map(([, median]) => median!),
    ]),
  );
  assertEquals(
    drawn.map(([, median]) => median),
    [0, 1, 2].flatMap((runtime) => ROWS.map(({ path }) => medians.get(path)![runtime])),
  );
});

test("the page names the days of its parts, and the load of each", () => {
  const part = (date: string, load: number) => ({ date, load, rounds: 10 });
  const measured = {
    echo: { node: part("2026-01-02T00:00:00Z", 0.5), bun: part("2026-01-03T00:00:00Z", 2) },
    send: { bun: part("2026-01-03T00:00:00Z", 1) },
  };
  const text = page({ ...published, measured });
  const line = text.split("\n").find((each) => each.startsWith("Measured "))!;
  assert(line.startsWith("Measured 2026-01-02, 2026-01-03 (echo on bun, send on bun) on "), line);
  assert(line.includes("load average at the beginning 0.5 to 2.0."), line);
});
