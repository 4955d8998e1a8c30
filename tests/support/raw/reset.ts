/**
 * Ending TCP by RST.
 *
 * @module
 */
import type { Socket } from "node:net";

/**
 * Sends RST. `resetAndDestroy` sets SO_LINGER to zero on Node, Deno and Bun alike (seen with strace: Node 22.23.3, Deno
 * 2.9.5, Bun 1.4.5), but after a FIN of ours it fails on Node with EINVAL, and the socket then never closes (22.23.3,
 * 24.21.0): such a socket is only destroyed.
 *
 * @param over A socket whose `end()` sends a FIN past the state of this one: a TLS socket over it.
 */
export function resetTcp(tcp: Socket, over: Socket = tcp): void {
  if (over.writableEnded || tcp.writableEnded) tcp.destroy();
  else tcp.resetAndDestroy();
}
