/**
 * Where and with what was measured.
 *
 * @module
 */
import type { HostName } from "../client/host.ts";
import { OptionError } from "../options.ts";
import { startClient } from "./programs.ts";

/** The machine, as far as the system tells. */
export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Load average of the last minute at the beginning: above the number of cores, others used the machine too. */
  readonly load: number;
}

/** This one. */
export function machine(): Machine {
  let cpu = "a virtual machine";
  try {
    cpu = /^model name\s*: (.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? cpu;
    if (cpu === "unknown") cpu = "a virtual machine";
  } catch {
    // Only Linux has it.
  }
  return {
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cpu,
    cores: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    load: Deno.loadavg()[0]!,
  };
}

/** Packages that take part, whose versions the report names. */
export const PACKAGES = ["@nktkas/rews", "partysocket", "@atproto/ws-client", "effect", "ws"];

/** Versions of the runtimes, of the peers, and of this package. */
export async function versions(runtimes: readonly HostName[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const runtime of runtimes) {
    const { client, version } = await startClient(runtime);
    found[runtime] = version;
    await client.end();
  }
  for (const name of PACKAGES) {
    found[name] = versionIn(`node_modules/${name}/package.json`);
  }
  found["@holdfast/ws"] = versionIn("deno.json");
  return found;
}

function versionIn(file: string): string {
  try {
    return (JSON.parse(Deno.readTextFileSync(file)) as { version: string }).version;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new OptionError(`Cannot measure without ${file}: npm ci`);
  }
}
