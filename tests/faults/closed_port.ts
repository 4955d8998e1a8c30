/**
 * A port where nobody listens.
 *
 * @module
 */
import { startRawServer } from "../support/raw_server.ts";

/** A port of 127.0.0.1 that was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = await startRawServer({ onPeer: (peer) => peer.reset() });
  await server.close();
  return server.port;
}
