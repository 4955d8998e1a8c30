/**
 * TypeScript to JavaScript for a browser, by what the runtime has: the source is erasable, so that taking the types out is all there is to it.
 *
 * @module
 */
import * as nodeModule from "node:module";

interface Host {
  readonly Bun?: {
    readonly Transpiler: new (options: { loader: "ts" }) => { transformSync(code: string): string };
  };
}

const { Bun: bun } = globalThis as Host;
// Not a named import: Bun's node:module has no such export.
const { stripTypeScriptTypes } = nodeModule as { stripTypeScriptTypes?: (code: string) => string };

/** The same module without its types. */
export function stripTypes(code: string): string {
  if (bun !== undefined) return new bun.Transpiler({ loader: "ts" }).transformSync(code);
  if (stripTypeScriptTypes !== undefined) return stripTypeScriptTypes(code);
  throw new Error("The page needs Deno, Bun, or Node 22.18 or later");
}
