/**
 * What an idle connection costs beyond its socket, and what an import costs.
 *
 * @module
 */
import type { Measured, SectionRun } from "./sections.ts";
import { runtimeProgram, startClient } from "./programs.ts";

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

/** Minified and gzipped, in bytes: by the gate of tools/runner/sizes.mjs, on Node as there, since Deno's gzip packs less tightly. */
async function bundles(): Promise<Record<string, number>> {
  const code = `import { bundleSizes } from "./tools/runner/sizes.mjs";
    console.log(JSON.stringify(await bundleSizes()));`;
  const { success, stdout } = await new Deno.Command(runtimeProgram("node")?.file ?? "node", {
    args: ["--input-type=module", "--eval", code],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("Cannot measure bundles: see above");
  const sizes = JSON.parse(new TextDecoder().decode(stdout)) as {
    readonly name: string;
    readonly bytes: number;
  }[];
  return Object.fromEntries(sizes.map(({ name, bytes }) => [name, bytes]));
}
