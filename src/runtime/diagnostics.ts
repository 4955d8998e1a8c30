/**
 * A bridge to `node:diagnostics_channel`, which Node, Deno and Bun have: whoever instruments a process listens there, without touching the code
 * that connects.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import type { Tracer } from "../contract/trace.ts";

/**
 * Makes a tracer that publishes every event on a diagnostics channel. Without a subscriber it costs next to nothing.
 *
 * @param name The channel. @default {"holdfast:event"}
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { diagnosticsTracer } from "@holdfast/ws/node";
 *
 * subscribe("holdfast:event", (event) => console.log(event));
 * diagnosticsTracer().event({ type: "stale", epoch: 1, atMs: 0 });
 * ```
 */
export function diagnosticsTracer(name = "holdfast:event"): Tracer {
  const events = channel(name);
  return {
    event(event) {
      if (events.hasSubscribers) events.publish(event);
    },
  };
}
