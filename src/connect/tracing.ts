/**
 * Tracing: the outermost layer. It gives the rest of the chain a `trace` function that cannot throw.
 *
 * @module
 */
import { ignored } from "../contract/abort.ts";
import type { ConnectContext, Connector, Layer } from "../contract/connector.ts";
import type { TraceEvent, Tracer } from "../contract/trace.ts";

/**
 * Sends the trace events of a chain to a tracer. What the tracer throws is contained.
 *
 * @param tracer Takes each event, synchronously and in order.
 *
 * @example
 * ```ts
 * import { chain, reconnect, tracing } from "@holdfast/ws";
 * import { web } from "@holdfast/ws/web";
 *
 * const platform = web();
 * const connector = chain(platform.connector, {
 *   outer: [tracing({ event: (event) => console.log(event.type) })],
 *   reconnect: reconnect({}, platform),
 * });
 * console.log(typeof connector.connect); // function
 * ```
 */
export function tracing(tracer: Tracer): Layer {
  return <C>(next: Connector<C>): Connector<C> => ({
    connect: (handshake, context) => next.connect(handshake, traced(context, tracer)),
  });
}

/** The context with the tracer in it, inside of the one that it has. */
export function traced<T extends Pick<ConnectContext, "trace">>(context: T, tracer: Tracer): T {
  const trace = (event: TraceEvent) => {
    context.trace?.(event);
    try {
      ignored(tracer.event(event));
    } catch {
      // A tracer may lose events; it may not break the actor.
    }
  };
  return { ...context, trace };
}
