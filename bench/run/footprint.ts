/**
 * What an idle connection costs beyond its socket, and what an import costs.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { program } from "../../tools/runner/programs.mjs";
import type { Measured, SectionRun } from "./sections.ts";
import { startClient } from "./programs.ts";

const CONNECTIONS = 5_000;

/** Measures it. */
export async function measureFootprints({ runtime, server, note }: SectionRun): Promise<Measured> {
  const perConnection: Record<string, number> = {};
  for (const candidate of ["native", "holdfast", "tcp"]) {
    note(`footprint on ${runtime}: ${CONNECTIONS} connections of ${candidate}`);
    const { client } = await startClient(runtime, { gc: true });
    try {
      perConnection[candidate] = Math.round(
        await client.ask<number>({
          job: "footprint",
          candidate,
          url: `ws://127.0.0.1:${server.port}/idle`,
          connections: CONNECTIONS,
        }),
      );
    } finally {
      await client.end();
    }
  }
  const { native, holdfast } = perConnection;
  const figures = {
    bytesPerConnection: perConnection,
    beyondBareSocket: holdfast! - native!,
    bundle: await bundles(),
  };
  return { figures, detail: { connections: CONNECTIONS } };
}

/** What is bundled: as in tools/sizes.json, which keeps the budgets. */
interface Budget {
  readonly name: string;
  readonly file: string;
  readonly names?: readonly string[];
}

/** Minified and gzipped, in bytes. */
async function bundles(): Promise<Record<string, number>> {
  const budgets = JSON.parse(Deno.readTextFileSync("tools/sizes.json")) as Budget[];
  const sizes: Record<string, number> = {};
  for (const { name, file, names } of budgets) {
    const entry = `export ${
      names === undefined ? "*" : `{ ${names.join(", ")} }`
    } from "./${file}";`;
    const child = new Deno.Command(program("esbuild")!, {
      args: ["--bundle", "--minify", "--format=esm", "--target=es2022", "--external:node:*"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(entry));
    await writer.close();
    const { stdout } = await child.output();
    sizes[name] = gzipSync(stdout, { level: 9 }).byteLength;
  }
  return sizes;
}
