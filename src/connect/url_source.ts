/**
 * A url that is asked for anew for every dial.
 *
 * @module
 */
import { raced } from "../contract/abort.ts";
import type { DialLayer } from "../contract/connector.ts";
import { TransportError } from "../contract/errors.ts";
import { type Handshake, handshakeOf } from "../contract/handshake.ts";

/** Lets a function say where each dial goes. What it throws, and what is no url, is a transient failure of the dial. */
export function urlSource(source: () => string | URL | Promise<string | URL>): DialLayer {
  return (next) => ({
    capabilities: next.capabilities,
    async connect(handshake, context) {
      const { signal } = context;
      let moved: Handshake;
      try {
        // What is no url now may be one the next time, like what it throws.
        moved = handshakeOf({ ...handshake, url: await raced(signal, source) });
      } catch (cause) {
        signal.throwIfAborted();
        const message = "Cannot connect: the url function failed";
        throw new TransportError("connect_failed", message, { cause });
      }
      return next.connect(moved, context);
    },
  });
}
