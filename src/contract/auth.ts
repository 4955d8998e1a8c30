/**
 * Credentials: pulled anew for every dial.
 *
 * @module
 */
import type { Handshake } from "./handshake.ts";

/**
 * Stamps credentials on the handshake of one dial. It is called once per dial, under the dial's deadline, and what it did is never
 * used for another dial.
 *
 * Throwing `new TransportError("auth_rejected", ...)` says that the credentials are refused, which is a permanent failure; anything
 * else thrown is transient and is tried again.
 *
 * @example
 * ```ts
 * import type { AuthSource } from "@holdfast/ws";
 *
 * const auth: AuthSource = async (handshake, { signal }) => {
 *   const answer = await fetch("https://localhost/token", { signal });
 *   handshake.headers.set("authorization", `Bearer ${await answer.text()}`);
 * };
 * console.log(typeof auth);
 * ```
 */
export type AuthSource = (
  handshake: Handshake,
  options: { readonly signal: AbortSignal },
) => void | Promise<void>;
