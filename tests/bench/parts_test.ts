// The benchmarks of the parts run: each of their functions, once. How fast is the business of `deno bench`.
import { readdirSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { root } from "../../tools/scenarios.ts";
import { test } from "../support/harness.ts";

interface Part {
  readonly name: string;
  readonly fn: (bench: { start(): void; end(): void }) => unknown;
}

/** What a file registers with `Deno.bench`, which takes options in either of two places. */
async function partsOf(file: string): Promise<Part[]> {
  const parts: Part[] = [];
  const { bench } = Deno;
  const take = (name: string, ...rest: unknown[]) => {
    parts.push({ name, fn: rest.at(-1) as Part["fn"] });
  };
  Object.assign(Deno, { bench: take });
  try {
    await import(file);
  } finally {
    Object.assign(Deno, { bench });
  }
  return parts;
}

const files = readdirSync(`${root}/bench`).filter((name) => name.endsWith(".bench.ts"));

for (const name of files) {
  test(`bench/${name}: every benchmark runs, and is waited for`, { only: ["deno"] }, async () => {
    const parts = await partsOf(`../../bench/${name}`);
    assert(parts.length > 1, "a control, and what is held against it");
    for (const { name, fn } of parts) {
      const returned = fn({ start() {}, end() {} });
      // `deno bench` runs the next iteration at once if the function is not `async` itself (2.9.5): none would ever end.
      assertEquals(returned instanceof Promise, fn.constructor.name === "AsyncFunction", name);
      await returned;
    }
  });
}
