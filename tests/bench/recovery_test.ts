// The part of the benchmark about faults: what the server does, what counts as recovered, and what the page says of it.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { page } from "../../bench/report/page.ts";
import { table } from "../../bench/report/table.ts";
import type { Results } from "../../bench/results.ts";
import { recovered } from "../../bench/run/recovery.ts";
import { faultOf, FAULTS } from "../../bench/server/faults.ts";
import { test } from "../support/harness.ts";

const only = ["deno"] as const;

test("the first connection of a story is lost, the second meets the fault, the third is served", {
  only,
}, () => {
  for (const kind of FAULTS) {
    const url = new URL(`ws://localhost/fault?kind=${kind}&key=${crypto.randomUUID()}`);
    const story = [1, 2, 3].map(() => {
      const { first, hangs, refused } = faultOf(url)!;
      return first ? "lost" : hangs ? "hangs" : refused ? "refused" : "served";
    });
    const second = { hungUpgrade: "hangs", status401: "refused" }[kind as string] ?? "served";
    assertEquals(story, ["lost", second, "served"], kind);
  }
  assertEquals(faultOf(new URL("ws://localhost/idle")), undefined);
});

test("stories of different keys and faults do not touch each other", { only }, () => {
  const key = crypto.randomUUID();
  const first = (query: string) => faultOf(new URL(`ws://localhost/fault?${query}`))!.first;
  assertEquals(first(`kind=kill&key=${key}`), true);
  assertEquals(first(`kind=kill&key=${key}`), false);
  assertEquals(first(`kind=hungAuth&key=${key}`), true);
  assertEquals(first(`kind=kill&key=${key}-other`), true);
});

test("recovered() is the median, and never where one round did not come back", { only }, () => {
  assertEquals(recovered([110.4, 90, 130]), 110);
  assertEquals(recovered([110, null, 130]), null);
});

const RESULTS: Results = {
  date: "2026-01-02T00:00:00.000Z",
  rounds: 10,
  machine: { os: "linux", cpu: "one", cores: 2, memoryBytes: 2 ** 34, load: 0.5 },
  versions: { deno: "2.9.5" },
  recovery: {
    deno: { halfOpen: { connect: 1_181, rews: null }, kill: { connect: 108, rews: 115 } },
  },
  detail: {},
};

test("what never came back is called so, in the table and on the page", { only }, () => {
  const cells = (text: string) => text.split("\n").map((line) => line.split(/[\s|]+/).join(" "));
  assertEquals(cells(table(RESULTS)).filter((line) => line.startsWith("halfOpen")), [
    "halfOpen.connect 1,181",
    "halfOpen.rews never",
  ]);
  assertEquals(cells(page(RESULTS)).filter((line) => line.includes("half open deno")), [
    " peer half open deno 1,181 never ",
  ]);
});

test("the page says where a peer is behind ours, and where it is not", { only }, () => {
  const of = (low: number, median: number, high: number) => ({ low, median, high, rounds: 9 });
  const figure = { ratio: of(1, 1, 1), cpuRatio: of(1, 1, 1), against: "native" };
  const counts = { framesPerSecond: 1, sent: 1, delivered: 1, dropped: 0, silentlyLost: 0 };
  const peer = (low: number, median: number, high: number) => ({
    ...figure,
    ...counts,
    peakRss: 1,
    behind: of(low, median, high),
  });
  const text200 = {
    rews: peer(1.1, 1.2, 1.3),
    partysocket: peer(0.9, 1.05, 1.1),
    effect: peer(0.7, 0.8, 0.9),
  };
  const text = page({ ...RESULTS, detail: { receive: { deno: { text200 } } } });
  const row = (name: string) => text.split("\n").find((line) => line.includes(`\`${name}\` (`))!;
  assertStringIncludes(row("rews"), "1.20 (1.10 to 1.30) ");
  assertEquals(/even|behind/.test(row("rews")), false);
  assertStringIncludes(row("partysocket"), "1.05 (0.90 to 1.10) **even**");
  assertStringIncludes(row("effect"), "0.80 (0.70 to 0.90) **behind**");
});
