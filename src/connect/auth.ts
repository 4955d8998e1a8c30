/**
 * The innermost layer: credentials, pulled anew for every dial.
 *
 * @module
 */
import { onAbort } from "../contract/abort.ts";
import type { AuthSource } from "../contract/auth.ts";
import type { DialLayer } from "../contract/connector.ts";
import { isTransportError, TransportError } from "../contract/errors.ts";
import type { Handshake } from "../contract/handshake.ts";

/**
 * Lets a source stamp the handshake of each dial. What it made is used for this dial and no other.
 *
 * @param source Called once per dial, with a fresh copy of the handshake.
 * @throws {TransportError} From the dial: `auth_rejected` as the source threw it; `auth_failed` with whatever else it threw as the cause.
 *
 * @example
 * ```ts
 * import { auth, type DialLayer } from "@holdfast/ws";
 *
 * const layer: DialLayer = auth((handshake) => handshake.headers.set("authorization", "Bearer of this minute"));
 * console.log(typeof layer); // function
 * ```
 */
export function auth(source: AuthSource): DialLayer {
  return (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const { signal } = context;
      const own: Handshake = {
        url: new URL(handshake.url),
        protocols: [...handshake.protocols],
        headers: new Headers(handshake.headers),
      };
      await pull(source, own, signal);
      signal.throwIfAborted();
      return next.connect(own, context);
    },
  });
}

/** Rejects as soon as the dial is over, even if the source does not listen to the signal. */
function pull(source: AuthSource, handshake: Handshake, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason));
    if (signal.aborted) return;
    const settle = (act: () => void) => {
      forget();
      act();
    };
    const failed = (error: unknown) => settle(() => reject(authError(error)));
    try {
      Promise.resolve(source(handshake, { signal })).then(() => settle(resolve), failed);
    } catch (error) {
      failed(error);
    }
  });
}

function authError(cause: unknown): TransportError {
  if (isTransportError(cause, "auth_rejected")) return cause;
  return new TransportError("auth_failed", "Cannot connect: the auth source failed", { cause });
}
