/**
 * The best leaf of the runtime that runs this.
 *
 * @module
 */
import type { Entry } from "../runtime/web.ts";

/** `open` of this runtime; only its own module is loaded. */
export async function nativeOpen(): Promise<Entry["open"]> {
  // Bun and Deno also say that they are Node.
  if ("Bun" in globalThis) return (await import("../runtime/bun.ts")).open;
  if ("Deno" in globalThis) return (await import("../runtime/deno.ts")).open;
  if (!("WebSocket" in globalThis)) {
    throw new Error("This Node has no WebSocket: use 22.18 or later");
  }
  return (await import("../runtime/node.ts")).open;
}
