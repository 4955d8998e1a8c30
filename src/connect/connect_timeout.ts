/**
 * One deadline per dial, over everything inside it: credentials, dial and open.
 *
 * @module
 */
import { onAbort, raced } from "../contract/abort.ts";
import type { WsConnection } from "../contract/connection.ts";
import type { DialLayer } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { OptionCheck } from "../contract/options.ts";
import type { Clock } from "../contract/runtime.ts";

/**
 * Gives each dial a fresh deadline. At the deadline, or when the dial is aborted, it rejects at once, whatever is inside and whether or not
 * that listens to its signal; a socket that opens later is abandoned.
 *
 * @param ms The deadline in milliseconds.
 * @param clock Time.
 * @throws {TransportError} `invalid_options`, if `ms` is not a finite number above 0.
 *
 * @example
 * ```ts
 * import { connectTimeout } from "@holdfast/ws";
 * import { web } from "@holdfast/ws/web";
 *
 * const { connector, clock } = web();
 * const dialled = connectTimeout(5_000, clock)(connector); // as any dial layer
 * console.log(dialled.capabilities === connector.capabilities); // true
 * ```
 */
export function connectTimeout(ms: number, clock: Clock): DialLayer {
  const check = new OptionCheck({ ms });
  if (ms === undefined) check.note("ms", ms, "a finite number above 0");
  check.positive("ms", 1);
  check.done("make a connect timeout");
  return deadline(ms, clock);
}

/** As {@link connectTimeout}, of a deadline that was checked. */
export function deadline(ms: number, clock: Clock): DialLayer {
  return (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const inner = new AbortController();
      const { signal } = inner;
      const forget = onAbort(context.signal, () => inner.abort(context.signal.reason));
      const cancel = clock.setTimer(() => {
        const message = `Cannot connect: took over ${ms} ms`;
        inner.abort(new TransportError("connect_timeout", message));
      }, ms);
      const inTime = (connection: WsConnection) => {
        if (!signal.aborted) return connection;
        connection.abandon();
        throw signal.reason;
      };
      try {
        return await raced(
          signal,
          () => next.connect(handshake, { ...context, signal }).then(inTime),
        );
      } finally {
        cancel();
        forget();
      }
    },
  });
}
