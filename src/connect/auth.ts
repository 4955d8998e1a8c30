/**
 * The innermost layer: credentials, pulled anew for every dial.
 *
 * @module
 */
import { raced } from "../contract/abort.ts";
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
      try {
        await raced(signal, () => source(own, { signal }));
      } catch (error) {
        signal.throwIfAborted();
        throw authError(error);
      }
      signal.throwIfAborted();
      return next.connect(own, context);
    },
  });
}

function authError(cause: unknown): TransportError {
  if (isTransportError(cause, "auth_rejected")) return cause;
  return new TransportError("auth_failed", "Cannot connect: the auth source failed", { cause });
}
