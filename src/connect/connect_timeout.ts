/**
 * One deadline per dial, over everything inside it: credentials, dial and open.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
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
  const check = new OptionCheck();
  if (ms === undefined) check.note("ms", ms, "a finite number above 0");
  check.positive("ms", ms, 1);
  check.done("make a connect timeout");
  return (next) => ({
    capabilities: next.capabilities,
    connect: (handshake, context) =>
      new Promise<WsConnection>((resolve, reject) => {
        const inner = new AbortController();
        let settled = false;
        const settle = (act: () => void) => {
          if (settled) return;
          settled = true;
          cancel();
          forget();
          act();
        };
        const cancel = clock.setTimer(() => {
          const error = new TransportError("connect_timeout", `Cannot connect: took over ${ms} ms`);
          settle(() => {
            reject(error);
            inner.abort(error);
          });
        }, ms);
        let forget = () => {};
        forget = onAbort(context.signal, () =>
          settle(() => {
            reject(context.signal.reason);
            inner.abort(context.signal.reason);
          }));
        if (settled) return forget();
        let dial: Promise<WsConnection>;
        try {
          dial = next.connect(handshake, { ...context, signal: inner.signal });
        } catch (error) {
          dial = Promise.reject(error);
        }
        dial.then((connection) => {
          if (settled) connection.abandon();
          else settle(() => resolve(connection));
        }, (error) => settle(() => reject(error)));
      }),
  });
}
