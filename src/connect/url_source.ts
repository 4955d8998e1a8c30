/**
 * A url that is asked for anew for every dial.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { DialLayer } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { type Handshake, handshakeOf } from "../contract/handshake.ts";

/** Lets a function say where each dial goes. What it throws is a transient failure of the dial. */
export function urlSource(source: () => string | URL | Promise<string | URL>): DialLayer {
  return (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const { signal } = context;
      const url = await asked(source, signal);
      const own: Handshake = handshakeOf({ ...handshake, url });
      return next.connect(own, context);
    },
  });
}

function asked(
  source: () => string | URL | Promise<string | URL>,
  signal: AbortSignal,
): Promise<string | URL> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason));
    if (signal.aborted) return;
    const failed = (cause: unknown) => {
      forget();
      reject(
        new TransportError("connect_failed", "Cannot connect: the url function failed", { cause }),
      );
    };
    try {
      Promise.resolve(source()).then((url) => {
        forget();
        resolve(url);
      }, failed);
    } catch (error) {
      failed(error);
    }
  });
}
