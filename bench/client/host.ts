/**
 * Which runtime this is.
 *
 * @module
 */

/** The runtimes that the benchmark compares. */
export type HostName = "deno" | "node" | "bun";

interface Host {
  readonly Deno?: { readonly version: { readonly deno: string } };
  readonly Bun?: { readonly version: string };
  readonly process?: { readonly versions: { readonly node: string } };
}

const globals = globalThis as Host;

/** This one. */
export const host: HostName = globals.Bun !== undefined
  ? "bun"
  : globals.Deno !== undefined
  ? "deno"
  : "node";

/** Its version. */
export const hostVersion: string = globals.Bun?.version ?? globals.Deno?.version.deno ??
  globals.process!.versions.node;
