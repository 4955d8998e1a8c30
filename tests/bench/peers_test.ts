/**
 * What takes part in the benchmark comes with `npm ci`, in the versions that the report names.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { assertEquals } from "@std/assert";
import { PACKAGES } from "../../bench/run/machine.ts";
import { root } from "../../tools/scenarios.ts";
import { test } from "../support/harness.ts";

const json = (file: string) => JSON.parse(readFileSync(`${root}/${file}`, "utf8"));

test("the benchmark's peers are pinned, in the versions of the last report", () => {
  const { packages } = json("package-lock.json");
  const { versions } = json("docs/benchmarks.json");
  const pinned = PACKAGES.map((name) => [name, packages[`node_modules/${name}`]?.version]);
  assertEquals(pinned, PACKAGES.map((name) => [name, versions[name]]));
});
