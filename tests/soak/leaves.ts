/**
 * The leaves of the soak test, each with a client process of its own.
 *
 * @module
 */

/** A leaf that is soaked. */
export type SoakLeaf = "native" | "tcp" | "tcp-tls" | "tcp-worker";

/** All of them: the platform's own, ours over ws: and over wss:, and ours in a worker. */
export const SOAK_LEAVES: readonly SoakLeaf[] = ["native", "tcp", "tcp-tls", "tcp-worker"];

/** Whether the leaf talks to the server that speaks TLS. */
export function isSecure(leaf: SoakLeaf): boolean {
  return leaf === "tcp-tls";
}
